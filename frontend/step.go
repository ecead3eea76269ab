package frontend

import (
	"bytes"
	"context"
	"io"
	"maps"
	"slices"
	"strings"

	"lambdabase/internal/execstep/contract"
	"lambdabase/internal/secrets"
	"lambdabase/llb/lambda2llb"

	"github.com/moby/buildkit/client/llb"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	gatewaypb "github.com/moby/buildkit/frontend/gateway/pb"
	"github.com/moby/buildkit/solver/errdefs"
	"github.com/moby/buildkit/solver/pb"
	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/pkg/errors"
)

// newStep returns a step of our own that asks a repository, or the LFS server that is asked in its place; nil where the frontend
// runs from no image, and so has nothing to run.
func (r *request) newStep(repo remote, server string) (*lambda2llb.Step, error) {
	platform := ocispecs.Platform{OS: "linux", Architecture: r.daemonPlatform().Architecture}
	self, err := r.frontendImage(platform)
	if self == nil || err != nil {
		return nil, err
	}
	proxy, err := proxyEnv(r.bc.BuildArgs)
	if err != nil {
		return nil, err
	}
	return &lambda2llb.Step{
		Image: *self, Platform: platform,
		Secrets:     r.session.stepSecrets(slices.Concat([]string{secrets.CA}, secrets.IDs(repo.host(), hostOf(server)), contract.Proxies)),
		KnownHosts:  repo.hostKeys,
		SSHAgent:    r.session.SSHAgent,
		Client:      digest.FromString(r.bc.BuildOpts().SessionID).Encoded()[:12],
		HostNetwork: r.bc.NetworkMode == pb.NetMode_HOST,
		ExtraHosts:  r.bc.ExtraHosts,
		Proxy:       proxy,
	}, nil
}

// proxyEnv returns the proxies that the build arguments name, in capitals or not, as for every other step.
func proxyEnv(args map[string]string) (llb.ProxyEnv, error) {
	given := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(args)) {
		upper := strings.ToUpper(name)
		if !slices.Contains(contract.Proxies, upper) && upper != "NO_PROXY" {
			continue
		}
		if upper != "NO_PROXY" && strings.Contains(args[name], "@") {
			return llb.ProxyEnv{}, errors.Errorf("build argument %s has user information in it, which would end up in provenance and logs: pass it as the secret %s instead", name, upper)
		}
		given[upper] = args[name]
	}
	return llb.ProxyEnv{
		HTTPProxy: given["HTTP_PROXY"], HTTPSProxy: given["HTTPS_PROXY"], NoProxy: given["NO_PROXY"], AllProxy: given["ALL_PROXY"],
	}, nil
}

// frontendImage is the image that the frontend runs from.
func (r *request) frontendImage(platform ocispecs.Platform) (*llb.State, error) {
	if st, err := r.currentFrontend(); st != nil || err != nil {
		return st, err
	}
	if source := r.bc.BuildOpts().Opts["source"]; source != "" {
		st := llb.Image(source, llb.Platform(platform))
		return &st, nil
	}
	return nil, nil
}

// stepFailure is what a step of ours left as its reason before it failed; empty if that can't be known. A step that fails has
// no result, but what it has written so far can be mounted by a container.
func (r *request) stepFailure(ctx context.Context, err error) string {
	var solve *errdefs.SolveError
	caps := r.bc.BuildOpts().Caps
	if !errors.As(err, &solve) || caps.Supports(gatewaypb.CapGatewayExec) != nil {
		return ""
	}
	exec := solve.Op.GetExec()
	out := slices.IndexFunc(exec.GetMounts(), func(m *pb.Mount) bool { return m.Dest == contract.OutDir })
	if out < 0 || out >= len(solve.MountIDs) || len(solve.InputIDs) == 0 {
		return ""
	}
	text, err := r.runFailureProgram(ctx, exec, solve.InputIDs[0], solve.MountIDs[out])
	if err != nil {
		return ""
	}
	return strings.TrimSpace(text)
}

// runFailureProgram runs the program of ours that prints a failure.
func (r *request) runFailureProgram(ctx context.Context, exec *pb.ExecOp, root, out string) (string, error) {
	container, err := r.client.NewContainer(ctx, gateway.NewContainerRequest{
		Mounts: []gateway.Mount{
			{Dest: "/", ResultID: root, MountType: pb.MountType_BIND, Readonly: true},
			{Dest: contract.OutDir, ResultID: out, MountType: pb.MountType_BIND, Readonly: true},
		},
		Platform: &pb.Platform{OS: "linux", Architecture: r.daemonPlatform().Architecture},
		NetMode:  pb.NetMode_NONE,
	})
	if err != nil {
		return "", errors.Wrap(err, "container")
	}
	defer container.Release(context.WithoutCancel(ctx))
	var text bytes.Buffer
	process, err := container.Start(ctx, gateway.StartRequest{
		Args: []string{contract.Program, "failure"}, Cwd: "/", Stdout: nopCloser{&text}, Stderr: nopCloser{io.Discard},
	})
	if err != nil {
		return "", errors.Wrap(err, "container")
	}
	err = process.Wait()
	return text.String(), err
}

// currentFrontend is the image that BuildKit runs the frontend from; nil where it runs elsewhere.
func (r *request) currentFrontend() (*llb.State, error) {
	c, ok := r.client.(interface{ CurrentFrontend() (*llb.State, error) })
	if !ok {
		return nil, nil
	}
	st, err := c.CurrentFrontend()
	return st, errors.Wrap(err, "image of the frontend")
}

type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }

// isSessionLost tells an error of a step that another client of the daemon has begun too and whose session is gone while it hangs.
func isSessionLost(err error) bool { return errorContains(err, "no active session") }

const sessionLostHint = ": another client of the BuildKit daemon hangs, and what it began fails for everybody: end that build, or try again later"
