package frontend

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"lambdabase/internal/document"
	"lambdabase/internal/lfs"
	"lambdabase/internal/mirror"
	"lambdabase/llb/lambda2llb"

	"github.com/docker/go-units"
	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/client/llb/sourceresolver"
	"github.com/moby/buildkit/solver/pb"
	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/pkg/errors"
)

// fetchError is a layer whose object didn't arrive.
type fetchError struct {
	layer     lambda2llb.Layer
	reason    error
	status    int  // of the server, if it said one
	transient bool // may be over when asked again
}

func (e *fetchError) Error() string { return fmt.Sprintf("fetch %s: %v", e.object(), e.reason) }

func (e *fetchError) Unwrap() error { return e.reason }

func (e *fetchError) object() string {
	switch origin := e.layer.Origin.(type) {
	case lambda2llb.HTTPOrigin:
		return layerLabel(e.layer) + " from " + origin.Address
	case lambda2llb.BlobOrigin:
		return layerLabel(e.layer) + " from " + origin.String()
	}
	return layerLabel(e.layer)
}

// isRefusal tells whether another way to the object may be open.
func (e *fetchError) isRefusal() bool { return lfs.IsRefusal(e.status) }

func layerLabel(l lambda2llb.Layer) string {
	if !l.IsObject() {
		return fmt.Sprintf("%s (%s, in the build context)", l.Path, units.HumanSize(float64(l.Size)))
	}
	return fmt.Sprintf("%s (object sha256:%s, %s)", l.Path, l.OID, units.HumanSize(float64(l.Size)))
}

func isFetchError(err error) bool {
	return errors.As(err, new(*fetchError)) || errors.As(err, new(*objectsError))
}

// isErrorOfObject tells whether a layer's object, which is the vertex source, didn't arrive. Docker Engine 20.10 names no vertex in
// an error, but the object's digest.
func isErrorOfObject(err error, source digest.Digest, l lambda2llb.Layer) bool {
	return isVertexError(err, source) || vertexOf(err) == "" && errorContains(err, "digest mismatch") && errorContains(err, l.Digest().String())
}

// newFetchError says what came of a layer's object. A pinned HTTP source says "digest mismatch" whatever the server said, so
// the server is asked once more, without the pin.
func (a *assembler) newFetchError(ctx context.Context, err error, l lambda2llb.Attempt) *fetchError {
	failed := &fetchError{layer: l.Layer}
	url, isURL := l.Origin.(lambda2llb.HTTPOrigin)
	blob, isBlob := l.Origin.(lambda2llb.BlobOrigin)
	_, isLFS := l.Origin.(lambda2llb.LFSOrigin)
	switch {
	case errors.Is(err, errTimeout): // which no vertex is to blame for, so that nobody has said where
		err = wrapSource(err, a.plan.Recipe, l.Lines...)
	case isLFS || !l.IsObject():
		failed.transient = isSessionLost(err)
		err = a.stepError(ctx, err)
	case isBlob:
		var reason string
		reason, failed.status, failed.transient = blobFailure(err, blob.Mirror, a.mirroring(blob.Mirror))
		err = &withMessage{cause: err, msg: reason}
	case isURL && errorContains(err, "digest mismatch"):
		var reason error
		reason, failed.transient = a.diagnoseFetch(ctx, url, l)
		if ctx.Err() == nil { // or else nobody answered
			err = &withMessage{cause: err, msg: reason.Error()}
		}
	default:
		failed.transient = errorContains(err, transientTexts...)
	}
	if code := httpStatusOf(err); code > 0 {
		failed.status, failed.transient = code, isTransientStatus(code)
		err = &withMessage{cause: err, msg: fmt.Sprintf("it answers with status %d, %s", code, a.urlHint(code, url))}
	}
	failed.reason = withDiskHint(err)
	return failed
}

// urlHint is what the server of a URL means by its answer.
func (a *assembler) urlHint(code int, url lambda2llb.HTTPOrigin) string {
	if !url.Mirror.IsZero() {
		return anonymousHint(code, url.Mirror, a.mirroring(url.Mirror))
	}
	return statusHint(code, hostOf(url.Address))
}

// mirroring is what puts the plan's objects into a mirror again.
func (a *assembler) mirroring(to mirror.Location) string {
	return fmt.Sprintf("mirror it again (lambdabase mirror %s --commit %s --to %s)", cmp.Or(a.plan.Runtime, "RUNTIME"), cmp.Or(a.plan.Commit, "COMMIT"), to)
}

// diagnoseFetch is what the server says of an object's URL, and whether it may say something else when asked again.
func (r *request) diagnoseFetch(ctx context.Context, url lambda2llb.HTTPOrigin, l lambda2llb.Attempt) (reason error, again bool) {
	ctx, cancel := withTimeout(ctx, time.Minute+transferTime(l.Size))
	defer cancel()
	opts, caps := []llb.HTTPOption{llb.Filename(l.OID)}, r.bc.BuildOpts().LLBCaps
	if caps.Supports(pb.CapSourceHTTPHeader) == nil {
		// BuildKit keeps what a URL sent to a client, wrong or not, for as long as its entity tag stays: be another one.
		opts = append(opts, llb.Header(llb.HTTPHeader{UserAgent: fmt.Sprintf("lambdabase (after attempt %d)", l.Number+1)}))
	}
	op, err := sourceOp(ctx, llb.HTTP(url.Address, opts...))
	if err != nil {
		return err, false
	}
	meta, err := r.client.ResolveSourceMetadata(ctx, op, sourceresolver.Opt{LogName: "ask why " + l.OID[:12] + " failed"})
	if err == nil && meta.HTTP == nil { // before v0.25 or so BuildKit asks for no metadata
		_, err = r.solve(ctx, llb.HTTP(url.Address, opts...), ocispecs.Platform{}, true)
	}
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

// objectsError is several objects that couldn't be fetched. It stands where its first stands in the recipe.
type objectsError struct{ failed []*fetchError }

// Error says what is the same for all objects once.
func (e *objectsError) Error() string {
	reason := e.failed[0].reason.Error()
	one := !slices.ContainsFunc(e.failed, func(f *fetchError) bool { return f.reason.Error() != reason })
	msg := fmt.Sprintf("%d objects failed", len(e.failed))
	if one {
		msg += ": " + reason
	}
	for _, f := range e.failed {
		msg += "\n- " + f.object()
		if !one {
			msg += ": " + f.reason.Error()
		}
	}
	return msg
}

func (e *objectsError) Unwrap() error { return e.failed[0] }

// isMirrored tells whether an object was to come from a mirror, which keeps what its repository drops.
func isMirrored(o lambda2llb.Origin) bool {
	url, _ := o.(lambda2llb.HTTPOrigin)
	_, isBlob := o.(lambda2llb.BlobOrigin)
	return isBlob || !url.Mirror.IsZero()
}

// withLockHint says what to do where objects of a locked commit can't be had any more, or have another size than the lock says.
func withLockHint(err error, p *lambda2llb.Plan) error {
	failed := fetchErrorsOf(err)
	if p.Lock == "" || len(failed) == 0 {
		return err
	}
	if i := slices.IndexFunc(failed, isOtherSize); i >= 0 {
		return &withMessage{cause: err, msg: fmt.Sprintf("%v\n%s: %s", err, failed[i].layer.Path, lockedSizeHint(p, failed[i].layer.Size))}
	}
	if !failed[0].isRefusal() || isMirrored(failed[0].layer.Origin) {
		return err
	}
	return &withMessage{cause: err, msg: fmt.Sprintf("%v\n%s locks %s to commit %s, which the repository may have dropped: "+
		"build from a mirror that kept it (repository=oci://...), or lock it anew (lambdabase lock --update %s)", err, p.Lock, p.Runtime, p.Commit, p.Runtime)}
}

// fetchErrorsOf returns the objects that didn't arrive.
func fetchErrorsOf(err error) []*fetchError {
	var one *fetchError
	var several *objectsError
	switch {
	case errors.As(err, &several):
		return several.failed
	case errors.As(err, &one):
		return []*fetchError{one}
	}
	return nil
}

// otherSizeTexts are what our own clients say where a server has an object in another size (internal/lfs/transfer, internal/embedded).
var otherSizeTexts = []string{"the server says that it has ", "the server would send ", "the server sends more than the object's "}

func isOtherSize(e *fetchError) bool { return errorContains(e.reason, otherSizeTexts...) }

// lockedSizeHint is what a lock file says of an object of another size, and what to do.
func lockedSizeHint(p *lambda2llb.Plan, size int64) string {
	return fmt.Sprintf("%s says %d bytes of it, for %s on %s: if commit %s doesn't, lock it anew (lambdabase lock --update %s)",
		p.Lock, size, p.Runtime, document.PlatformName(p.Platform), p.Commit, p.Runtime)
}
