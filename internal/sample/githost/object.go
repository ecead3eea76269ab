package githost

import (
	"io"
	"net/http"
	"os"
	"path"
	"strings"
	"time"

	"lambdabase/internal/sample"
)

// oidOf finds the oid that an object's URL means; empty if it means none.
func (s *Server) oidOf(url string) string {
	if file, ok := strings.CutPrefix(url, mediaPrefix); ok {
		commit, name, _ := strings.Cut(file, "/")
		oid, _ := s.repository.OIDAt(commit, name)
		return oid
	}
	oid := path.Base(url)
	if !sample.IsOID(oid) {
		return ""
	}
	switch url {
	case storePrefix + oid, "/objects/" + oid, "/objects/" + oid[:2] + "/" + oid[2:4] + "/" + oid:
		return oid
	}
	return ""
}

// serveObject serves with ranges, and with the oid as the entity tag.
func (s *Server) serveObject(w http.ResponseWriter, r *http.Request, oid string) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		http.Error(w, "objects are only read", http.StatusMethodNotAllowed)
		return
	}
	file, size, err := s.openObject(oid)
	if err != nil {
		http.NotFound(w, r)
		return
	}
	defer file.Close()
	if w.Header().Get("ETag") == "" { // a hook may have set another
		w.Header().Set("ETag", `"`+oid+`"`)
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	content := io.NewSectionReader(file, 0, size)
	if s.hooks.ServeContent != nil {
		s.hooks.ServeContent(w, r, content)
		return
	}
	http.ServeContent(w, r, "", time.Time{}, content)
}

func (s *Server) openObject(oid string) (*os.File, int64, error) {
	name, err := s.repository.Object(oid)
	if err != nil {
		return nil, 0, err
	}
	info, err := os.Stat(name)
	if err != nil {
		return nil, 0, err
	}
	file, err := os.Open(name)
	return file, info.Size(), err
}
