// Package httpclient has what all clients of the servers share: time limits, and the certificates that they trust.
package httpclient

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"strings"
	"time"

	"lambdabase/internal/secrets"

	"github.com/pkg/errors"
)

// IdleTimeout is how long a server may say nothing.
const IdleTimeout = 30 * time.Second

// NewTransport returns that of net/http, which waits forever for an answer, with limits.
func NewTransport(idle time.Duration) *http.Transport {
	t := CloneDefault()
	t.TLSHandshakeTimeout = 15 * time.Second
	t.ResponseHeaderTimeout = idle
	t.MaxResponseHeaderBytes = 1 << 20
	t.DisableCompression = true // objects are verified as they are sent
	return t
}

// CloneDefault returns net/http's own transport, to be changed. A [Guard] sees what it dials.
func CloneDefault() *http.Transport {
	t := &http.Transport{Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true}
	if standard, ok := http.DefaultTransport.(*http.Transport); ok {
		t = standard.Clone()
	}
	t.DialContext = (&net.Dialer{Timeout: 30 * time.Second, KeepAlive: 30 * time.Second, ControlContext: checkDial}).DialContext
	return t
}

// TrustCA has a transport trust certificates in PEM besides the system's.
func TrustCA(t *http.Transport, pem []byte) error {
	pool, err := certPool(pem)
	if err != nil {
		return err
	}
	t.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	return nil
}

// CheckCA says why certificates can't be trusted.
func CheckCA(pem []byte) error {
	_, err := certPool(pem)
	return err
}

func certPool(pem []byte) (*x509.CertPool, error) {
	pool, err := x509.SystemCertPool()
	if err != nil {
		return nil, errors.Wrap(err, "certificates")
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, errors.New("it holds no certificate in PEM")
	}
	return pool, nil
}

// CAHint says what to do about an error of a certificate that nobody known has signed; empty for any other. It is told by its
// text: go-git hides its type.
func CAHint(err error) string {
	if !strings.Contains(err.Error(), "tls: failed to verify certificate") {
		return ""
	}
	return ": where a company signs with a CA of its own, pass that as the secret " + secrets.CA + " (--secret id=" + secrets.CA + ",src=ca.pem)"
}
