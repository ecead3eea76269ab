package frontend

import (
	"cmp"
	"context"
	"strconv"
	"sync"
	"time"

	"lambdabase/internal/document"
	"lambdabase/internal/lfsstore"
	"lambdabase/llb/lambda2llb"

	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/frontend/dockerui"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/solver/pb"
	"github.com/moby/buildkit/util/flightcontrol"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/pkg/errors"
)

// Frontend answers requests.
type Frontend struct {
	Today time.Time // when runtimes are past their end of support; zero: never
	// FetchTimeout is how long an object may take besides the time for its size; zero: 5 minutes.
	FetchTimeout time.Duration
	// GitTimeout is how long git may take before its server is asked whether it is there, and each time after that; zero: a minute.
	GitTimeout time.Duration
	// GitActivity tells of BuildKit's git that talks to a host: how long nothing has come from there, and how long the processor
	// has worked for it; nil where a daemon runs git.
	GitActivity func(host string) (silent, worked time.Duration, known bool)
	// ObjectStore, if not nil, has the client itself get the objects that must be asked for by the LFS batch API, where the
	// daemon takes blobs from a client (BuildKit 0.28 or later). Otherwise a step of the frontend's image does.
	ObjectStore *lfsstore.Store
	// OnObjectURL, if not nil, is told before an object is asked for by a URL of its own, and how many bytes it has.
	OnObjectURL func(url string, size int64)
	// Verdicts, if not nil, keeps what is found of layers, so that they needn't be looked at in each build.
	Verdicts Verdicts
	// CacheTimeout is how long a cache may take to give what Verdicts knows of; zero: a second.
	CacheTimeout time.Duration
	Session      Session

	// XZ, where BuildKit runs in this process, says what is wrong with xz: it is given the beginning of an archive, and tells
	// in xz's own words why that isn't unpacked; empty where it is. BuildKit itself doesn't say it.
	XZ func(ctx context.Context, archive []byte) string

	grace      time.Duration // for other layers once one has failed; zero: 5 seconds
	retryDelay time.Duration // before an object is asked for again; zero: a second, and more each time
}

// Verdicts are what was found of layers, kept from one build to the next of the same program.
type Verdicts interface {
	Has(key string) bool
	Add(key string)
}

// What a Frontend does unless told otherwise.
const (
	// baseTimeout is how long an object may take besides the time that its size takes at minBytesPerSecond.
	// BuildKit's HTTP source has no time limit: a server that says nothing would hold a build for ever.
	baseTimeout = 5 * time.Minute
	// gitTimeout is how long git may take before its server is asked whether it is there, and before it is asked again. BuildKit's
	// git has no time limit: a server that says nothing would hold a build for ever.
	gitTimeout = time.Minute
	// cacheTimeout is how long a cache may take to say what it has. What isn't in it takes longer, and each layer of it is solved as
	// ever: with its time limit, and another try.
	cacheTimeout = time.Second
	// grace is how long a layer may still take once another has failed for good: what fails by then is named too.
	grace = 5 * time.Second
	// retryDelay is the time before an object is asked for again, and more each time.
	retryDelay = time.Second
)

// request is one call of the frontend: what was asked for, and who answers.
type request struct {
	Options
	bc           *dockerui.Client
	client       gateway.Client
	epoch        *time.Time // SOURCE_DATE_EPOCH of a base image, if given
	constraints  []llb.ConstraintsOpt
	dockerfile   *dockerui.Source // if it was read already
	today        time.Time
	baseTimeout  time.Duration
	retryDelay   time.Duration
	grace        time.Duration
	store        *lfsstore.Store
	onObjectURL  func(url string, size int64) // nil: nobody wants to know
	verdicts     Verdicts
	cacheTimeout time.Duration
	xz           func(context.Context, []byte) string // says why xz fails; nil where a daemon runs elsewhere
	session      Session
	remote       remote    // of option repository
	seenWarnings *sync.Map // texts: platforms would say them twice
	builtPlans   *sync.Map // lambda2llb.Plan of base images that were put together, by what they are
	scanTargets  *sync.Map // llb.State of images by platform, to be scanned
	excluded     *sync.Map // paths of option exclude: empty if a layer had it, or the symlink on the way to it

	lock        *flightcontrol.CachedGroup[*document.Lock]
	checkers    *flightcontrol.CachedGroup[*lambda2llb.Checker] // by nothing: there is one at most
	commits     *flightcontrol.CachedGroup[string]              // by what is asked for: a git source with its ref
	gitTimeout  time.Duration
	gitActivity func(host string) (silent, worked time.Duration, known bool)
}

func newRequest(bc *dockerui.Client, opts Options, f Frontend) (*request, error) {
	r := &request{
		Options: opts, bc: bc, client: bc.GatewayClient(), today: f.Today, store: f.ObjectStore, onObjectURL: f.OnObjectURL, verdicts: f.Verdicts,
		baseTimeout: cmp.Or(f.FetchTimeout, baseTimeout), gitTimeout: cmp.Or(f.GitTimeout, gitTimeout), gitActivity: f.GitActivity,
		retryDelay: cmp.Or(f.retryDelay, retryDelay), grace: cmp.Or(f.grace, grace), cacheTimeout: cmp.Or(f.CacheTimeout, cacheTimeout), xz: f.XZ,
		seenWarnings: &sync.Map{}, scanTargets: &sync.Map{}, builtPlans: &sync.Map{}, excluded: &sync.Map{},
		checkers: &flightcontrol.CachedGroup[*lambda2llb.Checker]{},
		commits:  &flightcontrol.CachedGroup[string]{CacheError: true}, lock: &flightcontrol.CachedGroup[*document.Lock]{CacheError: true},
	}
	caps := bc.BuildOpts().LLBCaps
	r.session = f.Session.supportedBy(&caps)
	var err error
	if r.remote, err = newRemote(opts.Repository, opts.KnownHosts); err != nil {
		return nil, err
	}
	if err := r.checkLayout(); err != nil {
		return nil, err
	}
	if bc.IsNoCache("") {
		r.constraints = append(r.constraints, llb.IgnoreCache)
	}
	if r.Runtime != "" {
		if r.epoch, err = r.parseEpoch(); err != nil {
			return nil, err
		}
	}
	if r.Layers == LayersMerge && !r.canMerge() {
		return nil, errors.New("layers=merge needs BuildKit 0.10 or later and not Docker's graphdriver store; layers=auto chains instead")
	}
	if len(r.Exclude) > 0 && caps.Supports(pb.CapFileCopyIncludeExcludePatterns) != nil {
		return nil, errors.New("option exclude needs BuildKit 0.9 or later, or Docker Engine 23")
	}
	return r, nil
}

// parseEpoch reads SOURCE_DATE_EPOCH; nil if it isn't given. For a Dockerfile it is BuildKit's own business.
func (r *request) parseEpoch() (*time.Time, error) {
	v := r.bc.BuildArgs["SOURCE_DATE_EPOCH"]
	if v == "" {
		return nil, nil
	}
	seconds, err := strconv.ParseInt(v, 10, 64)
	if err != nil || seconds < 0 || seconds > maxEpoch {
		return nil, errors.Errorf("invalid SOURCE_DATE_EPOCH %q: want seconds since 1970, up to the year 9999", v)
	}
	epoch := time.Unix(seconds, 0).UTC()
	return &epoch, nil
}

// maxEpoch is the last second of the year 9999, the last one that an image config can say (RFC 3339).
const maxEpoch = 253402300799

// targetPlatforms are those that were asked for, or else the daemon's.
func (r *request) targetPlatforms() []ocispecs.Platform {
	if len(r.bc.TargetPlatforms) > 0 {
		return r.bc.TargetPlatforms
	}
	return []ocispecs.Platform{r.daemonPlatform()}
}

func (r *request) daemonPlatform() ocispecs.Platform { return r.bc.BuildPlatforms[0] }

func (r *request) canMerge() bool {
	caps := r.bc.BuildOpts().LLBCaps
	return caps.Supports(pb.CapMergeOp) == nil
}

// hasBlobSource tells whether the daemon can fetch a blob of a registry or of the client: BuildKit 0.28 can.
func (r *request) hasBlobSource() bool {
	caps := r.bc.BuildOpts().LLBCaps
	return caps.Supports(pb.CapSourceImageBlob) == nil
}

// checkLayout finds that an OCI layout can't be read.
func (r *request) checkLayout() error {
	switch {
	case r.Layout() == "":
		return nil
	case r.session.OpenLayout == nil:
		return errors.New("repository oci-layout:DIR is a folder on the machine of who builds, which only the command lambdabase reads: " +
			"push it to a registry (lambdabase mirror --from oci-layout:DIR --to oci://registry/name), and name that")
	case !r.hasBlobSource():
		return errors.New("repository oci-layout:DIR needs BuildKit 0.28 or later: leave out --addr for the BuildKit inside, or push it to a registry " +
			"(lambdabase mirror --from oci-layout:DIR --to oci://registry/name), and name that")
	}
	return nil
}
