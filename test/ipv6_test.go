package test

import (
	"io"
	"net"
	"strings"
	"testing"

	"lambdabase/internal/sample/githost"
	"lambdabase/test/sandbox"

	"github.com/stretchr/testify/require"
)

// byIPv6 has a server's address answer at one of IPv6 too, and returns its URL.
func (h *repoServer) byIPv6(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "[::1]:0")
	if err != nil {
		sandbox.Missing(t, err)
	}
	acceptEach(t, listener, func(conn net.Conn) { forward(conn, strings.TrimPrefix(h.URL, "http://")) })
	return "http://" + listener.Addr().String()
}

// acceptEach serves each connection by itself until the test's end.
func acceptEach(t *testing.T, listener net.Listener, serve func(net.Conn)) {
	t.Helper()
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go serve(conn)
		}
	}()
}

func forward(conn net.Conn, address string) {
	defer conn.Close()
	to, err := net.Dial("tcp", address)
	if err != nil {
		return
	}
	defer to.Close()
	go func() {
		_, _ = io.Copy(to, conn)
		_ = to.(*net.TCPConn).CloseWrite()
	}()
	_, _ = io.Copy(conn, to)
}

// The host of a URL is in brackets there, and a secret's id names it as it is.
func TestARepositoryAtAnIPv6AddressGivesTheSameImage(t *testing.T) {
	t.Parallel()
	d := sandbox.Start(t)
	h := serveUpstream(t, "nodejs20.x")
	want := oneImage(t, d, h.request("nodejs20.x")).Digest
	url := h.byIPv6(t)
	repository, objects := h.URLs(url)
	h.SetAccess(githost.Access{Accept: []string{basicAuth("t0ken"), "Bearer t0ken"}, PlainURLs: true})
	defer h.SetAccess(githost.Access{})
	host := strings.TrimPrefix(url, "http://")

	d.Prune(t)
	req := withSecrets(h.request("nodejs20.x", "repository", repository, "objects", objects), "GIT_AUTH_TOKEN."+host, "t0ken", "HTTP_AUTH_TOKEN_::1", "t0ken")
	require.Equal(t, want, oneImage(t, d, req).Digest)

	c := newCLI(t)
	c.env = append(c.env, "TOKEN=t0ken", "NO_PROXY=127.0.0.1,localhost,::1")
	list := c.mustRun(t, "list", "--repository="+repository, "--secret", "id=GIT_AUTH_TOKEN."+host+",env=TOKEN")
	require.Contains(t, list, "nodejs20.x")
	c.mustRun(t, "build", "nodejs20.x", "--repository="+repository, "--objects=lfs", "--secret", "id=GIT_AUTH_TOKEN."+host+",env=TOKEN", "-o", "image.tar")
	images, err := sandbox.ReadOCI(c.file("image.tar"))
	require.NoError(t, err)
	require.Equal(t, want, images[0].Digest)
}
