package githost

import (
	"cmp"
	"crypto/rand"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Access makes the repository private. Its zero value lets everybody in.
type Access struct {
	// Accept are the values of Authorization that git and the batch API take. They are compared to the
	// letter but for the case of the scheme, which BuildKit's git source writes small.
	Accept     []string
	SignedURLs bool // the URLs of the batch API want one of them too, besides their signature
	PlainURLs  bool // so do the URL forms
	// Gitea takes Basic only, and its batch API hands the caller's Authorization on in the actions,
	// whose URLs want it.
	Gitea   bool
	Missing int // status without a credential; 401 if 0
	Wrong   int // status with a wrong one; 401 if 0, and GitHub says 403 or 404 of what is not to be seen
}

// SetAccess lets only those in who have access, from now on.
func (s *Server) SetAccess(a Access) { s.access.Store(&a) }

func (s *Server) accessRules() Access {
	if a := s.access.Load(); a != nil {
		return *a
	}
	return Access{}
}

// checkAccess lets in who may have what is asked for, and answers everybody else.
func (s *Server) checkAccess(w http.ResponseWriter, r *http.Request, p parsedRequest) bool {
	access, authorization := s.accessRules(), r.Header.Get("Authorization")
	token, remote := strings.CutPrefix(authorization, "RemoteAuth ")
	switch {
	case remote && p.Kind == Batch:
		return s.tokens.valid(token) || access.challenge(w, p.Kind, authorization)
	case access.requires(p) && !access.allows(authorization):
		return access.challenge(w, p.Kind, authorization)
	case p.Kind == Object && strings.HasPrefix(p.path, storePrefix):
		return checkSignature(w, r, p.OID, access.SignedURLs || access.Gitea)
	}
	return true
}

// requires says whether such a request wants a credential.
func (a Access) requires(p parsedRequest) bool {
	switch {
	case len(a.Accept) == 0 || p.Kind == Other:
		return false
	case p.Kind != Object:
		return true
	case strings.HasPrefix(p.path, storePrefix):
		return a.SignedURLs || a.Gitea
	}
	return a.PlainURLs
}

func (a Access) allows(authorization string) bool {
	scheme, credential, _ := strings.Cut(authorization, " ")
	if a.Gitea && !strings.EqualFold(scheme, "Basic") {
		return false
	}
	return slices.ContainsFunc(a.Accept, func(accepted string) bool {
		s, c, _ := strings.Cut(accepted, " ")
		return strings.EqualFold(s, scheme) && c == credential
	})
}

// challenge asks for a credential as GitHub does; it returns false, for nobody gets in by that.
func (a Access) challenge(w http.ResponseWriter, kind Kind, authorization string) bool {
	status, message := cmp.Or(a.Missing, http.StatusUnauthorized), "Requires authentication"
	if authorization != "" {
		status, message = cmp.Or(a.Wrong, http.StatusUnauthorized), "Bad credentials"
	}
	if status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Basic realm="GitHub"`)
	}
	if kind != Batch {
		http.Error(w, message, status)
		return false
	}
	if status == http.StatusUnauthorized {
		w.Header().Set("LFS-Authenticate", `Basic realm="GitHub"`)
	}
	writeBatchError(w, status, message)
	return false
}

// tokens are those that git-lfs-authenticate gave out, and their ends.
type tokens struct {
	mu  sync.Mutex
	end map[string]time.Time
}

// IssueToken returns a token for the batch API, as git-lfs-authenticate gives it.
func (s *Server) IssueToken(end time.Time) string { return s.tokens.issue(end) }

func (t *tokens) issue(end time.Time) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.end == nil {
		t.end = map[string]time.Time{}
	}
	token := Token + rand.Text()
	t.end[token] = end
	return token
}

func (t *tokens) valid(token string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return time.Now().Before(t.end[token])
}
