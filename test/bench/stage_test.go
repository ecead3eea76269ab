package bench

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"lambdabase/internal/sample/githost"
	"lambdabase/test/bench/report"
	"lambdabase/test/sandbox"

	"github.com/pkg/errors"
	"github.com/stretchr/testify/require"
)

// stage is where one build is measured: all that it writes is new, and gone afterwards.
type stage struct {
	*env
	host   *host
	url    string // of the host
	t      *testing.T
	dir    string
	id     string          // of the group's way: what is in the registry is found again by it
	daemon *sandbox.Daemon // nil: none
	second *sandbox.Daemon // of the other architecture; nil: none

	commands atomic.Int64 // what they took of the processors: a duration
}

// compare measures a group's ways in turns.
func (e *env) compare(t *testing.T, g group, rounds int) report.Group {
	t.Helper()
	measured := report.Group{Name: g.name, Title: g.title, Charted: g.charted, Machine: machine(t)}
	for _, w := range g.ways {
		measured.Ways = append(measured.Ways, report.Way{Name: w.name})
		if g.filled != nil {
			e.onStage(t, g, w, func(s *stage) error { return w.build(s, *g.filled) })
		}
	}
	for range rounds {
		for i, w := range g.ways {
			runs := e.round(t, g, w)
			measured.Ways[i].Runs = append(measured.Ways[i].Runs, runs...)
		}
	}
	return measured
}

// round builds in one way, on a new stage.
func (e *env) round(t *testing.T, g group, w way) (runs []report.Run) {
	t.Helper()
	e.onStage(t, g, w, func(s *stage) error {
		if g.before != nil {
			if err := w.build(s, *g.before); err != nil {
				return err
			}
		}
		for range max(1, g.repeat) {
			run, err := s.measure(func() error { return w.build(s, g.measured) })
			if err != nil {
				return err
			}
			run.Distinct = s.host.distinct(g.measured)
			runs = append(runs, run)
			t.Logf("%s, %s: %.2f s", g.name, w.name, run.Seconds)
		}
		return nil
	})
	return runs
}

func (e *env) onStage(t *testing.T, g group, w way, run func(*stage) error) {
	t.Helper()
	t.Run(g.name, func(t *testing.T) {
		s := &stage{env: e, host: e.hostOf(g), t: t, dir: t.TempDir(), id: g.name + "/" + strings.ToLower(strings.Fields(w.name)[0])}
		s.url = s.host.near
		if g.far {
			s.url = s.host.far
		}
		if w.daemon {
			s.daemon = sandbox.Start(t)
		}
		if g.machines {
			s.second = sandbox.Start(t)
			require.NoError(t, s.createBuilder())
		}
		require.NoError(t, run(s), w.name)
	})
}

// measure counts what a build takes.
func (s *stage) measure(build func() error) (run report.Run, err error) {
	s.host.server.Reset()
	s.registry.reset()
	s.commands.Store(0)
	before, err := s.daemonTime()
	if err != nil {
		return run, err
	}
	peak, start := watchMemory(), time.Now()
	err = build()
	run.Seconds = time.Since(start).Seconds()
	memory := peak()
	if err != nil {
		return run, err
	}
	if run.Memory = memory.all; s.second != nil {
		run.Frontends, run.Daemons = memory.frontends, memory.daemons
	}
	after, err := s.daemonTime()
	run.CPU = (after - before + time.Duration(s.commands.Load())).Seconds()
	for _, r := range s.host.server.Requests() {
		if r.Kind == githost.Object {
			run.Objects++
			run.Bytes += r.Bytes
		}
	}
	run.Layers, run.Pulled = s.registry.pulled()
	return run, err
}

// run runs a program, in the stage's folder, for a user of whom nothing else is known.
func (s *stage) run(program string, args ...string) error {
	return s.runIn(s.dir, program, args...)
}

func (s *stage) runIn(dir, program string, args ...string) error {
	cmd := exec.CommandContext(s.t.Context(), program, args...)
	var out bytes.Buffer
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &out, &out
	cmd.Env = append(os.Environ(), "HOME="+s.home, "DOCKER_CONFIG="+s.home, "BUILDX_CONFIG="+filepath.Join(s.dir, "buildx"), "GIT_CONFIG_NOSYSTEM=1", "BUILDKIT_HOST=")
	err := cmd.Run()
	if cmd.ProcessState != nil {
		s.commands.Add(int64(cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()))
	}
	return errors.Wrapf(err, "%s %s: %s", filepath.Base(program), strings.Join(args, " "), out.String())
}

func (s *stage) daemonTime() (time.Duration, error) {
	var sum time.Duration
	for _, d := range []*sandbox.Daemon{s.daemon, s.second} {
		if d == nil {
			continue
		}
		t, err := cpuTime(d.Pid)
		if err != nil {
			return 0, err
		}
		sum += t
	}
	return sum, nil
}
