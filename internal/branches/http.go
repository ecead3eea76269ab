package branches

import (
	"net/http"

	"lambdabase/internal/githttp"
	"lambdabase/internal/httpclient"

	"github.com/pkg/errors"
)

// errSignIn is a server that lets nobody in and doesn't say so: in the place of git's answer it shows a page.
var errSignIn = errors.New("it answers with a page to sign in")

// notifyTransport is a transport that tells whenever something arrives, and sign-in pages from answers.
type notifyTransport struct {
	http.RoundTripper
	refs   *refs
	onRead func()
}

// newHTTPClient returns a client for the repository on a host, which trusts the system's certificates, and those given in PEM.
func newHTTPClient(host string, caBundle []byte, refs *refs, onRead func()) (*http.Client, error) {
	t := httpclient.CloneDefault()
	if len(caBundle) > 0 {
		if err := httpclient.TrustCA(t, caBundle); err != nil {
			return nil, err
		}
	}
	return &http.Client{Transport: &notifyTransport{httpclient.NewGuard(t, host), refs, onRead}}, nil
}

func (w *notifyTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	req.Header.Set("User-Agent", githttp.UserAgent)
	res, err := w.RoundTripper.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	w.onRead()
	if githttp.IsSignInPage(res) {
		res.Body.Close()
		return nil, errSignIn
	}
	res.Body = &notifyReader{res.Body, w.onRead}
	if req.Method == http.MethodGet { // the pack is asked for by a POST
		res.Body = w.refs.reader(res.Body)
	}
	return res, nil
}
