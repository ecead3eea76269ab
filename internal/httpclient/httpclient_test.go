package httpclient

import (
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestACAIsTrustedBesidesTheSystems(t *testing.T) {
	s := httptest.NewTLSServer(http.NotFoundHandler())
	defer s.Close()
	transport := NewTransport(time.Minute)
	defer transport.CloseIdleConnections()
	client := http.Client{Transport: transport}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL, nil)
	require.NoError(t, err)
	_, err = client.Do(req)
	require.Error(t, err)
	require.Equal(t, ": where a company signs with a CA of its own, pass that as the secret LAMBDABASE_CA (--secret id=LAMBDABASE_CA,src=ca.pem)", CAHint(err))

	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	require.NoError(t, TrustCA(transport, ca))
	res, err := client.Do(req)
	require.NoError(t, err)
	res.Body.Close()
}

func TestWhatIsNoCertificateIsAnError(t *testing.T) {
	require.EqualError(t, CheckCA([]byte("no PEM")), "it holds no certificate in PEM")
	require.Error(t, TrustCA(CloneDefault(), nil))
	require.Empty(t, CAHint(http.ErrServerClosed))
}
