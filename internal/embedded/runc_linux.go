package embedded

import (
	"context"
	"path/filepath"

	"lambdabase/internal/isolate"

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

// refusingExecutor refuses every step with a reason: most builds run nothing.
type refusingExecutor struct {
	reason string
}

func (r refusingExecutor) Run(context.Context, string, executor.Mount, []executor.Mount, executor.ProcessInfo, chan<- struct{}) (resourcestypes.Recorder, error) {
	return nil, errors.New(r.reason)
}

func (r refusingExecutor) Exec(context.Context, string, executor.ProcessInfo) error {
	return errors.New(r.reason)
}

const (
	noRunc    = "this step runs a program, for which runc is missing: install package runc"
	noSandbox = "this step would run without a process sandbox, as parts of /proc are hidden here, which is so in containers: " +
		"it would see your processes, and could end them. Allow it with --no-process-sandbox, or build as root of the machine, or outside the container"
)

// newExecutor runs steps with runc. Its files are in the folder in memory: what a killed process left running or mounted
// is gone, and so must be what describes it.
func newExecutor(o Options, run string, monitor *resources.Monitor) (executor.Executor, error) {
	runc, err := findRunc(o.Runc)
	if err != nil || runc == "" {
		return refusingExecutor{noRunc}, err
	}
	unsandboxed, err := isolate.ProcHidden()
	if err != nil || unsandboxed && !o.NoProcessSandbox {
		return refusingExecutor{noSandbox}, err
	}
	// Its state is in memory too, for which BuildKit has no option: runc's default is /run/runc, which is root's.
	script := filepath.Join(run, "runc")
	if err := wrapProgram(script, runc, "--root", filepath.Join(run, "containers")); err != nil {
		return nil, err
	}
	opt := runcexecutor.Opt{
		Root:              filepath.Join(run, "executor"),
		CommandCandidates: []string{script},
		Rootless:          userns.RunningInUserNS(), // which leaves cgroups alone
		ResourceMonitor:   monitor,
	}
	if unsandboxed {
		opt.ProcessMode = oci.NoProcessSandbox
	}
	return runcexecutor.New(opt, networks())
}

func findRunc(requested string) (string, error) {
	if requested != "" {
		path, err := isolate.LookPath(requested)
		return path, errors.Wrap(err, "runc")
	}
	// Not crun, of which not every version keeps a container that has ended, as BuildKit wants it.
	path, err := isolate.LookPath("buildkit-runc", "runc")
	if err != nil {
		return "", nil // to be told when a step needs it
	}
	return path, nil
}

// networks returns the machine's, or none. BuildKit's others need CNI plugins.
func networks() map[pb.NetMode]network.Provider {
	host := network.NewHostProvider()
	return map[pb.NetMode]network.Provider{
		pb.NetMode_UNSET: host,
		pb.NetMode_HOST:  host,
		pb.NetMode_NONE:  network.NewNoneProvider(),
	}
}
