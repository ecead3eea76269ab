package frontend

import (
	"context"

	"github.com/moby/buildkit/client/llb"
	"github.com/opencontainers/go-digest"
)

// show tells something as a step, once: a user sees no other text of a frontend but warnings. It returns the step's digest,
// for warnings of what it is about.
func (r *request) show(ctx context.Context, verb, text string) digest.Digest {
	st := llb.Scratch().File(llb.Mkfile("/"+verb, 0o644, []byte(text)), llb.WithCustomName(verb+" "+text))
	if _, shown := r.seenWarnings.LoadOrStore(verb+" "+text, true); !shown {
		_, _ = r.solve(ctx, st, r.daemonPlatform(), true)
	}
	step, _ := vertexDigest(ctx, st, llb.Platform(r.daemonPlatform()), llb.WithCaps(r.bc.BuildOpts().LLBCaps))
	return step
}
