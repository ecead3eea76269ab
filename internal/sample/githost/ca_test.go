package githost

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
)

// startTLS is a TLS listener with a certificate of the CA for the hosts.
func (s *testServer) startTLS(t *testing.T, ca *CA, hosts ...string) *httptest.Server {
	t.Helper()
	certificate, err := ca.Certificate(hosts...)
	require.NoError(t, err)
	host := httptest.NewUnstartedServer(s.Server)
	host.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}}
	host.Config.ErrorLog = log.New(io.Discard, "", 0) // handshakes that fail are meant to
	host.StartTLS()
	t.Cleanup(host.Close)
	return host
}

func newCA(t *testing.T) (*CA, *x509.CertPool) {
	t.Helper()
	ca, err := NewCA()
	require.NoError(t, err)
	pool := x509.NewCertPool()
	require.True(t, pool.AppendCertsFromPEM(ca.PEM()))
	return ca, pool
}

func TestCertificateIsTrustedByWhoKnowsTheCAForItsHosts(t *testing.T) {
	s := serve(t)
	ca, pool := newCA(t)
	_, others := newCA(t)
	for _, tc := range []struct {
		hosts []string
		trust *x509.CertPool
		want  string
	}{
		{[]string{"127.0.0.1", "github.com"}, pool, ""},
		{[]string{"github.com"}, pool, "doesn't contain any IP SANs"},
		{[]string{"127.0.0.1"}, others, "unknown authority"},
	} {
		host := s.startTLS(t, ca, tc.hosts...)
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: tc.trust}}}
		response, err := client.Get(host.URL + "/objects/" + s.OID)
		if tc.want != "" {
			require.ErrorContains(t, err, tc.want)
			continue
		}
		require.NoError(t, err)
		response.Body.Close()
		require.Equal(t, http.StatusOK, response.StatusCode)
	}
}
