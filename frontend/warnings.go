package frontend

import (
	"context"

	"lambdabase/internal/printable"

	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/solver/errdefs"
	"github.com/opencontainers/go-digest"
)

// warning is something that the user should know; the build goes on.
type warning struct {
	text   string
	detail string
	vertex digest.Digest // the step it is about
	lines  []*errdefs.Source
	unmet  bool // what the user asks for, in so many words, has no effect
}

// The levels of warnings. One that what is asked for has no effect is said by the command even where little is.
const (
	levelUsual = 1 // BuildKit's own
	LevelUnmet = 2
)

// warn shows a warning. One that can't be shown is not worth a failed build.
func (r *request) warn(ctx context.Context, w warning) {
	if _, said := r.seenWarnings.LoadOrStore(w.text, true); said {
		return
	}
	opts := gateway.WarnOpts{Level: levelUsual}
	if w.unmet {
		opts.Level = LevelUnmet
	}
	if w.detail != "" {
		opts.Detail = [][]byte{[]byte(printable.Text(w.detail))}
	}
	if len(w.lines) > 0 {
		opts.SourceInfo, opts.Range = w.lines[0].Info, w.lines[0].Ranges
	}
	_ = r.client.Warn(ctx, w.vertex, printable.Text(w.text), opts)
}

// wrapSources points an error at lines.
func wrapSources(err error, lines []*errdefs.Source) error {
	for _, l := range lines {
		err = errdefs.WithSource(err, l)
	}
	return err
}
