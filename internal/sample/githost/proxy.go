package githost

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"strings"
	"sync"
)

// Proxy is an HTTP proxy that leads where the test wants: with it a local listener plays github.com
// for a daemon that has HTTPS_PROXY.
type Proxy struct {
	// Authorization, if set before the first request, is the Proxy-Authorization that is wanted.
	Authorization string

	route    func(hostport string) string
	mu       sync.Mutex
	requests []ProxyRequest
}

// ProxyRequest is a request to the proxy.
type ProxyRequest struct {
	Method string // CONNECT, or that of a plain request
	Host   string // and port
	Header http.Header
}

// NewProxy is a proxy that dials what route says for a host and port; empty refuses it.
func NewProxy(route func(hostport string) string) *Proxy {
	return &Proxy{route: route}
}

// Requests are the requests so far.
func (p *Proxy) Requests() []ProxyRequest {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]ProxyRequest(nil), p.requests...)
}

func (p *Proxy) record(r *http.Request, host string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.requests = append(p.requests, ProxyRequest{r.Method, host, r.Header.Clone()})
}

func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	host := r.Host
	if _, _, err := net.SplitHostPort(host); err != nil {
		host = net.JoinHostPort(strings.Trim(host, "[]"), "80")
	}
	p.record(r, host)
	if p.Authorization != "" && r.Header.Get("Proxy-Authorization") != p.Authorization {
		w.Header().Set("Proxy-Authenticate", `Basic realm="sample"`)
		http.Error(w, "the proxy wants a credential", http.StatusProxyAuthRequired)
		return
	}
	address := p.route(host)
	switch {
	case address == "":
		http.Error(w, "no route to "+host, http.StatusBadGateway)
	case r.Method == http.MethodConnect:
		tunnel(w, r, address)
	default:
		forward(address).ServeHTTP(w, r)
	}
}

// forward passes plain requests on as they are.
func forward(address string) http.Handler {
	return &httputil.ReverseProxy{
		Rewrite: func(*httputil.ProxyRequest) {},
		Transport: &http.Transport{
			DisableKeepAlives:  true,
			DisableCompression: true,
			DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
				return new(net.Dialer).DialContext(ctx, network, address)
			},
		},
	}
}

// tunnel joins the client with the address until one of them has done.
func tunnel(w http.ResponseWriter, r *http.Request, address string) {
	far, err := new(net.Dialer).DialContext(r.Context(), "tcp", address)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer far.Close()
	near, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	defer near.Close()
	io.WriteString(near, "HTTP/1.1 200 Connection established\r\n\r\n")
	done := make(chan struct{}, 2)
	join := func(to io.Writer, from io.Reader) { io.Copy(to, from); done <- struct{}{} }
	go join(far, buffered)
	go join(near, far)
	<-done
}
