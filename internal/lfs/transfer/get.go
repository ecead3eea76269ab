package transfer

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"

	"lambdabase/internal/weburl"

	"github.com/pkg/errors"
)

var contentRange = regexp.MustCompile(`^bytes (\d{1,18})-(\d{1,18})/(\d{1,18}|\*)$`)

// get asks for what is missing of the object, and takes it.
func (d *download) get(ctx context.Context) *failure {
	req, err := d.newRequest()
	if err != nil {
		return d.newFailure(Protocol, d.url(), err)
	}
	res, f := d.doWithRedirects(ctx, req)
	if f != nil {
		return f
	}
	defer res.close()
	ranged := req.header.Get("Range") != ""
	switch {
	case res.StatusCode == http.StatusOK:
	case ranged && res.StatusCode == http.StatusPartialContent && d.matchesRange(res):
	case ranged && (res.StatusCode == http.StatusPartialContent || res.StatusCode == http.StatusRequestedRangeNotSatisfiable):
		res.discard()
		d.noRange = true
		return d.startOver(ctx)
	default:
		return d.refusedDownload(res)
	}
	if f := d.checkEncoding(res); f != nil {
		return f
	}
	if res.StatusCode == http.StatusOK && d.part.size > 0 {
		if f := d.startOver(ctx); f.retry != restartDownload {
			return f
		}
	}
	return d.readContent(ctx, res)
}

// newRequest returns the request: for the rest of the object, where the beginning is there.
func (d *download) newRequest() (httpRequest, error) {
	authHeader, cred, err := d.authHeaders(d.transfer)
	h := http.Header{}
	switch {
	case d.part.size == 0 || d.noRange:
		h.Set("Accept-Encoding", "identity")
	default:
		// No Accept-Encoding: git-lfs sends none with a range, and there are servers that refuse both at once.
		h.Set("Range", fmt.Sprintf("bytes=%d-", d.part.size))
		if d.etag != "" {
			h.Set("If-Range", d.etag)
		}
	}
	return httpRequest{http.MethodGet, d.transfer.action.url, d.transfer.server.namedHost, h, authHeader, cred, nil}, err
}

// authHeaders are what goes with the request for an object for it to be let in. A URL with a query is most likely signed, and
// stores refuse a credential beside a signature: there the user's own goes only where it was asked for.
func (d *download) authHeaders(t *transfer) (http.Header, credential, error) {
	s := d.session
	h, sameServer := t.action.header.Clone(), weburl.SameOrigin(t.action.url, t.server.batchURL)
	for name, values := range h {
		// Gitea repeats what it was sent, for whatever host it names.
		if !sameServer && s.secrets.containsUserCredential(values[0]) {
			h.Del(name)
		}
	}
	authorization := t.server.authHeader.Get("Authorization")
	switch {
	case h.Get("Authorization") != "" && h.Get("Authorization") == authorization:
		return h, t.server.credential, nil
	case h.Get("Authorization") != "":
		return h, credential{sent: true, name: "given by the server itself"}, nil
	case t.action.authenticated, t.action.url.RawQuery != "" && !d.needsAuth:
		return h, credential{}, nil
	case sameServer && authorization != "":
		h.Set("Authorization", authorization)
		return h, t.server.credential, nil
	}
	cred, err := s.authorize(h, t.action.url)
	return h, cred, err
}

// matchesRange reports whether a response is the part of the object that was asked for.
func (d *download) matchesRange(res *httpResponse) bool {
	m := contentRange.FindStringSubmatch(res.Header.Get("Content-Range"))
	if m == nil {
		return false
	}
	first, _ := strconv.ParseInt(m[1], 10, 64)
	last, _ := strconv.ParseInt(m[2], 10, 64)
	size := strconv.FormatInt(d.object.Size, 10)
	return first == d.part.size && first <= last && last < d.object.Size && (m[3] == size || m[3] == "*") &&
		(res.ContentLength < 0 || res.ContentLength == last-first+1)
}

// refusedDownload is the failure of a status that is no content. Stores answer with any of these once a signature has ended.
func (d *download) refusedDownload(res *httpResponse) *failure {
	f := d.statusFailure(res)
	d.needsAuth = d.needsAuth || res.StatusCode == http.StatusUnauthorized
	switch res.StatusCode {
	case http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusGone:
		if f.Kind != Limit {
			f.retry = refreshAction
		}
	}
	return f
}

// readContent takes the content as it arrives.
func (d *download) readContent(ctx context.Context, res *httpResponse) *failure {
	defer res.discard()
	if expected := d.object.Size - d.part.size; res.StatusCode == http.StatusOK && res.ContentLength >= 0 && res.ContentLength != expected {
		reason := errors.Errorf("the server would send %d bytes, the object has %d", res.ContentLength, d.object.Size)
		if res.ContentLength > expected {
			return d.tooLong(ctx, res.peek(sniffLen), reason)
		}
		return d.mismatch(ctx, res.peek(sniffLen), reason)
	}
	if d.etag = res.Header.Get("ETag"); !strings.HasPrefix(d.etag, `"`) {
		d.etag = "" // a weak one doesn't promise the same bytes
	}
	buf := make([]byte, copySize)
	for {
		res.resetTimer()
		n, err := res.Body.Read(buf[:min(copySize, d.object.Size-d.part.size+1)])
		if d.part.size+int64(n) > d.object.Size {
			return d.tooLong(ctx, d.part.head(), errors.Errorf("the server sends more than the object's %d bytes", d.object.Size))
		}
		if err := d.part.write(buf[:n]); err != nil {
			return d.diskFailure(ctx, err)
		}
		d.meter.add(n, d.part.size)
		switch {
		case err == io.EOF && d.part.size == d.object.Size:
			return d.verify(ctx)
		case err != nil:
			return d.truncated(ctx, res, err)
		}
	}
}

// truncated is the failure of a response that broke off.
func (d *download) truncated(ctx context.Context, res *httpResponse, err error) *failure {
	if ctx.Err() != nil {
		return d.canceledFailure(context.Cause(ctx))
	}
	arrived := fmt.Sprintf("%d of %d bytes", d.part.size, d.object.Size)
	f := d.newFailure(Truncated, res.request.url, errors.Errorf("the answer ends after %s", arrived))
	f.retry = retryLater
	switch head := d.part.head(); {
	case res.stalled():
		f.Err = errors.Errorf("nothing arrived for %s after %s", d.limits.IdleTimeout, arrived)
	case !errors.Is(err, io.EOF):
		f.Err = d.transportError("the answer was cut after "+arrived, err)
	case sniffFormat(head) != "":
		// It ended as it should: it is all there is of something else.
		f.Err, f.Message = errors.Errorf("%s, %s", f.Err, sniffFormat(head)), d.sanitize(excerpt(head))
		if g := d.startOver(ctx); g.retry != restartDownload {
			return g
		}
	}
	return f
}
