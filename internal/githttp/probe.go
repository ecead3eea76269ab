package githttp

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"lambdabase/internal/httpclient"

	"github.com/pkg/errors"
)

// maxRedirects is how many git follows.
const maxRedirects = 20

// Probe finds out whom a repository's server lets in. Where the server can't be reached from here, a daemon elsewhere may
// reach it: then whoever has something to show counts as let in.
type Probe struct {
	client      http.Client
	address     string
	unreachable bool
}

// NewProbe returns one for a repository. The server has so much time for an answer.
func NewProbe(repository *url.URL, transport http.RoundTripper, limit time.Duration) *Probe {
	return &Probe{
		client:  http.Client{Transport: httpclient.NewGuard(transport, repository.Hostname()), Timeout: limit, CheckRedirect: checkRedirect},
		address: repository.JoinPath(refsPath).String() + "?service=git-upload-pack",
	}
}

// Accepts reports whether the server lets in whoever sends the header; empty: whoever sends none.
func (p *Probe) Accepts(ctx context.Context, authorization string) bool {
	if p.unreachable {
		return authorization != ""
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.address, nil)
	if err != nil {
		return authorization != ""
	}
	req.Header.Set("User-Agent", UserAgent)
	if authorization != "" {
		req.Header.Set("Authorization", authorization)
	}
	res, err := p.client.Do(req)
	if err != nil {
		p.unreachable = true
		return authorization != ""
	}
	res.Body.Close()
	return IsAdvertisement(res)
}

// checkRedirect has a credential follow no redirect to another server.
func checkRedirect(req *http.Request, via []*http.Request) error {
	first := via[0]
	if first.Header.Get("Authorization") != "" && (req.URL.Scheme != first.URL.Scheme || req.URL.Host != first.URL.Host) {
		return http.ErrUseLastResponse
	}
	if len(via) > maxRedirects {
		return errors.Errorf("more than %d redirects", maxRedirects)
	}
	return nil
}
