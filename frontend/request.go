package frontend

import (
	"cmp"
	"context"
	"strconv"
	"sync"
	"time"

	"lambdabase/internal/gitssh"
	"lambdabase/internal/lfsstore"
	"lambdabase/llb/lambda2llb"

	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/frontend/dockerui"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/solver/pb"
	"github.com/moby/buildkit/util/flightcontrol"
	"github.com/pkg/errors"
)

// request is one call of the frontend: what was asked for, and who answers.
type request struct {
	Options
	bc           *dockerui.Client
	client       gateway.Client
	epoch        *time.Time // SOURCE_DATE_EPOCH, if given
	constraints  []llb.ConstraintsOpt
	dockerfile   *dockerui.Source // the Dockerfile, if it was read already
	buildContext llb.State        // of a checkout
	today        time.Time
	baseTimeout  time.Duration
	retryDelay   time.Duration
	grace        time.Duration
	store        *lfsstore.Store
	xz           func(context.Context, []byte) string // says why xz fails; nil where a daemon runs elsewhere
	session      Session
	hostKeys     string    // of the repository, if it is an SSH remote
	seenWarnings *sync.Map // texts: platforms would say them twice
	builtPlans   *sync.Map // lambda2llb.Plan of base images that were put together, by what they are
	scanTargets  *sync.Map // llb.State of images by platform, to be scanned

	commits    *flightcontrol.CachedGroup[string] // by what is asked for: a git source with its ref
	gitTimeout time.Duration
}

func newRequest(bc *dockerui.Client, opts Options, f Frontend) (*request, error) {
	r := &request{
		Options: opts, bc: bc, client: bc.GatewayClient(), today: f.Today, store: f.ObjectStore,
		baseTimeout: cmp.Or(f.FetchTimeout, baseTimeout), gitTimeout: cmp.Or(f.GitTimeout, gitTimeout), retryDelay: cmp.Or(f.retryDelay, time.Second), grace: cmp.Or(f.grace, grace), xz: f.XZ,
		seenWarnings: &sync.Map{}, scanTargets: &sync.Map{}, builtPlans: &sync.Map{},
		commits: &flightcontrol.CachedGroup[string]{CacheError: true},
	}
	caps := bc.BuildOpts().LLBCaps
	r.session = f.Session.supportedBy(&caps)
	if err := r.setRepository(opts.Repository); err != nil {
		return nil, err
	}
	if bc.IsNoCache("") {
		r.constraints = append(r.constraints, llb.IgnoreCache)
	}
	if r.Runtime != "" {
		if err := r.setEpoch(); err != nil {
			return nil, err
		}
	}
	if r.Layers == LayersMerge && !r.canMerge() {
		return nil, errors.New("layers=merge needs BuildKit 0.10 or later and not Docker's graphdriver store; layers=auto chains instead")
	}
	return r, nil
}

// setEpoch takes SOURCE_DATE_EPOCH. For a Dockerfile it is BuildKit's own business.
func (r *request) setEpoch() error {
	v := r.bc.BuildArgs["SOURCE_DATE_EPOCH"]
	if v == "" {
		return nil
	}
	seconds, err := strconv.ParseInt(v, 10, 64)
	if err != nil || seconds < 0 || seconds > maxEpoch {
		return errors.Errorf("invalid SOURCE_DATE_EPOCH %q: want seconds since 1970, up to the year 9999", v)
	}
	epoch := time.Unix(seconds, 0).UTC()
	r.epoch = &epoch
	return nil
}

// maxEpoch is the last second of the year 9999, the last one that an image config can say (RFC 3339).
const maxEpoch = 253402300799

// requestID is the sub-request that is asked for in place of a build ("--call=check"), or empty.
func (r *request) requestID() string { return r.bc.BuildOpts().Opts["requestid"] }

func (r *request) canMerge() bool {
	caps := r.bc.BuildOpts().LLBCaps
	return caps.Supports(pb.CapMergeOp) == nil
}

// setRepository takes the repository, and what its host is known by if it is an SSH remote: without that git would trust any.
func (r *request) setRepository(repository string) error {
	r.Repository, r.hostKeys = repository, ""
	remote, isSSH, err := gitssh.ParseRemote(repository)
	if err != nil || !isSSH {
		return err
	}
	r.hostKeys, err = gitssh.KnownHosts(r.KnownHosts, remote.Host)
	return errors.Wrapf(err, "repository %s", repository)
}

// gitOptions are options of every git source of the repository.
func (r *request) gitOptions(opts ...llb.GitOption) []llb.GitOption {
	opts = append(opts, r.session.gitOptions()...)
	if r.hostKeys != "" {
		opts = append(opts, llb.KnownSSHHosts(r.hostKeys))
	}
	return opts
}

// treeState is the commit's tree. Where BuildKit can leave submodules alone, a branch can't make the daemon fetch
// what nobody asked for.
func (r *request) treeState(commit string) llb.State {
	opts := r.gitOptions()
	caps := r.bc.BuildOpts().LLBCaps
	if caps.Supports(pb.CapSourceGitSkipSubmodules) == nil {
		opts = append(opts, llb.GitSkipSubmodules())
	}
	return lambda2llb.Tree(r.Repository, commit, opts...)
}
