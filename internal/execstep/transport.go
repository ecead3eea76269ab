package execstep

import (
	"context"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"

	"lambdabase/internal/execstep/contract"
	"lambdabase/internal/httpclient"
	"lambdabase/internal/secrets"

	"github.com/pkg/errors"
)

// newTransport returns one that trusts the certificates of the image, and those that the user gives. Proxies are those of
// the environment.
func (s *step) newTransport() (*http.Transport, error) {
	t := httpclient.NewTransport(httpclient.IdleTimeout)
	t.OnProxyConnectResponse = checkProxyResponse
	pem, err := s.readCA()
	if pem == nil || err != nil {
		return t, err
	}
	return t, httpclient.TrustCA(t, pem)
}

// readCA returns the user's certificates; nil if there are none.
func (s *step) readCA() ([]byte, error) {
	pem, err := os.ReadFile(filepath.Join(s.secrets, path.Base(contract.CAFile)))
	if os.IsNotExist(err) {
		return nil, nil
	}
	if err == nil {
		err = httpclient.CheckCA(pem)
	}
	return pem, errors.Wrapf(err, "secret %s", secrets.CA)
}

// checkProxyResponse tells a proxy's refusal from a server's: net/http says nothing but "Forbidden".
func checkProxyResponse(_ context.Context, proxy *url.URL, _ *http.Request, res *http.Response) error {
	if res.StatusCode == http.StatusOK {
		return nil
	}
	return errors.Errorf("the proxy %s answers %s", proxy.Host, res.Status)
}
