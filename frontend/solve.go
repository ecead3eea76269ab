package frontend

import (
	"context"
	"regexp"
	"strconv"

	"github.com/moby/buildkit/client/llb"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/solver/pb"
	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/pkg/errors"
)

// solve marshals a state and solves it, with the request's cache imports: without them a build that could be imported
// is done again.
func (r *request) solve(ctx context.Context, st llb.State, platform ocispecs.Platform, evaluate bool) (gateway.Reference, error) {
	def, err := st.Marshal(ctx, llb.Platform(platform), llb.WithCaps(r.bc.BuildOpts().LLBCaps))
	if err != nil {
		return nil, errors.Wrap(err, "marshal definition")
	}
	res, err := r.client.Solve(ctx, gateway.SolveRequest{
		Definition:   def.ToPB(),
		Evaluate:     evaluate,
		CacheImports: r.bc.CacheImports,
	})
	if err != nil {
		return nil, err
	}
	return res.SingleRef()
}

// sourceOp is the one source of a state, in the form that metadata is asked for.
func sourceOp(ctx context.Context, st llb.State) (*pb.SourceOp, error) {
	def, err := st.Marshal(ctx)
	if err != nil {
		return nil, errors.Wrap(err, "marshal source")
	}
	var op pb.Op
	if err := op.UnmarshalVT(def.Def[0]); err != nil {
		return nil, errors.Wrap(err, "source")
	}
	return op.GetSource(), nil
}

// vertexDigest is the digest of the vertex that a state ends in.
func vertexDigest(ctx context.Context, st llb.State, opts ...llb.ConstraintsOpt) (digest.Digest, error) {
	def, err := st.Marshal(ctx, opts...)
	if err != nil {
		return "", errors.Wrap(err, "marshal vertex")
	}
	return def.Head()
}

// httpStatusRE is how BuildKit's HTTP source says a status.
var httpStatusRE = regexp.MustCompile(`invalid response status (\d{3})`)

// httpStatusOf is the status that a server answered an HTTP source with; 0 if the error is another.
func httpStatusOf(err error) int {
	found := httpStatusRE.FindStringSubmatch(err.Error())
	if found == nil {
		return 0
	}
	code, _ := strconv.Atoi(found[1])
	return code
}

// isTransientStatus tells whether a server may answer otherwise when it is asked again.
func isTransientStatus(code int) bool { return code == 408 || code == 429 || code >= 500 }

// transientTexts are texts of errors of a connection that may not come again.
var transientTexts = []string{"EOF", "no active session", "connection reset", "connection refused", "broken pipe", "timeout", "stream error", "server misbehaving"}
