package frontend

import (
	"regexp"
	"slices"
	"strings"

	"lambdabase/internal/printable"
	"lambdabase/internal/recipe"
	"lambdabase/internal/redact"
	"lambdabase/llb/lambda2llb"

	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/buildkit/solver/errdefs"
	"github.com/moby/buildkit/solver/pb"
	"github.com/moby/buildkit/util/grpcerrors"
	"github.com/opencontainers/go-digest"
	"github.com/pkg/errors"
	"google.golang.org/grpc/status"
)

// userError is an error as the user reads it. What crosses to the daemon is otherwise the text of the innermost error that
// came from there, without anything that wraps it (util/grpcerrors of BuildKit v0.33.1).
type userError struct{ error }

func toUserError(err error) error {
	if err == nil {
		return nil
	}
	return &userError{err}
}

func (e *userError) Error() string {
	return printable.Shorten(printable.Text(redact.Text(e.error.Error())))
}

func (e *userError) GRPCStatus() *status.Status {
	return status.New(grpcerrors.Code(e.error), e.Error())
}

func (e *userError) Unwrap() error { return e.error }

// withMessage is an error in other words; where it comes from is kept.
type withMessage struct {
	cause error
	msg   string
}

func (e *withMessage) Error() string { return e.msg }

func (e *withMessage) Unwrap() error { return e.cause }

// errorContains tells errors of BuildKit and git apart by their texts: they cross a process as text, so there is nothing else.
func errorContains(err error, texts ...string) bool {
	return slices.ContainsFunc(texts, func(t string) bool { return strings.Contains(err.Error(), t) })
}

// isVertexError tells whether the error comes from the vertex.
func isVertexError(err error, vertex digest.Digest) bool {
	return vertex != "" && vertexOf(err) == vertex
}

// vertexOf is the vertex that an error comes from; empty if it is none's.
func vertexOf(err error) digest.Digest {
	var v *errdefs.VertexError
	if !errors.As(err, &v) {
		return ""
	}
	return digest.Digest(v.Digest)
}

// wrapAddError is an error of what an ADD of a recipe names.
func wrapAddError(err error, file lambda2llb.File, add recipe.Add) error {
	err = errors.Wrapf(err, "%s:%d: ADD", file.Path, add.Lines[0].Start.Line)
	return wrapSource(err, file, add.Lines...)
}

// wrapSource points an error at lines of the recipe: those given, or those that the error itself names.
func wrapSource(err error, file lambda2llb.File, lines ...parser.Range) error {
	var location *parser.LocationError
	if len(lines) == 0 && errors.As(err, &location) && len(location.Locations) > 0 {
		lines = location.Locations[0]
	}
	if len(lines) == 0 {
		return err
	}
	return errdefs.WithSource(err, recipeSource(file, lines))
}

// recipeSource are lines of a recipe, as clients show them.
func recipeSource(file lambda2llb.File, lines []parser.Range) *errdefs.Source {
	return &errdefs.Source{
		Info:   &pb.SourceInfo{Filename: printable.Name(file.Path), Language: "Dockerfile", Data: []byte(printable.Text(string(file.Data)))},
		Ranges: lambda2llb.Ranges(lines),
	}
}

// withDiskHint says what to do about a full disk.
func withDiskHint(err error) error {
	if !diskFullRE.MatchString(strings.TrimSpace(err.Error())) {
		return err
	}
	return &withMessage{cause: err, msg: "the disk that BuildKit keeps its cache on is full: make room there, or prune the cache: " + err.Error()}
}

var diskFullRE = regexp.MustCompile(`(no space left on device|disk quota exceeded)$`)
