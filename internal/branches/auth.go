package branches

import (
	"net/http"
	"net/url"

	"github.com/go-git/go-git/v5/plumbing/transport"
	githttp "github.com/go-git/go-git/v5/plumbing/transport/http"
	"github.com/pkg/errors"
)

// auth is how the remote is told who asks; nil where nothing is known.
func (r Remote) auth() (transport.AuthMethod, error) {
	u, err := url.Parse(r.URL)
	if err != nil {
		return nil, errors.New("malformed URL of the repository")
	}
	if err := r.Credentials.Check(); err != nil {
		return nil, err
	}
	value, name := r.Credentials.Authorization(u)
	if value == "" {
		return nil, nil
	}
	return &authHeader{value, name}, nil
}

// authHeader is an Authorization as it is sent, as BuildKit's git source takes it.
type authHeader struct{ value, name string }

var _ githttp.AuthMethod = (*authHeader)(nil)

func (h *authHeader) Name() string              { return h.name }
func (h *authHeader) String() string            { return h.name }
func (h *authHeader) SetAuth(req *http.Request) { req.Header.Set("Authorization", h.value) }
