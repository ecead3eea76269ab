package lambda2llb

import (
	"fmt"
	"strconv"

	"lambdabase/internal/execstep/contract"
	"lambdabase/internal/secrets"

	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/solver/pb"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

// Step runs the frontend's own image where BuildKit has no source for what is needed. Its definition names what is asked
// for and never a credential: those are mounted when it runs.
type Step struct {
	Image       llb.State         // the frontend's own
	Platform    ocispecs.Platform // that it runs on: the daemon's, whatever is built
	Secrets     []Secret          // that may hold credentials; none must be there
	KnownHosts  string            // of an SSH remote, whose agent is forwarded; empty for any other
	SSHAgent    string            // id of the agent; empty: the default one
	Client      string            // that no other client of the daemon has
	Proxy       llb.ProxyEnv
	HostNetwork bool // uses the host's network; one without a network is for the user's own steps
	ExtraHosts  []llb.HostIP
}

// Secret is one of the user's: what the step knows it as, and the id that the client's session has it under.
type Secret struct{ Name, ID string }

// file is where the step finds it.
func (s Secret) file() string {
	if s.Name == secrets.CA {
		return contract.CAFile
	}
	return contract.SecretsDir + "/" + secrets.FileName(s.Name)
}

// Run returns the step with the arguments, and its result.
func (s Step) Run(name string, args []string, opts ...llb.RunOption) llb.State {
	opts = append([]llb.RunOption{
		llb.Args(append([]string{contract.Program}, args...)),
		llb.WithCustomName(name),
		llb.Platform(s.Platform),
		llb.WithProxy(s.Proxy),
	}, opts...)
	if s.HostNetwork {
		opts = append(opts, llb.Network(pb.NetMode_HOST))
	}
	for _, h := range s.ExtraHosts {
		opts = append(opts, llb.AddExtraHost(h.Host, h.IP))
	}
	for _, secret := range s.Secrets {
		opts = append(opts, llb.AddSecret(secret.file(), llb.SecretID(secret.ID), llb.SecretOptional))
	}
	if s.KnownHosts != "" {
		agent := []llb.SSHOption{llb.SSHSocketTarget(contract.AgentSocket), llb.SSHOptional}
		if s.SSHAgent != "" {
			agent = append(agent, llb.SSHID(s.SSHAgent))
		}
		opts = append(opts, llb.AddEnv(contract.KnownHostsEnv, s.KnownHosts), llb.AddSSHSocket(agent...))
	}
	return s.Image.Run(opts...).AddMount(contract.OutDir, llb.Scratch())
}

// Retry makes another step of one that was run before, and one of this client's own. As long as a client is there that had
// it run too, a step that has failed stays failed for all of them (BuildKit v0.33.1).
func (s Step) Retry(attempt int) llb.RunOption {
	return llb.AddEnv(contract.AttemptEnv, fmt.Sprintf("%d of %s", attempt+1, s.Client))
}

// fetch gets an object by the batch API, as a file named by its oid. One step for each object, so that runtimes share it.
// The cache is the object's own and outlives the step: another version of the frontend's image fetches nothing again.
func (s Step) fetch(from LFSOrigin, a Attempt, opts ...llb.ConstraintsOpt) llb.State {
	o := a.Object
	args := []string{"fetch", "--repository=" + from.Repository}
	if from.Server != "" {
		args = append(args, "--server="+from.Server)
	}
	args = append(args, o.OID, strconv.FormatInt(o.Size, 10))
	run := []llb.RunOption{
		llb.AddMount(contract.CacheDir, llb.Scratch(), llb.AsPersistentCacheDir("lambdabase/"+o.OID, llb.CacheMountShared)),
	}
	if a.Number > 0 {
		run = append(run, s.Retry(a.Number))
	}
	for _, o := range opts {
		run = append(run, o)
	}
	return s.Run("fetch "+o.OID[:12], args, run...)
}
