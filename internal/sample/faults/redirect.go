package faults

import (
	"cmp"
	"context"
	"net/http"
	"strconv"
	"strings"

	"lambdabase/internal/sample/githost"
)

// SecondHost stands for the base that Server.SetSecondHost was told, so that a table of faults need not
// know an address.
const SecondHost = "second host"

// hopsPrefix goes before the path of a request that was redirected, and says how often it will be
// once more. It is no parameter: git follows only to where the path and the query end alike.
const hopsPrefix = "/hops/"

// Redirect sends the client elsewhere before it gets what it asked for. Each hop is in the log.
type Redirect struct {
	Hops   int    // so many of them; 0 is one if To or Signed is set; no end to them if negative
	To     string // where the first leads: a base, SecondHost, or a scheme as in "http:"; else here
	Status int    // 302 if 0
	Signed bool   // an object's first leads to its signed URL, as forges with a store behind them do
}

// SetSecondHost tells the base of another listener that this handler serves.
func (s *Server) SetSecondHost(base string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.secondHost = base
}

// baseURL is the base of URLs: this server as the client sees it, unless to says another.
func (s *Server) baseURL(r *http.Request, to string) string {
	switch {
	case to == SecondHost:
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.secondHost
	case strings.HasSuffix(to, ":"):
		return to + "//" + r.Host
	case to != "":
		return to
	}
	return githost.BaseURL(r)
}

type hopsKey struct{}

// takeHops takes the count of hops to come off the path, where the request was redirected.
func takeHops(r *http.Request) *http.Request {
	rest, ok := strings.CutPrefix(r.URL.Path, hopsPrefix)
	count, path, _ := strings.Cut(rest, "/")
	left, err := strconv.Atoi(count)
	if !ok || err != nil {
		return r
	}
	r.URL.Path, r.URL.RawPath = "/"+path, ""
	return r.WithContext(context.WithValue(r.Context(), hopsKey{}, left))
}

// redirect sends the client to its next hop, and says whether it did. How a redirect goes on is in
// the URL: the fault may be over by then.
func (s *Server) redirect(w http.ResponseWriter, r *http.Request, request githost.Request, f Redirect) bool {
	left, target := f.Hops, r.URL.RequestURI()
	hops, redirected := r.Context().Value(hopsKey{}).(int)
	switch {
	case redirected:
		left, f.To = hops, ""
	case f.Signed && request.Kind == githost.Object:
		target = githost.NewSignedURL(request.OID, githost.DefaultLifetime).RequestURI()
		left = max(left, 1)
	case f.To != "" && left == 0:
		left = 1
	}
	if left == 0 {
		return false
	}
	w.Header().Set("Location", s.baseURL(r, f.To)+hopsPrefix+strconv.Itoa(max(left-1, -1))+target)
	w.WriteHeader(cmp.Or(f.Status, http.StatusFound))
	return true
}
