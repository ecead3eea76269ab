package embedded

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/moby/buildkit/executor"
	"github.com/moby/buildkit/executor/oci"
	"github.com/moby/buildkit/executor/resources"
	resourcestypes "github.com/moby/buildkit/executor/resources/types"
	"github.com/moby/buildkit/executor/runcexecutor"
	"github.com/moby/buildkit/solver/pb"
	"github.com/moby/buildkit/util/network"
	"github.com/moby/sys/userns"
	"github.com/pkg/errors"
)

// noRunc stands for runc where there is none: most builds run nothing.
type noRunc struct{}

func (noRunc) Run(context.Context, string, executor.Mount, []executor.Mount, executor.ProcessInfo, chan<- struct{}) (resourcestypes.Recorder, error) {
	return nil, errNoRunc()
}

func (noRunc) Exec(context.Context, string, executor.ProcessInfo) error {
	return errNoRunc()
}

func errNoRunc() error {
	return errors.New("this step runs a program, for which runc is missing: install package runc")
}

// newExecutor runs steps with runc. Its files are in the folder in memory: what a killed process left running or mounted
// is gone, and so must be what describes it.
func newExecutor(asked, run string, monitor *resources.Monitor) (executor.Executor, error) {
	runc, err := findRunc(asked)
	if err != nil || runc == "" {
		return noRunc{}, err
	}
	script, err := wrapRunc(runc, run)
	if err != nil {
		return nil, err
	}
	opt := runcexecutor.Opt{
		Root:              filepath.Join(run, "executor"),
		CommandCandidates: []string{script},
		Rootless:          userns.RunningInUserNS(), // which leaves cgroups alone
		ResourceMonitor:   monitor,
	}
	if opt.Rootless {
		if opt.ProcessMode, err = processMode(); err != nil {
			return nil, err
		}
	}
	return runcexecutor.New(opt, networks())
}

func findRunc(asked string) (string, error) {
	if asked != "" {
		path, err := lookPath(asked)
		return path, errors.Wrap(err, "runc")
	}
	// Not crun, of which not every version keeps a container that has ended, as BuildKit wants it.
	path, err := lookPath("buildkit-runc", "runc")
	if err != nil {
		return "", nil // to be told when a step needs it
	}
	return path, nil
}

// wrapRunc makes a script that runs runc with its state in the folder: its default is /run/runc, which is root's.
// BuildKit has no option for it.
func wrapRunc(runc, folder string) (string, error) {
	script := filepath.Join(folder, "runc")
	text := fmt.Sprintf("#!/bin/sh\nexec %s --root %s \"$@\"\n", quote(runc), quote(filepath.Join(folder, "containers")))
	return script, errors.WithStack(os.WriteFile(script, []byte(text), 0o700))
}

// quote makes a word of a shell.
func quote(s string) string {
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// processMode is that of rootless steps: where /proc is masked, Linux doesn't let them have one of their own.
func processMode() (oci.ProcessMode, error) {
	masked, err := procMasked()
	if masked {
		return oci.NoProcessSandbox, err
	}
	return oci.ProcessSandbox, err
}

// networks are the machine's, or none. BuildKit's others need CNI plugins.
func networks() map[pb.NetMode]network.Provider {
	host := network.NewHostProvider()
	return map[pb.NetMode]network.Provider{
		pb.NetMode_UNSET: host,
		pb.NetMode_HOST:  host,
		pb.NetMode_NONE:  network.NewNoneProvider(),
	}
}
