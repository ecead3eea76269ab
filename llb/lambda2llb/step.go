package lambda2llb

import (
	"strconv"

	"lambdabase/internal/lfs"
	"lambdabase/internal/secrets"
	"lambdabase/internal/step"

	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/solver/pb"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

// Step runs the frontend's own image where BuildKit has no source for what is needed. Its definition names what is asked
// for and never a credential: those are mounted when it runs.
type Step struct {
	Image      llb.State         // the frontend's own
	Platform   ocispecs.Platform // that it runs on: the daemon's, whatever is built
	Repository string
	Server     string   // of the batch API, where it is not the repository's own
	Secrets    []string // ids of those that may hold credentials; none must be there
	KnownHosts string   // of an SSH remote, whose agent is forwarded; empty for any other
	Proxy      llb.ProxyEnv
	HostNet    bool // uses the host's network; one without a network is for the user's own steps
	Hosts      []llb.HostIP
}

// Run is the step with the arguments, and its result.
func (s Step) Run(name string, args []string, opts ...llb.RunOption) llb.State {
	opts = append([]llb.RunOption{
		llb.Args(append([]string{step.Program}, args...)),
		llb.WithCustomName(name),
		llb.Platform(s.Platform),
		llb.WithProxy(s.Proxy),
		llb.AddSecret(step.Authority, llb.SecretID(step.CASecret), llb.SecretOptional),
	}, opts...)
	if s.HostNet {
		opts = append(opts, llb.Network(pb.NetMode_HOST))
	}
	for _, h := range s.Hosts {
		opts = append(opts, llb.AddExtraHost(h.Host, h.IP))
	}
	for _, id := range s.Secrets {
		opts = append(opts, llb.AddSecret(step.Secrets+"/"+secrets.File(id), llb.SecretID(id), llb.SecretOptional))
	}
	if s.KnownHosts != "" {
		opts = append(opts,
			llb.AddEnv(step.KnownHosts, s.KnownHosts),
			llb.AddSSHSocket(llb.SSHSocketTarget(step.Agent), llb.SSHOptional))
	}
	return s.Image.Run(opts...).AddMount(step.Out, llb.Scratch())
}

// fetch gets an object by the batch API, as a file named by its oid. One step for each object, so that runtimes share it.
// The cache is the object's own and outlives the step: another version of the frontend's image fetches nothing again.
func (s Step) fetch(o lfs.Object, opts ...llb.ConstraintsOpt) llb.State {
	args := []string{"fetch", "--repository=" + s.Repository}
	if s.Server != "" {
		args = append(args, "--server="+s.Server)
	}
	args = append(args, o.OID, strconv.FormatInt(o.Size, 10))
	run := []llb.RunOption{
		llb.AddMount(step.Cache, llb.Scratch(), llb.AsPersistentCacheDir("lambdabase/"+o.OID, llb.CacheMountShared)),
	}
	for _, o := range opts {
		run = append(run, o)
	}
	return s.Run("fetch "+o.OID[:12], args, run...)
}
