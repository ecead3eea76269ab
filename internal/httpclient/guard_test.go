package httpclient

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"testing"
	"time"

	"lambdabase/internal/httpclient/dnstest"

	"github.com/stretchr/testify/require"
)

// reached is a transport that says whether it was asked.
type reached struct{ asked bool }

func (r *reached) RoundTrip(*http.Request) (*http.Response, error) {
	r.asked = true
	return &http.Response{StatusCode: 200, Body: http.NoBody}, nil
}

// send makes a request to an address that servers lead to from a host that the user named.
func send(t *testing.T, transport http.RoundTripper, named, address string) error {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	require.NoError(t, err)
	res, err := NewGuard(transport, named).RoundTrip(req)
	if err == nil {
		res.Body.Close()
	}
	return err
}

func TestNoServerLeadsToAnAddressThatOnlyThisMachineReaches(t *testing.T) {
	dnstest.Set(t, map[string][]string{"git.example.": {"203.0.113.1"}})
	for host, kind := range map[string]string{
		"169.254.169.254": linkLocal, "169.254.0.1": linkLocal, "[fe80::1]": linkLocal, "[fe80::1%25eth0]": linkLocal, "[::ffff:169.254.169.254]": linkLocal,
		"[64:ff9b::a9fe:a9fe]": linkLocal, "169.254.169.254.": linkLocal, "１６９.254.169.254": linkLocal,
		"127.0.0.1": thisMachine, "127.8.9.1": thisMachine, "[::1]": thisMachine, "[::ffff:127.0.0.1]": thisMachine,
		"localhost": thisMachine, "LOCALHOST.": thisMachine, "x.localhost": thisMachine,
		"0.0.0.0": unspecified, "0.1.2.3": unspecified, "[::]": unspecified, "[::ffff:0.0.0.0]": unspecified,
		"[fd00:ec2::254]": metadata, "[fd20:ce::254]": metadata,
		"2130706433": "a number", "0x7f.1": "a number", "127.00.0.1": "a number", "0xA9FEA9FE": "a number",
	} {
		inner := &reached{}
		err := send(t, inner, "git.example", "http://"+host+":8080/x")
		require.ErrorAs(t, err, new(*ForbiddenError), host)
		require.ErrorContains(t, err, kind, host)
		require.False(t, inner.asked, host)
	}
}

func TestPrivateNetworksAndWhatTheUserNamesAreReached(t *testing.T) {
	dnstest.Set(t, map[string][]string{"here.example.": {"127.0.0.1", "::1"}, "both.example.": {"203.0.113.1", "127.0.0.1"}})
	for _, tc := range []struct {
		named, host string
		ok          bool
	}{
		{"git.example", "10.1.2.3", true},
		{"git.example", "192.168.1.2", true},
		{"git.example", "172.16.0.1", true},
		{"git.example", "[fd00::1]", true},
		{"git.example", "[::ffff:10.1.2.3]", true},
		{"git.example", "store.example", true},
		{"169.254.10.1", "169.254.10.1", true},
		{"169.254.10.1", "169.254.169.254", false},
		{"fe80::1%eth0", "[fe80::1%25eth0]", true},
		{"127.0.0.1", "127.0.0.1", true},
		{"127.0.0.1", "localhost", true},
		{"127.0.0.1", "[::1]", true},
		{"LocalHost", "127.0.0.1", true},
		{"127.0.0.1", "169.254.169.254", false},
		{"127.0.0.1", "0.0.0.0", false},
		{"here.example", "localhost", true}, // a name of this machine
		{"both.example", "localhost", false},
		{"git.example", "localhost", false},
		{"1234", "1234", true}, // a container's name
	} {
		inner := &reached{}
		err := send(t, inner, tc.named, "http://"+tc.host+"/x")
		require.Equal(t, tc.ok, err == nil, "from %s to %s: %v", tc.named, tc.host, err)
		require.Equal(t, tc.ok, inner.asked, "from %s to %s", tc.named, tc.host)
	}
}

func TestNoNameLeadsWhereItsAddressMayNot(t *testing.T) {
	s := httptest.NewServer(http.NotFoundHandler())
	defer s.Close()
	u, err := url.Parse(s.URL)
	require.NoError(t, err)
	dnstest.Set(t, map[string][]string{
		"git.example.": {"203.0.113.1"}, "here.example.": {"127.0.0.1"}, "mapped.example.": {"::ffff:127.0.0.1"},
		"metadata.example.": {"169.254.169.254"}, "six.example.": {"fe80::1"}, "any.example.": {"0.0.0.0"},
	})
	transport := NewTransport(time.Minute)
	defer transport.CloseIdleConnections()
	for _, name := range []string{"here.example", "mapped.example", "metadata.example", "six.example", "any.example"} {
		require.ErrorAs(t, send(t, transport, "git.example", "http://"+name+":"+u.Port()), new(*ForbiddenError), name)
	}
	require.NoError(t, send(t, transport, "here.example", "http://here.example:"+u.Port()), "the user named it")
	require.NoError(t, send(t, transport, "127.0.0.1", "http://here.example:"+u.Port()))
	require.ErrorAs(t, send(t, transport, "git.example", "http://here.example:"+u.Port()), new(*ForbiddenError), "a connection is there, and for another")
}

func TestAProxyMayBeAnywhere(t *testing.T) {
	var asked []string
	proxy := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { asked = append(asked, r.URL.Host) }))
	defer proxy.Close()
	u, err := url.Parse(proxy.URL)
	require.NoError(t, err)
	transport := NewTransport(time.Minute)
	defer transport.CloseIdleConnections()
	transport.Proxy = http.ProxyURL(u)
	require.NoError(t, send(t, transport, "git.example", "http://store.example/x"))
	require.Equal(t, []string{"store.example"}, asked)
	require.ErrorAs(t, send(t, transport, "git.example", "http://169.254.169.254/x"), new(*ForbiddenError))
	require.Len(t, asked, 1, "nor does it get there by the proxy")
}

func TestKindsOfAddressesThatAreOpen(t *testing.T) {
	for _, addr := range []string{"8.8.8.8", "100.64.0.1", "2001:db8::1", "fd00:ec2::255", "64:ff9b::808:808", "1.0.0.0", "169.253.255.255", "169.255.0.0"} {
		require.Empty(t, kindOf(netip.MustParseAddr(addr)), addr)
	}
}
