package githost

import (
	"io"
	"net/http"
	"net/http/cgi"
	"os/exec"
)

// serveGit hands over to git itself, which knows its protocol best.
func (s *Server) serveGit(w http.ResponseWriter, r *http.Request, rest string) {
	program, err := exec.LookPath("git")
	if err != nil {
		http.Error(w, "git is not installed", http.StatusNotImplemented)
		return
	}
	backend := r.Clone(r.Context())
	backend.URL.Path = "/repo.git/" + rest
	environment := []string{"GIT_PROJECT_ROOT=" + s.repository.Dir, "GIT_HTTP_EXPORT_ALL=1"}
	(&cgi.Handler{Path: program, Args: []string{"http-backend"}, Root: "/",
		Env:    append(environment, gitEnv(r.Header.Get("Git-Protocol"))...),
		Stderr: io.Discard, // git says there what it tells the client too
	}).ServeHTTP(w, backend)
}

// gitEnv lets git speak the protocol asked for and read any repository: it may be another
// user's, as on a volume or in a test that runs as root.
func gitEnv(protocol string) []string {
	return []string{
		"GIT_PROTOCOL=" + protocol,
		"GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=safe.directory", "GIT_CONFIG_VALUE_0=*",
	}
}
