package githost

import (
	"net/http"
	"strings"
)

// parsedRequest is a request as the server understands it.
type parsedRequest struct {
	Request
	path string // the path inside the repository, or all of an object's
}

// parseRequest tells what is asked for.
func (s *Server) parseRequest(r *http.Request) parsedRequest {
	p := parsedRequest{Request: Request{Method: r.Method, Host: r.Host, Path: r.URL.Path, RawQuery: r.URL.RawQuery, Header: r.Header.Clone()}}
	p.Kind, p.path = classify(r)
	if p.Kind == Object {
		p.OID = s.oidOf(p.path)
	}
	return p
}

// classify tells what is asked for; path is the one inside the repository, or all of an object's.
func classify(r *http.Request) (kind Kind, path string) {
	for _, prefix := range []string{storePrefix, "/objects/", "/media/"} {
		if strings.HasPrefix(r.URL.Path, prefix) {
			return Object, r.URL.Path
		}
	}
	bare := strings.TrimSuffix(RepositoryPath, ".git")
	for _, root := range []string{RepositoryPath + "/", bare + "/"} {
		path, ok := strings.CutPrefix(r.URL.Path, root)
		switch {
		case !ok:
			continue
		case path == "info/lfs/objects/batch" && r.Method == http.MethodPost:
			return Batch, path
		case path == "info/refs" || path == "HEAD" || strings.HasPrefix(path, "HEAD/") || path == "git-upload-pack" || path == "git-receive-pack":
			return Git, path
		}
	}
	return Other, ""
}
