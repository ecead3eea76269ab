package step

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"os"

	"github.com/pkg/errors"
)

// transport trusts the certificates of the image, and those that the user gives. Proxies are those of the environment.
func transport() (*http.Transport, error) {
	t := http.DefaultTransport.(*http.Transport).Clone()
	pem, err := authorities()
	if pem == nil || err != nil {
		return t, err
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		return nil, errors.Wrap(err, "certificates")
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, errors.Errorf("secret %s holds no certificate in PEM", CASecret)
	}
	t.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	return t, nil
}

// authorities are the user's certificates; nil if there are none.
func authorities() ([]byte, error) {
	pem, err := os.ReadFile(Authority)
	if os.IsNotExist(err) {
		return nil, nil
	}
	return pem, errors.Wrapf(err, "secret %s", CASecret)
}
