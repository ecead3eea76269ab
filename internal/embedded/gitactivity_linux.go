package embedded

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// clockTick is the unit of times in /proc, which is the same on all machines that Go knows.
const clockTick = time.Second / 100

// GitActivity returns, of BuildKit's git that talks to a host, how long nothing has come from there, and how long the
// processor has worked for it. Nothing is known where none has a connection, or where that can't be seen.
func GitActivity(host string) (idle, cpuTime time.Duration, known bool) {
	for _, group := range gitGroups() {
		if !group.hasArgument(host) {
			continue
		}
		for _, p := range group {
			cpuTime += p.cpuTime
			if s, ok := idleTime(p.pid); ok && (!known || s < idle) {
				idle, known = s, true
			}
		}
	}
	return idle, cpuTime, known
}

// gitGroup is one git with what it runs. BuildKit makes a group of each (source/git/source_linux.go, v0.33.1).
type gitGroup []gitProcess

type gitProcess struct {
	pid     int
	cpuTime time.Duration // with that of its children that have ended
}

// hasArgument reports whether a program of the group is given a host: git-remote-https its URL, ssh its name.
func (g gitGroup) hasArgument(host string) bool {
	for _, p := range g {
		words, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", p.pid))
		if err == nil && bytes.Contains(bytes.ToLower(words), []byte(strings.ToLower(host))) {
			return true
		}
	}
	return false
}

// gitGroups returns those of this process' children that are git, by their leader.
func gitGroups() map[int]gitGroup {
	groups, leaders := map[int]gitGroup{}, map[int]bool{}
	files, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // it has ended
		}
		name, fields := parseStat(string(text))
		if len(fields) < 15 {
			continue
		}
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		groups[fields[2]] = append(groups[fields[2]], gitProcess{pid, time.Duration(fields[11]+fields[12]+fields[13]+fields[14]) * clockTick})
		leaders[pid] = name == "git" && fields[1] == os.Getpid()
	}
	for leader := range groups {
		if !leaders[leader] {
			delete(groups, leader)
		}
	}
	return groups
}

// parseStat returns the name of a process, and the numbers from the third field on. The third is a letter, which counts as 0.
func parseStat(text string) (name string, fields []int) {
	begin, end := strings.Index(text, "("), strings.LastIndex(text, ")")
	if begin < 0 || end < begin {
		return "", nil
	}
	for _, field := range strings.Fields(text[end+1:]) {
		n, _ := strconv.Atoi(field)
		fields = append(fields, n)
	}
	return text[begin+1 : end], fields
}

// idleTime returns how long nothing has come over any connection of a process. What has come and is not read is the process's
// own delay.
func idleTime(pid int) (idle time.Duration, known bool) {
	pidfd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return 0, false
	}
	defer unix.Close(pidfd)
	files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	for _, file := range files {
		if to, err := os.Readlink(file); err != nil || !strings.HasPrefix(to, "socket:") {
			continue
		}
		fd, _ := strconv.Atoi(filepath.Base(file))
		if s, ok := socketIdleTime(pidfd, fd); ok && (!known || s < idle) {
			idle, known = s, true
		}
	}
	return idle, known
}

// socketIdleTime looks at a descriptor of another process, by one of its own.
func socketIdleTime(pidfd, fd int) (idle time.Duration, known bool) {
	own, err := unix.PidfdGetfd(pidfd, fd, 0)
	if err != nil {
		return 0, false
	}
	defer unix.Close(own)
	info, err := unix.GetsockoptTCPInfo(own, unix.IPPROTO_TCP, unix.TCP_INFO)
	if err != nil || info.State != unix.BPF_TCP_ESTABLISHED {
		return 0, false
	}
	if unread, err := unix.IoctlGetInt(own, unix.TIOCINQ); err != nil || unread > 0 {
		return 0, err == nil
	}
	return time.Duration(info.Last_data_recv) * time.Millisecond, true
}
