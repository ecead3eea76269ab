package bench

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/pkg/errors"
)

// process is a line of /proc/PID/stat.
type process struct {
	pid, parent int
	name        string
	cpu         time.Duration // also of what it ran and waited for
	memory      int64         // resident, in bytes
}

// parseStat reads such a line. Times are hundredths of a second.
func parseStat(stat string) (p process, err error) {
	begin, end := strings.Index(stat, "("), strings.LastIndex(stat, ")") // the name may have any characters
	if begin < 1 || end < begin {
		return p, errors.Errorf("malformed stat of a process: %q", stat)
	}
	p.name = stat[begin+1 : end]
	fields := append([]string{stat[:begin-1]}, strings.Fields(stat[end+1:])...)
	if len(fields) < 23 {
		return p, errors.Errorf("malformed stat of a process: %q", stat)
	}
	numbers := make([]int64, len(fields))
	for _, i := range []int{0, 2, 12, 13, 14, 15, 22} {
		if numbers[i], err = strconv.ParseInt(fields[i], 10, 64); err != nil {
			return p, errors.Wrap(err, "stat of a process")
		}
	}
	p.pid, p.parent, p.memory = int(numbers[0]), int(numbers[2]), numbers[22]*int64(os.Getpagesize())
	for _, ticks := range numbers[12:16] {
		p.cpu += time.Duration(ticks) * 10 * time.Millisecond
	}
	return p, nil
}

// cpuTime is what a process took so far.
func cpuTime(pid int) (time.Duration, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, errors.WithStack(err)
	}
	p, err := parseStat(string(stat))
	return p.cpu, err
}

const sampleInterval = 100 * time.Millisecond

// memory is what processes have of it, in bytes, together.
type memory struct{ all, frontends, daemons int64 }

func (m memory) max(n memory) memory {
	return memory{max(m.all, n.all), max(m.frontends, n.frontends), max(m.daemons, n.daemons)}
}

// watchMemory looks again and again how much memory all has that this process runs; the most is what it returns at the end.
func watchMemory() (end func() memory) {
	stop, peak := make(chan struct{}), make(chan memory)
	go func() {
		most := memoryOfChildren()
		for tick := time.NewTicker(sampleInterval); ; {
			select {
			case <-tick.C:
				most = most.max(memoryOfChildren())
			case <-stop:
				tick.Stop()
				peak <- most.max(memoryOfChildren())
				return
			}
		}
	}()
	return func() memory {
		close(stop)
		return <-peak
	}
}

func memoryOfChildren() memory {
	files, _ := filepath.Glob("/proc/[0-9]*/stat")
	var all []process
	for _, file := range files {
		stat, _ := os.ReadFile(file) // it may have ended
		if p, err := parseStat(string(stat)); err == nil {
			if p.name == frontendName { // of which there may be many, on one file
				rollup, _ := os.ReadFile(filepath.Join(filepath.Dir(file), "smaps_rollup"))
				p.memory = proportional(string(rollup))
			}
			all = append(all, p)
		}
	}
	return memoryBelow(os.Getpid(), all)
}

// proportional is what /proc/PID/smaps_rollup says that a process has of memory, in bytes: what several share is divided among them.
func proportional(rollup string) (bytes int64) {
	for line := range strings.Lines(rollup) {
		if n, _ := fmt.Sscanf(line, "Pss: %d kB", &bytes); n == 1 {
			return bytes << 10
		}
	}
	return 0
}

// memoryBelow adds up what a process runs. What has its name still is it, on the way to become something else.
func memoryBelow(pid int, all []process) (m memory) {
	parents, name := map[int]int{}, ""
	for _, p := range all {
		parents[p.pid] = p.parent
		if p.pid == pid {
			name = p.name
		}
	}
	for _, p := range all {
		for parent := p.parent; parent > 1 && p.name != name; parent = parents[parent] {
			if parent == pid {
				m.add(p)
				break
			}
		}
	}
	return m
}

// add counts a process by its name, of which the kernel keeps 15 characters: no more than frontends have.
func (m *memory) add(p process) {
	m.all += p.memory
	switch p.name {
	case frontendName:
		m.frontends += p.memory
	case "buildkitd":
		m.daemons += p.memory
	}
}
