package frontend

import (
	"cmp"
	"context"
	"strings"

	"lambdabase/internal/catalog"
	"lambdabase/llb/lambda2llb"

	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/client/llb/sourceresolver"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/solver/pb"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/pkg/errors"
)

// resolveHead returns the commit of a runtime's branch.
func (r *request) resolveHead(ctx context.Context, runtime string) (string, error) {
	commit, err := r.resolve(ctx, "branch "+runtime, func(opts ...llb.GitOption) llb.State {
		return lambda2llb.Branch(r.Repository, runtime, r.gitOptions(opts...)...)
	})
	if err != nil {
		return "", r.branchError(ctx, err, runtime)
	}
	return commit, nil
}

// resolve is the commit that a source means. The daemon asks the repository, with the user's credentials.
func (r *request) resolve(ctx context.Context, what string, source func(...llb.GitOption) llb.State) (string, error) {
	return whileResponsive(ctx, r, r.Repository, func(ctx context.Context) (string, error) { return r.resolveSource(ctx, what, source) })
}

func (r *request) resolveSource(ctx context.Context, what string, source func(...llb.GitOption) llb.State) (string, error) {
	op, err := sourceOp(ctx, source())
	if err != nil {
		return "", err
	}
	// Never twice in one build: BuildKit keeps that it failed as a nil, and the daemon panics when it is asked again
	// (source/git/source.go:617 of v0.33.1).
	return r.commits.Do(ctx, op.Identifier, func(ctx context.Context) (string, error) {
		meta, err := r.client.ResolveSourceMetadata(ctx, op, sourceresolver.Opt{LogName: "resolve " + what})
		if err != nil {
			return "", err
		}
		if meta.Git != nil { // where a ref is an annotated tag, the checksum is the tag's
			return cmp.Or(meta.Git.CommitChecksum, meta.Git.Checksum), nil
		}
		return r.resolveHeadByCheckout(ctx, what, source(llb.KeepGitDir(), llb.WithCustomName("resolve "+what)))
	})
}

// resolveHeadByCheckout is for BuildKit before v0.26, which answers for a git source with neither metadata nor an error.
func (r *request) resolveHeadByCheckout(ctx context.Context, what string, st llb.State) (string, error) {
	ref, err := r.solve(ctx, st, ocispecs.Platform{}, true)
	if err != nil {
		return "", err
	}
	name := "HEAD"
	for range 2 { // HEAD is the commit, or names the ref that is
		dt, err := ref.ReadFile(ctx, gateway.ReadRequest{Filename: ".git/" + name})
		if err != nil {
			return "", errors.Wrapf(err, "commit of %s", what)
		}
		text := strings.TrimSpace(string(dt))
		if catalog.IsCommit(text) {
			return text, nil
		}
		name = strings.TrimPrefix(text, "ref: ")
	}
	return "", errors.Errorf("commit of %s: .git/HEAD names none", what)
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
