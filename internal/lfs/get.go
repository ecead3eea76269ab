package lfs

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"

	"github.com/pkg/errors"
)

var contentRange = regexp.MustCompile(`^bytes (\d{1,18})-(\d{1,18})/(\d{1,18}|\*)$`)

// get asks for what is missing of the object, and takes it.
func (d *download) get(ctx context.Context) *failure {
	c, err := d.call()
	if err != nil {
		return d.fail(Protocol, d.where(), err)
	}
	a, f := d.do(ctx, c)
	if f != nil {
		return f
	}
	defer a.close()
	resumed := c.header.Get("Range") != ""
	switch {
	case a.StatusCode == http.StatusOK:
	case resumed && a.StatusCode == http.StatusPartialContent && d.goesOn(a):
	case resumed && (a.StatusCode == http.StatusPartialContent || a.StatusCode == http.StatusRequestedRangeNotSatisfiable):
		a.abandon()
		d.whole = true
		return d.startOver(ctx)
	default:
		return d.denied(a)
	}
	if f := d.encoded(a); f != nil {
		return f
	}
	if a.StatusCode == http.StatusOK && d.part.size > 0 {
		if f := d.startOver(ctx); f.fate != restart {
			return f
		}
	}
	return d.receive(ctx, a)
}

// call is the request: for the rest of the object, where the beginning is there.
func (d *download) call() (call, error) {
	private, carried, err := d.present(d.offer)
	h := http.Header{}
	switch {
	case d.part.size == 0 || d.whole:
		h.Set("Accept-Encoding", "identity")
	default:
		// No Accept-Encoding: git-lfs sends none with a range, and there are servers that refuse both at once.
		h.Set("Range", fmt.Sprintf("bytes=%d-", d.part.size))
		if d.etag != "" {
			h.Set("If-Range", d.etag)
		}
	}
	return call{http.MethodGet, d.offer.action.url, h, private, carried, nil}, err
}

// present is what goes with the request for an object for it to be let in. An URL with a query is most likely signed, and
// stores refuse a credential beside a signature: there the user's own goes only where it was asked for.
func (d *download) present(o *offer) (http.Header, credential, error) {
	s := d.session
	h, own := o.action.header.Clone(), sameOrigin(o.action.url, o.from.batch)
	for name, values := range h {
		// Gitea repeats what it was sent, for whatever host it names.
		if !own && s.secrets.carried(values[0]) {
			h.Del(name)
		}
	}
	authorization := o.from.private.Get("Authorization")
	switch {
	case h.Get("Authorization") != "" && h.Get("Authorization") == authorization:
		return h, o.from.carried, nil
	case h.Get("Authorization") != "":
		return h, credential{sent: true, name: "given by the server itself"}, nil
	case o.action.authenticated, o.action.url.RawQuery != "" && !d.login:
		return h, credential{}, nil
	case own && authorization != "":
		h.Set("Authorization", authorization)
		return h, o.from.carried, nil
	}
	carried, err := s.authorize(h, o.action.url)
	return h, carried, err
}

// goesOn tells whether an answer is the part of the object that was asked for.
func (d *download) goesOn(a *answer) bool {
	m := contentRange.FindStringSubmatch(a.Header.Get("Content-Range"))
	if m == nil {
		return false
	}
	first, _ := strconv.ParseInt(m[1], 10, 64)
	last, _ := strconv.ParseInt(m[2], 10, 64)
	size := strconv.FormatInt(d.object.Size, 10)
	return first == d.part.size && first <= last && last < d.object.Size && (m[3] == size || m[3] == "*") &&
		(a.ContentLength < 0 || a.ContentLength == last-first+1)
}

// denied is a status that is no content. Stores answer with any of these once a signature has ended.
func (d *download) denied(a *answer) *failure {
	f := d.refusedAnswer(a)
	d.login = d.login || a.StatusCode == http.StatusUnauthorized
	switch a.StatusCode {
	case http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusGone:
		if f.Kind != Limit {
			f.fate = renew
		}
	}
	return f
}

// receive takes the content as it arrives.
func (d *download) receive(ctx context.Context, a *answer) *failure {
	defer a.abandon()
	if expected := d.object.Size - d.part.size; a.StatusCode == http.StatusOK && a.ContentLength >= 0 && a.ContentLength != expected {
		return d.wrong(ctx, a.begin(beginLen), errors.Errorf("the server would send %d bytes, the object has %d", a.ContentLength, d.object.Size))
	}
	if d.etag = a.Header.Get("ETag"); !strings.HasPrefix(d.etag, `"`) {
		d.etag = "" // a weak one doesn't promise the same bytes
	}
	buf := make([]byte, copySize)
	for {
		a.alive()
		n, err := a.Body.Read(buf[:min(copySize, d.object.Size-d.part.size+1)])
		if d.part.size+int64(n) > d.object.Size {
			return d.wrong(ctx, d.part.begin(), errors.Errorf("the server sends more than the object's %d bytes", d.object.Size))
		}
		if err := d.part.write(buf[:n]); err != nil {
			return d.disk(ctx, err)
		}
		d.meter.add(n, d.part.size)
		switch {
		case err == io.EOF && d.part.size == d.object.Size:
			return d.verify(ctx)
		case err != nil:
			return d.cut(ctx, a, err)
		}
	}
}

// cut is an answer that broke off.
func (d *download) cut(ctx context.Context, a *answer, err error) *failure {
	if ctx.Err() != nil {
		return d.ended(context.Cause(ctx))
	}
	arrived := fmt.Sprintf("%d of %d bytes", d.part.size, d.object.Size)
	f := d.fail(Truncated, a.call.url, errors.Errorf("the answer ends after %s", arrived))
	f.fate = again
	switch begin := d.part.begin(); {
	case a.stalled():
		f.Err = errors.Errorf("nothing arrived for %s after %s", d.limits.IdleTimeout, arrived)
	case err != io.EOF:
		f.Err = d.foreign("the answer was cut after "+arrived, err)
	case form(begin) != "":
		// It ended as it should: it is all there is of something else.
		f.Err, f.Message = errors.Errorf("%s, %s", f.Err, form(begin)), d.message(excerpt(begin))
		if g := d.startOver(ctx); g.fate != restart {
			return g
		}
	}
	return f
}
