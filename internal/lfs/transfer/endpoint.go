package transfer

import (
	"cmp"
	"context"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"syscall"
	"time"

	"lambdabase/internal/weburl"

	"github.com/pkg/errors"
	"golang.org/x/net/http/httpguts"
)

// expiryMargin is how long before its end a credential or a signed URL counts as expired: a request takes its time.
const expiryMargin = 5 * time.Second

// Endpoint is where the batch API of a repository is.
type Endpoint struct {
	URL     string            // without "/objects/batch", e.g. https://host/owner/repo.git/info/lfs
	Header  map[string]string // given by git-lfs-authenticate over SSH; sent to the URL's host only
	Expires time.Time         // of Header; zero: never
	Host    string            // that the user named, and that gave the URL; empty: the URL's own is that
}

// server is an endpoint as it is used: checked, and with the credential for it.
type server struct {
	batchURL   *url.URL
	namedHost  string // by the user
	authHeader http.Header
	credential credential
	fromSSH    bool // the credential came with the endpoint, and may end before it says so
	expires    time.Time
}

// serverCache keeps what Endpoint gave for as long as it holds.
type serverCache struct {
	mu      sync.Mutex
	current *server
}

func (s *session) currentServer(ctx context.Context) (*server, *failure) {
	s.serverCache.mu.Lock()
	defer s.serverCache.mu.Unlock()
	if srv := s.serverCache.current; srv != nil && !s.isExpired(srv.expires) {
		return srv, nil
	}
	if s.Endpoint == nil {
		return nil, s.newFailure(Protocol, nil, errors.New("no endpoint"))
	}
	endpoint, err := s.Endpoint(ctx)
	if err != nil {
		f := s.newFailure(Network, nil, errors.Wrap(err, "LFS endpoint"))
		if isTransient(err) {
			f.retry = retryLater
		}
		return nil, f
	}
	srv, err := s.newServer(endpoint)
	if err != nil {
		return nil, s.newFailure(Protocol, nil, errors.Wrap(err, "LFS endpoint"))
	}
	s.serverCache.current = srv
	return srv, nil
}

// isTransient reports whether an error is one of a connection. sshd drops connections when many come at once, as those of a
// build's steps do.
func isTransient(err error) bool {
	var network net.Error
	return errors.As(err, &network) || errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// forget has Endpoint asked again, unless somebody else did so already.
func (s *session) forget(refused *server) {
	s.serverCache.mu.Lock()
	defer s.serverCache.mu.Unlock()
	if s.serverCache.current == refused {
		s.serverCache.current = nil
	}
}

func (s *session) newServer(e Endpoint) (*server, error) {
	u, err := weburl.Parse(strings.TrimRight(e.URL, "/") + "/objects/batch")
	if err != nil {
		return nil, err
	}
	if u.RawQuery != "" || u.Fragment != "" {
		return nil, errors.Errorf("URL of host %s has a query or a fragment", u.Host)
	}
	header, err := filterHeader(e.Header)
	if err != nil {
		return nil, err
	}
	srv := &server{batchURL: u, namedHost: cmp.Or(e.Host, u.Hostname()), authHeader: header, expires: e.Expires}
	if header.Get("Authorization") != "" {
		srv.fromSSH, srv.credential = true, credential{sent: true, name: "given by git-lfs-authenticate"}
	} else {
		srv.credential, err = s.authorize(header, u)
	}
	s.secrets.addHeader(header, userCredential)
	return srv, err
}

// authorize adds the user's credential for a URL.
func (s *session) authorize(h http.Header, u *url.URL) (credential, error) {
	if s.Authorization == nil {
		return credential{}, nil
	}
	value, name := s.Authorization(u)
	if value == "" {
		return credential{}, nil
	}
	if !httpguts.ValidHeaderFieldValue(value) {
		return credential{}, errors.Errorf("the credential (%s) has a line break or another control character in it", name)
	}
	h.Set("Authorization", value)
	s.secrets.addHeader(http.Header{"Authorization": {value}}, userCredential)
	return credential{sent: true, name: name}, nil
}
