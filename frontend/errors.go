package frontend

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"lambdabase/internal/catalog"
	"lambdabase/internal/printable"
	"lambdabase/internal/recipe"
	"lambdabase/internal/redact"
	"lambdabase/llb/lambda2llb"

	"github.com/docker/go-units"
	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/client/llb/sourceresolver"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/buildkit/solver/errdefs"
	"github.com/moby/buildkit/solver/pb"
	"github.com/moby/buildkit/util/grpcerrors"
	"github.com/opencontainers/go-digest"
	"github.com/pkg/errors"
	"google.golang.org/grpc/status"
)

// This file is the only one that reads the text of BuildKit's and git's errors. They cross a process as text, so there
// is nothing else to tell them apart by.

// userError is an error as the user reads it. What crosses to the daemon is otherwise the text of the innermost error that
// came from there, without anything that wraps it (util/grpcerrors of BuildKit v0.33.1).
type userError struct{ error }

func toUserError(err error) error {
	if err == nil {
		return nil
	}
	return &userError{err}
}

func (e *userError) Error() string { return printable.Text(redact.Text(e.error.Error())) }

func (e *userError) GRPCStatus() *status.Status {
	return status.New(grpcerrors.Code(e.error), e.Error())
}

func (e *userError) Unwrap() error { return e.error }

// fileTooLargeError is a file that is larger than what it is read as can be.
type fileTooLargeError struct {
	name        string
	size, limit int64
}

func (e *fileTooLargeError) Error() string {
	return fmt.Sprintf("%s has %d bytes, at most %d are expected", e.name, e.size, e.limit)
}

func (r *request) branchError(ctx context.Context, err error, runtime string) error {
	if !errorContains(err, "does not contain ref", "couldn't find remote ref") {
		return errors.Wrapf(r.repositoryError(err), "branch %s of %s", runtime, r.Repository)
	}
	if r.hostKeys == "" && r.hasNoBranches(ctx) {
		return errors.Errorf("no runtime %s: %s has no branches at all: it asks to sign in, and answers with a page in the place of a repository, or is empty (%s)",
			runtime, r.Repository, r.secretHint())
	}
	msg := fmt.Sprintf("no runtime %s: %s has no such branch", runtime, r.Repository)
	if near := catalog.Nearest(runtime); len(near) > 0 {
		msg += fmt.Sprintf(" (did you mean %s? the call lambda.runtimes and lambdabase list name those that are there)", strings.Join(near, ", "))
	}
	return errors.New(msg)
}

// hasNoBranches tells a repository in which git finds no branch. A page to sign in is one, without an error: git takes it for a list of
// none. Most have a default branch, which is asked for first: of a pattern, BuildKit tells what git found in its error alone, and
// that is on the user's screen.
func (r *request) hasNoBranches(ctx context.Context) bool {
	_, err := r.resolve(ctx, "default branch", func(opts ...llb.GitOption) llb.State {
		return llb.Git(r.Repository, "", r.gitOptions(opts...)...)
	})
	if err == nil {
		return false
	}
	_, err = r.resolve(ctx, "branches", func(opts ...llb.GitOption) llb.State {
		return lambda2llb.Branch(r.Repository, "*", r.gitOptions(opts...)...)
	})
	return err != nil && errorContains(err, `does not contain ref refs/heads/*, output: ""`)
}

// repositoryError is an error of git with what to do where the repository let nobody in. Which secret git was given is not
// known: BuildKit chooses.
func (r *request) repositoryError(err error) error {
	switch isSSH := r.hostKeys != ""; {
	case isSSH && errorContains(err, "no SSH key", "unset ssh forward key"):
		return errors.Wrap(err, "forward an SSH agent: --ssh default")
	case isSSH && errorContains(err, "ssh: not found", "ssh: command not found", "cannot run ssh"):
		return errors.Wrap(err, "the BuildKit daemon has no ssh: install openssh-client where buildkitd runs")
	case isSSH && errorContains(err, "REMOTE HOST IDENTIFICATION HAS CHANGED", "Host key verification failed"):
		return errors.Wrap(err, "the host key is not the one that is known: either somebody poses as the host, or it has got a new key: "+
			"ask whoever runs it, and only if so give the new key as option known-hosts")
	case isSSH && errorContains(err, "Permission denied", "ot found"):
		return errors.Wrap(err, "the repository isn't there, or no key of the SSH agent (--ssh default) may read it")
	case errorContains(err, "could not read Username", "Authentication failed", "' not found", "returned error: 403"):
		return errors.Wrapf(err, "the repository isn't there, or is private (%s)", r.secretHint())
	case errorContains(err, "unable to update url base from redirection", "Cannot obtain needed object"): // git's, of a page
		return errors.Wrapf(err, "it asks to sign in, or is no repository (%s)", r.secretHint())
	}
	return err
}

func (r *request) secretHint() string {
	lineBreak := ""
	if r.session.HasSecret == nil { // the command takes it off
		lineBreak = ", perhaps for a line break at its end, which BuildKit's git sends along"
	}
	return fmt.Sprintf("pass a token as the secret GIT_AUTH_TOKEN or GIT_AUTH_TOKEN.%s; one that was passed was refused%s", hostOf(r.Repository), lineBreak)
}

func (r *request) commitError(err error, commit string) error {
	// The last is what a checkout with .git says: BuildKit asks for the type at first (v0.33.1, source/git/source.go:1226).
	if !errorContains(err, "reference is not a tree", "not our ref", "couldn't find remote ref", "unadvertised object", "bad object", "no such remote ref",
		"could not get object info") {
		return errors.Wrapf(r.repositoryError(err), "commit %s of %s", commit, r.Repository)
	}
	return errors.Errorf("commit %s is not in %s: upstream replaces a branch's history with each publication and drops the old one; "+
		"leave out the commit for the branch's head, or build from a mirror that kept it", commit, r.Repository)
}

// withImageHint is the error of an image that the registry doesn't have, with what may have been meant.
func withImageHint(err error, ref string) error {
	hint := catalog.Hint(ref)
	if err == nil || hint == "" {
		return err
	}
	return &withMessage{cause: err, msg: fmt.Sprintf("%v (%s)", err, hint)}
}

// withNoContextHint is the error of a request with neither a runtime nor a context, which buildctl's user makes.
func withNoContextHint(err error) error {
	if !errorContains(err, "no local sources enabled") {
		return err
	}
	return &withMessage{cause: err, msg: fmt.Sprintf("%v (there is no context; for a base image name the runtime: --opt runtime=nodejs20.x)", err)}
}

// fetchError is what came of a layer's object. A pinned HTTP source says "digest mismatch" whatever the server said, so
// the server is asked once more, without the pin.
func (a *assembler) fetchError(ctx context.Context, err error, l lambda2llb.Layer) *fetchError {
	failed := &fetchError{layer: l}
	switch {
	case errors.Is(err, errTimeout): // which no vertex is to blame for, so that nobody has said where
		err = wrapSource(err, a.plan.Recipe, l.Lines...)
	case l.URL == "":
		failed.transient = isSessionLost(err)
		err = a.stepError(ctx, err)
	case errorContains(err, "digest mismatch"):
		var said error
		said, failed.transient = a.diagnoseFetch(ctx, l)
		if ctx.Err() == nil { // or else nobody answered
			err = &withMessage{cause: err, msg: said.Error()}
		}
	default:
		failed.transient = errorContains(err, transientTexts...)
	}
	if code := httpStatusOf(err); code > 0 {
		failed.status, failed.transient = code, code == 408 || code == 429 || code >= 500
		err = &withMessage{cause: err, msg: fmt.Sprintf("it answers with status %d, %s", code, statusHint(code, hostOf(l.URL)))}
	}
	failed.reason = withDiskHint(err)
	return failed
}

// transientTexts are texts of errors of a connection that may not come again.
var transientTexts = []string{"EOF", "no active session", "connection reset", "connection refused", "broken pipe", "timeout", "stream error", "server misbehaving"}

// withMessage is an error in other words; where it comes from is kept.
type withMessage struct {
	cause error
	msg   string
}

func (e *withMessage) Error() string { return e.msg }

func (e *withMessage) Unwrap() error { return e.cause }

// diagnoseFetch is what the server says of an object's URL, and whether it may say something else when asked again.
func (r *request) diagnoseFetch(ctx context.Context, l lambda2llb.Layer) (reason error, again bool) {
	ctx, cancel := withTimeout(ctx, time.Minute+transferTime(l.Size))
	defer cancel()
	opts, caps := []llb.HTTPOption{llb.Filename(l.OID)}, r.bc.BuildOpts().LLBCaps
	if caps.Supports(pb.CapSourceHTTPHeader) == nil {
		// BuildKit keeps what a URL sent to a client, wrong or not, for as long as its entity tag stays: be another one.
		opts = append(opts, llb.Header(llb.HTTPHeader{UserAgent: fmt.Sprintf("lambdabase (after attempt %d)", l.Attempt+1)}))
	}
	op, err := sourceOp(ctx, llb.HTTP(l.URL, opts...))
	if err != nil {
		return err, false
	}
	meta, err := r.client.ResolveSourceMetadata(ctx, op, sourceresolver.Opt{LogName: "ask why " + l.OID[:12] + " failed"})
	switch {
	case err == nil && meta.HTTP == nil:
		return errors.New("it sent something else, an error page perhaps (this version of BuildKit can't tell): try the URL"), true
	case err == nil && meta.HTTP.Digest == l.Digest():
		return errors.New("it does send the object when asked again: try again"), true
	case err == nil && meta.HTTP.Digest == digest.FromBytes(nil):
		return errors.New("it sent nothing"), true
	case err == nil:
		return errors.Errorf("it sent something else, sha256:%s", meta.HTTP.Digest.Encoded()), false
	case errors.Is(context.Cause(ctx), errTimeout):
		return errors.Wrap(errTimeout, "it was asked again"), true
	}
	return err, errorContains(err, transientTexts...)
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

// statusHint is what a server of objects means by its answer.
func statusHint(code int, host string) string {
	hostname := (&url.URL{Host: host}).Hostname()
	switch {
	case code == 401 || code == 403:
		return fmt.Sprintf("%s: pass what it asks for as the secret HTTP_AUTH_TOKEN_%s or HTTP_AUTH_HEADER_%s (BuildKit 0.21 or later); 403 may also mean a limit",
			strings.ToLower(http.StatusText(code)), hostname, hostname)
	case code == 404 || code == 410:
		return fmt.Sprintf("not found: the template may be wrong, or the object not be there or be private (secret HTTP_AUTH_TOKEN_%s)", hostname)
	case code == 429 || code == 509:
		return "too many requests: try again later, or give a mirror with option objects"
	case code >= 500:
		return "server error: try again later"
	}
	return cmp.Or(strings.ToLower(http.StatusText(code)), "unknown") + ": the template of option objects may be wrong"
}

// stepError is what the step that asks the batch API says.
func (a *assembler) stepError(ctx context.Context, err error) error {
	text := a.stepFailure(ctx, err)
	if text == "" { // of the client's store, whose error crosses two connections
		text = strings.ReplaceAll(err.Error(), "rpc error: code = Unknown desc = ", "")
	}
	if isSessionLost(err) {
		text += sessionLostHint
	}
	if a.plan.ForeignLFSServer != "" {
		text += fmt.Sprintf(" (.lfsconfig of the repository names another server, %s, and is not obeyed: if you trust it give objects=lfs+%s)", a.plan.ForeignLFSServer, a.plan.ForeignLFSServer)
	}
	return &withMessage{cause: err, msg: text}
}

// isSessionLost tells an error of a step that another client of the daemon has begun too and whose session is gone while it hangs.
func isSessionLost(err error) bool { return errorContains(err, "no active session") }

const sessionLostHint = ": another client of the BuildKit daemon hangs, and what it began fails for everybody: end that build, or try again later"

func layerLabel(l lambda2llb.Layer) string {
	if l.InContext {
		return fmt.Sprintf("%s (%s, in the build context)", l.Path, units.HumanSize(float64(l.Size)))
	}
	return fmt.Sprintf("%s (object sha256:%s, %s)", l.Path, l.OID, units.HumanSize(float64(l.Size)))
}

func errorContains(err error, texts ...string) bool {
	return slices.ContainsFunc(texts, func(t string) bool { return strings.Contains(err.Error(), t) })
}

// isVertexError tells whether the error comes from the vertex.
func isVertexError(err error, vertex digest.Digest) bool {
	var v *errdefs.VertexError
	return errors.As(err, &v) && v.Digest == vertex.String()
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
