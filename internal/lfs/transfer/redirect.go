package transfer

import (
	"context"
	"net/http"
	"net/url"

	"lambdabase/internal/weburl"

	"github.com/pkg/errors"
)

// maxRedirects is git-lfs's.
const maxRedirects = 3

// doWithRedirects makes a request and follows where it is led.
func (s *session) doWithRedirects(ctx context.Context, r httpRequest) (*httpResponse, *failure) {
	s.secrets.addHeader(r.authHeader, serverCredential)
	for hops := 0; ; hops++ {
		res, f := s.send(ctx, r)
		if f != nil || !isRedirect(res.StatusCode) {
			return res, f
		}
		next, err := r.redirectTo(res.StatusCode, res.Header.Get("Location"))
		res.close()
		if err == nil && hops == maxRedirects {
			err = errors.Errorf("more than %d redirects, the last one to host %s", maxRedirects, next.url.Host)
		}
		if err != nil {
			f := s.newFailure(Protocol, r.url, err)
			f.Status = res.StatusCode
			return nil, f
		}
		r = next
	}
}

// redirectTo is the request that a redirect asks for. What was meant for one server never reaches another, nor does it come
// back when a later redirect does.
func (r httpRequest) redirectTo(status int, location string) (httpRequest, error) {
	if location == "" {
		return httpRequest{}, errors.New("redirect to nowhere")
	}
	if status == http.StatusSeeOther && r.method != http.MethodGet {
		return httpRequest{}, errors.New("redirect that would lose what is asked for")
	}
	relative, err := url.Parse(location)
	if err != nil {
		return httpRequest{}, errors.New("redirect to a malformed URL")
	}
	u, err := weburl.Parse(r.url.ResolveReference(relative).String())
	if err != nil {
		return httpRequest{}, errors.Wrap(err, "redirect")
	}
	if r.url.Scheme == "https" && u.Scheme != "https" {
		return httpRequest{}, errors.Errorf("redirect from https to http, to host %s", u.Host)
	}
	u.Fragment, u.RawFragment = "", ""
	if !weburl.SameOrigin(r.url, u) {
		r.authHeader, r.credential = nil, credential{}
	}
	r.url = u
	return r, nil
}
