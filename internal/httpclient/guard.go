package httpclient

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"regexp"
	"strings"
	"syscall"

	"golang.org/x/net/idna"
)

// Guard is a transport for requests that began at a host which the user named. Servers lead on from there: to where an
// object is, say. They may lead anywhere but to where only this machine gets, as what it answers would be told: to this
// machine itself, its link, a cloud's metadata service. Private networks are open, mirrors live there; and so is the named
// host, wherever its name leads.
type Guard struct {
	host       string
	named, led http.RoundTripper // led has connections of its own: those to another host that the user named are no leave
}

// NewGuard returns a guard of a transport, and of the host that the user named, without a port. What a name leads to is
// seen where the transport is one of this package.
func NewGuard(t http.RoundTripper, host string) *Guard {
	g := &Guard{host: hostName(host), named: t, led: t}
	if base, ok := t.(*http.Transport); ok {
		g.led = base.Clone()
	}
	return g
}

// RoundTrip refuses by the host's name, and by the address that is really dialed. What a proxy looks up is the proxy's.
func (g *Guard) RoundTrip(req *http.Request) (*http.Response, error) {
	dial := guardedDial{g.host, hostName(req.URL.Hostname())}
	if dial.host == g.host {
		return g.named.RoundTrip(req)
	}
	if err := dial.checkName(req.Context()); err != nil {
		return nil, err
	}
	if !g.usesProxy(req) {
		req = req.WithContext(context.WithValue(req.Context(), dialKey{}, dial))
	}
	return g.led.RoundTrip(req)
}

// CloseIdleConnections closes those to where servers led.
func (g *Guard) CloseIdleConnections() {
	if t, ok := g.led.(*http.Transport); ok && g.led != g.named {
		t.CloseIdleConnections()
	}
}

func (g *Guard) usesProxy(req *http.Request) bool {
	t, ok := g.led.(*http.Transport)
	if !ok || t.Proxy == nil {
		return false
	}
	proxy, err := t.Proxy(req)
	return err == nil && proxy != nil
}

// numericHost is an address as C's resolver and browsers read it besides: 2130706433, 0x7f.1, 127.00.0.1.
var numericHost = regexp.MustCompile(`^(.*\.)?(0x[0-9a-f]*|[0-9]+)$`)

// dialKey is that of a request's guardedDial in its context.
type dialKey struct{}

// guardedDial is a connection that a request needs.
type guardedDial struct{ named, host string }

// checkDial is asked with the address that a name led to, before it is connected to.
func checkDial(ctx context.Context, _, address string, _ syscall.RawConn) error {
	dial, guarded := ctx.Value(dialKey{}).(guardedDial)
	if !guarded {
		return nil
	}
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return err
	}
	return dial.check(ctx, to.Addr())
}

// checkName refuses what can be refused by the name of the host alone.
func (d guardedDial) checkName(ctx context.Context) error {
	if addr, ok := addressOf(d.host); ok {
		return d.check(ctx, addr)
	}
	if numericHost.MatchString(d.host) {
		return &ForbiddenError{d.host, "a number that some take for an address"}
	}
	return nil
}

func (d guardedDial) check(ctx context.Context, addr netip.Addr) error {
	kind := kindOf(addr)
	switch {
	case kind == "":
		return nil
	case kind == thisMachine && isThisMachine(ctx, d.named):
		return nil
	}
	return &ForbiddenError{addr.String(), kind}
}

// isThisMachine reports whether a host's name leads to this machine and nowhere else.
func isThisMachine(ctx context.Context, host string) bool {
	if addr, ok := addressOf(host); ok {
		return kindOf(addr) == thisMachine
	}
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	for _, addr := range addrs {
		if kindOf(addr) != thisMachine {
			return false
		}
	}
	return err == nil && len(addrs) > 0
}

// hostName is a host as net/http looks it up, without the dot that may end it, nor the brackets that may be around an address.
func hostName(host string) string {
	host = strings.Trim(host, "[]")
	if ascii, err := idna.Lookup.ToASCII(host); err == nil {
		host = ascii
	}
	return strings.ToLower(strings.TrimSuffix(host, "."))
}

// addressOf is the address that a host's name is, or stands for everywhere.
func addressOf(host string) (netip.Addr, bool) {
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return netip.AddrFrom4([4]byte{127, 0, 0, 1}), true
	}
	addr, err := netip.ParseAddr(host)
	return addr, err == nil
}

// ForbiddenError is the refusal of an address that only the user may name.
type ForbiddenError struct{ address, kind string }

func (e *ForbiddenError) Error() string {
	return "a server leads to " + e.address + ", " + e.kind + ", where none may lead that you don't name yourself"
}

// The kinds of addresses that a server may not lead to.
const (
	thisMachine = "this machine itself"
	linkLocal   = "a link-local address"
	unspecified = "an address that stands for any"
	metadata    = "a cloud's metadata service"
)

var (
	thisNetwork = netip.MustParsePrefix("0.0.0.0/8")
	nat64       = netip.MustParsePrefix("64:ff9b::/96") // an IPv4 address in its last four bytes
	metadataAWS = netip.MustParseAddr("fd00:ec2::254")
	metadataGCP = netip.MustParseAddr("fd20:ce::254")
)

// kindOf is the kind of an address; empty where a server may lead there.
func kindOf(addr netip.Addr) string {
	addr = addr.Unmap().WithZone("")
	if nat64.Contains(addr) {
		bytes := addr.As16()
		addr = netip.AddrFrom4([4]byte(bytes[12:]))
	}
	switch {
	case addr.IsLoopback():
		return thisMachine
	case addr.IsUnspecified(), thisNetwork.Contains(addr):
		return unspecified
	case addr.IsLinkLocalUnicast():
		return linkLocal
	case addr == metadataAWS, addr == metadataGCP:
		return metadata
	}
	return ""
}
