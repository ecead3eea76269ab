package lfs

import (
	"context"
	"net/http"
	"net/url"

	"github.com/pkg/errors"
)

// maxRedirects is git-lfs's.
const maxRedirects = 3

// do makes a request and follows where it is led.
func (s *session) do(ctx context.Context, c call) (*answer, *failure) {
	s.secrets.addHeader(c.private, given)
	for hops := 0; ; hops++ {
		a, f := s.send(ctx, c)
		if f != nil || !redirected(a.StatusCode) {
			return a, f
		}
		next, err := c.follow(a.StatusCode, a.Header.Get("Location"))
		a.close()
		if err == nil && hops == maxRedirects {
			err = errors.Errorf("more than %d redirects, the last one to host %s", maxRedirects, next.url.Host)
		}
		if err != nil {
			f := s.fail(Protocol, c.url, err)
			f.Status = a.StatusCode
			return nil, f
		}
		c = next
	}
}

// follow is the call that a redirect asks for. What was meant for one server never reaches another, nor does it come
// back when a later redirect does.
func (c call) follow(status int, location string) (call, error) {
	if location == "" {
		return call{}, errors.New("redirect to nowhere")
	}
	if status == http.StatusSeeOther && c.method != http.MethodGet {
		return call{}, errors.New("redirect that would lose what is asked for")
	}
	relative, err := url.Parse(location)
	if err != nil {
		return call{}, errors.New("redirect to a malformed URL")
	}
	u, err := webURL(c.url.ResolveReference(relative).String())
	if err != nil {
		return call{}, errors.Wrap(err, "redirect")
	}
	if c.url.Scheme == "https" && u.Scheme != "https" {
		return call{}, errors.Errorf("redirect from https to http, to host %s", u.Host)
	}
	u.Fragment, u.RawFragment = "", ""
	if !sameOrigin(c.url, u) {
		c.private, c.carried = nil, credential{}
	}
	c.url = u
	return c, nil
}
