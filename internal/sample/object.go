package sample

import (
	"compress/gzip"
	"io"
	"net/http"
	"os"
	"path"
	"strings"
	"time"
)

// oidOf finds the oid that an object's URL means; empty if it means none.
func (s *Server) oidOf(url string) string {
	if file, ok := strings.CutPrefix(url, mediaPrefix); ok {
		commit, name, _ := strings.Cut(file, "/")
		oid, _ := s.repository.oidAt(commit, name)
		return oid
	}
	oid := path.Base(url)
	if !isOID(oid) {
		return ""
	}
	switch url {
	case storePrefix + oid, "/objects/" + oid, "/objects/" + oid[:2] + "/" + oid[2:4] + "/" + oid:
		return oid
	}
	return ""
}

// serveObject serves with ranges, and with the oid as the entity tag.
func (s *Server) serveObject(w http.ResponseWriter, r *http.Request, oid string, fault Fault) {
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
	if w.Header().Get("ETag") == "" {
		w.Header().Set("ETag", `"`+oid+`"`)
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	content := fault.apply(file, size, fault.Range.rewriteRequest(r))
	if fault.Gzip {
		writeGzip(w, content)
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

func writeGzip(w http.ResponseWriter, content io.Reader) {
	w.Header().Set("Content-Encoding", "gzip")
	out := gzip.NewWriter(w)
	io.Copy(out, content)
	out.Close()
}

// apply is the object as the fault has it, with each byte shifted by so many.
func (f Fault) apply(object io.ReaderAt, size, shift int64) io.ReadSeeker {
	return io.NewSectionReader(&faultyReader{object, size, shift, f.Corrupt}, 0, max(0, size+f.Oversize-f.Short))
}

type faultyReader struct {
	io.ReaderAt
	size    int64
	shift   int64
	corrupt bool
}

// ReadAt reads past the end as if zeros stood there; the section around it says where to stop.
func (b *faultyReader) ReadAt(p []byte, offset int64) (int, error) {
	clear(p)
	offset += b.shift
	if offset < b.size {
		if _, err := b.ReaderAt.ReadAt(p, offset); err != nil && err != io.EOF {
			return 0, err
		}
	}
	if middle := b.size/2 - offset; b.corrupt && middle >= 0 && middle < int64(len(p)) {
		p[middle] ^= 0xff
	}
	return len(p), nil
}
