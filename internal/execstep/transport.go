package execstep

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"lambdabase/internal/lfs/transfer"

	"github.com/pkg/errors"
)

// idleTimeout is how long a server may say nothing.
const idleTimeout = 30 * time.Second

// newTransport returns one that trusts the certificates of the image, and those that the user gives. Proxies are those of
// the environment.
func (s *step) newTransport() (*http.Transport, error) {
	t := transfer.NewTransport(idleTimeout)
	t.OnProxyConnectResponse = checkProxyResponse
	pem, err := s.readCA()
	if pem == nil || err != nil {
		return t, err
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		return nil, errors.Wrap(err, "certificates")
	}
	pool.AppendCertsFromPEM(pem)
	t.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	return t, nil
}

// readCA returns the user's certificates; nil if there are none.
func (s *step) readCA() ([]byte, error) {
	pem, err := os.ReadFile(filepath.Join(s.secrets, path.Base(CAFile)))
	if os.IsNotExist(err) {
		return nil, nil
	}
	if err == nil && !x509.NewCertPool().AppendCertsFromPEM(pem) {
		err = errors.New("it holds no certificate in PEM")
	}
	return pem, errors.Wrapf(err, "secret %s", CASecret)
}

// checkProxyResponse tells a proxy's refusal from a server's: net/http says nothing but "Forbidden".
func checkProxyResponse(_ context.Context, proxy *url.URL, _ *http.Request, res *http.Response) error {
	if res.StatusCode == http.StatusOK {
		return nil
	}
	return errors.Errorf("the proxy %s answers %s", proxy.Host, res.Status)
}

// certificateHint says what to do about an error of a certificate that nobody known has signed; empty for any other. It is
// told by its text: go-git hides its type.
func certificateHint(err error) string {
	if !strings.Contains(err.Error(), "tls: failed to verify certificate") {
		return ""
	}
	return fmt.Sprintf(": where a company signs with a CA of its own, pass that as the secret %s (--secret id=%s,src=ca.pem)", CASecret, CASecret)
}
