package frontend

import (
	"context"
	"fmt"
	"maps"
	"strings"

	"lambdabase/internal/recipe"
	"lambdabase/llb/lambda2llb"

	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/buildkit/frontend/dockerui"
	"github.com/moby/buildkit/solver/errdefs"
	"github.com/moby/buildkit/solver/pb"
	"github.com/opencontainers/go-digest"
	"github.com/pkg/errors"
)

// A daemon's own Dockerfile frontend hands the "# syntax=" line, or the build argument BUILDKIT_SYNTAX that goes before
// it, over to the frontend that it names (frontend/dockerfile/builder/build.go of BuildKit v0.33.1). The command and
// buildctl's gateway.v0 run this frontend without it, and so it reads them itself.

const syntaxArg = "build-arg:BUILDKIT_SYNTAX"

// syntax is what names a frontend where the request doesn't: its image, and keys.
type syntax struct {
	line   string
	source string         // in messages
	ranges []parser.Range // of the Dockerfile; none: a build argument
}

// findSyntax looks where BuildKit's Dockerfile frontend looks, in its order.
func findSyntax(raw map[string]string, dockerfile []byte) (syntax, bool) {
	if _, ok := raw[syntaxOption]; ok {
		return syntax{}, false
	}
	if line := strings.TrimSpace(raw[syntaxArg]); line != "" {
		return syntax{line: line, source: "build argument BUILDKIT_SYNTAX"}, true
	}
	_, line, ranges, ok := parser.DetectSyntax(dockerfile)
	ok = ok && strings.TrimSpace(line) != "" // a space that isn't ASCII's is a name to BuildKit
	return syntax{line: line, source: "the syntax line", ranges: ranges}, ok
}

// WithSyntax is a request's options with the line that a daemon would hand over for the Dockerfile.
func WithSyntax(raw map[string]string, dockerfile []byte) map[string]string {
	s, ok := findSyntax(raw, dockerfile)
	if !ok || s.isDocker() {
		return raw
	}
	raw = maps.Clone(raw)
	raw[syntaxOption] = s.line
	return raw
}

// image is the one that is named, and keys what follows.
func (s syntax) image() string { return strings.Fields(s.line)[0] }

func (s syntax) hasKeys() bool { return len(strings.Fields(s.line)) > 1 }

func (s syntax) isOurs() bool { return recipe.FrontendName(s.image()) == recipe.OwnFrontend }

// isDocker tells Docker's own Dockerfile frontend, which has no keys.
func (s syntax) isDocker() bool { return recipe.IsDockerFrontend(s.image()) }

// entrypoint is a request's Dockerfile and what names a frontend in it or beside it.
type entrypoint struct {
	file      *dockerui.Source // nil: the request has none, or it can't be read, which BuildKit's frontend says
	syntax    syntax
	hasSyntax bool
}

// readEntrypoint reads no file where none is built.
func readEntrypoint(ctx context.Context, bc *dockerui.Client, opts Options) (e entrypoint) {
	raw := bc.BuildOpts().Opts
	_, handed := raw[syntaxOption]
	var data []byte
	if needsContext(opts, raw) && !handed {
		if file, err := bc.ReadEntrypoint(ctx, "Dockerfile"); err == nil {
			e.file, data = file, file.Data
		}
	}
	e.syntax, e.hasSyntax = findSyntax(raw, data)
	return e
}

// options are those of the request with the keys.
func (e entrypoint) options(raw map[string]string) (Options, error) {
	opts, err := ParseOptions(WithSyntax(raw, e.data()))
	if err != nil && e.syntax.ranges != nil {
		err = errors.Wrapf(err, "%s:%d", e.file.Filename, e.syntax.ranges[0].Start.Line)
	}
	return opts, wrapSources(err, e.sources())
}

func (e entrypoint) data() []byte {
	if e.file == nil {
		return nil
	}
	return e.file.Data
}

// sources are where the frontend is named, if that is in a file.
func (e entrypoint) sources() []*errdefs.Source {
	if e.file == nil || e.syntax.ranges == nil {
		return nil
	}
	return []*errdefs.Source{{
		Info:   &pb.SourceInfo{Filename: e.file.Filename, Language: "Dockerfile", Data: e.file.Data, Definition: e.file.Definition.ToPB()},
		Ranges: lambda2llb.Ranges(e.syntax.ranges),
	}}
}

// warnSyntax warns of a line that names another frontend: this one builds the Dockerfile all the same.
func (r *request) warnSyntax(ctx context.Context, e entrypoint) {
	if !e.hasSyntax || e.syntax.isOurs() {
		return
	}
	w := warning{
		text:   fmt.Sprintf("%s names %s, which is not run: lambdabase builds this itself", e.syntax.source, e.syntax.image()),
		detail: "Through a daemon's own Dockerfile frontend that image would build it. Name an image called lambda-frontend, or leave the line out.",
		vertex: digest.FromString("syntax"),
		lines:  e.sources(),
	}
	switch {
	case !e.syntax.hasKeys():
	case e.syntax.isDocker():
		w.text += ", and leaves the keys alone"
	default:
		w.text += ", and takes the keys for its own"
	}
	if e.file != nil {
		w.vertex, _ = e.file.Definition.Head()
	}
	r.warn(ctx, w)
}
