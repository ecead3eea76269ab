package branches

import (
	"crypto/tls"
	"crypto/x509"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"github.com/pkg/errors"
)

// errSignIn is a server that lets nobody in and doesn't say so: in the place of git's answer it shows a page.
var errSignIn = errors.New("it answers with a page to sign in")

// watched is a transport that tells whenever something arrives, and sign-in pages from answers.
type watched struct {
	http.RoundTripper
	heard func()
}

// httpClient trusts the system's certificates, and those given in PEM.
func httpClient(pem []byte, heard func()) (*http.Client, error) {
	t := &http.Transport{Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true}
	if standard, ok := http.DefaultTransport.(*http.Transport); ok {
		t = standard.Clone()
	}
	if len(pem) > 0 {
		pool, err := x509.SystemCertPool()
		if err != nil {
			return nil, errors.Wrap(err, "certificates")
		}
		pool.AppendCertsFromPEM(pem)
		t.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	}
	return &http.Client{Transport: &watched{t, heard}}, nil
}

func (w *watched) RoundTrip(req *http.Request) (*http.Response, error) {
	res, err := w.RoundTripper.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	w.heard()
	if asksToSignIn(res) {
		res.Body.Close()
		return nil, errSignIn
	}
	res.Body = &listener{res.Body, w.heard}
	return res, nil
}

// asksToSignIn tells a page, by its type or as Azure DevOps does by status 203, and the way to one: a repository that has
// moved is asked for the same elsewhere.
func asksToSignIn(res *http.Response) bool {
	const refs = "/info/refs"
	switch to, err := url.Parse(res.Header.Get("Location")); {
	case res.StatusCode == http.StatusNonAuthoritativeInfo:
		return true
	case res.StatusCode == http.StatusOK:
		kind, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type"))
		return kind == "text/html"
	case res.StatusCode >= 300 && res.StatusCode < 400 && err == nil && to.Path != "":
		return strings.HasSuffix(res.Request.URL.Path, refs) && !strings.HasSuffix(to.Path, refs)
	}
	return false
}
