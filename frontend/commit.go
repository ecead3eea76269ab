package frontend

import (
	"cmp"
	"context"
	"strings"
	"time"

	"lambdabase/internal/catalog"
	"lambdabase/llb/lambda2llb"

	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/client/llb/sourceresolver"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/solver/pb"
	"github.com/moby/buildkit/util/gitutil/gitobject"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/pkg/errors"
)

// head is the commit of a runtime's branch. The daemon asks the repository, with the user's credentials.
func (r *request) head(ctx context.Context, runtime string) (string, error) {
	op, err := sourceOp(ctx, lambda2llb.Head(r.Repository, runtime, r.git()...))
	if err != nil {
		return "", err
	}
	meta, err := r.client.ResolveSourceMetadata(ctx, op, sourceresolver.Opt{
		LogName: "resolve branch " + runtime,
	})
	if err != nil {
		return "", r.branchError(err, runtime)
	}
	if meta.Git != nil {
		return commitOf(meta.Git), nil
	}
	return r.checkedOutHead(ctx, runtime)
}

// commitOf is the commit: where a ref is an annotated tag, the checksum is the tag's.
func commitOf(git *sourceresolver.ResolveGitResponse) string {
	return cmp.Or(git.CommitChecksum, git.Checksum)
}

// checkedOutHead is for BuildKit before v0.26, which answers for a git source with neither metadata nor an error.
func (r *request) checkedOutHead(ctx context.Context, runtime string) (string, error) {
	st := lambda2llb.Head(r.Repository, runtime, r.git(llb.KeepGitDir(), llb.WithCustomName("resolve branch "+runtime))...)
	ref, err := r.solve(ctx, st, ocispecs.Platform{}, true)
	if err != nil {
		return "", r.branchError(err, runtime)
	}
	name := "HEAD"
	for range 2 { // HEAD is the commit, or names the ref that is
		dt, err := ref.ReadFile(ctx, gateway.ReadRequest{Filename: ".git/" + name})
		if err != nil {
			return "", errors.Wrapf(err, "commit of branch %s", runtime)
		}
		text := strings.TrimSpace(string(dt))
		if catalog.IsCommit(text) {
			return text, nil
		}
		name = strings.TrimPrefix(text, "ref: ")
	}
	return "", errors.Errorf("commit of branch %s: .git/HEAD names none", runtime)
}

// created is the date of a base image: SOURCE_DATE_EPOCH, or that of the commit, which costs no request for a commit
// that the daemon has. BuildKit before v0.26 can't tell it.
func (r *request) created(ctx context.Context, commit string) (time.Time, error) {
	if r.epoch != nil {
		return *r.epoch, nil
	}
	op, err := sourceOp(ctx, r.tree(commit))
	if err != nil {
		return time.Time{}, err
	}
	opt := sourceresolver.Opt{
		LogName: "resolve date of commit " + commit[:12],
		GitOpt:  &sourceresolver.ResolveGitOpt{ReturnObject: true},
	}
	meta, err := r.client.ResolveSourceMetadata(ctx, op, opt)
	if err != nil {
		// BuildKit v0.33.1 takes a tree from whichever remote it had the commit of, and asks for the commit without the
		// secrets then. With its .git it is another tree, which is fetched with them; the commit is there afterwards.
		if _, ferr := r.solve(ctx, r.tree(commit, llb.KeepGitDir()), ocispecs.Platform{}, true); ferr == nil {
			meta, err = r.client.ResolveSourceMetadata(ctx, op, opt)
		}
	}
	if err != nil {
		return time.Time{}, r.commitError(err, commit)
	}
	if meta.Git == nil || len(meta.Git.CommitObject) == 0 {
		return time.Unix(0, 0).UTC(), nil
	}
	return commitDate(meta.Git.CommitObject)
}

func commitDate(object []byte) (time.Time, error) {
	o, err := gitobject.Parse(object)
	if err != nil {
		return time.Time{}, errors.Wrap(err, "commit object")
	}
	c, err := o.ToCommit()
	if err != nil {
		return time.Time{}, errors.Wrap(err, "commit object")
	}
	if c.Committer.When == nil {
		return time.Time{}, errors.New("commit object without a date")
	}
	return c.Committer.When.UTC(), nil
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
