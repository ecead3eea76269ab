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

// resolve finds the oid that an object's URL means; empty if it means none.
func (s *Server) resolve(url string) string {
	if file, ok := strings.CutPrefix(url, mediaFolder); ok {
		commit, name, _ := strings.Cut(file, "/")
		oid, _ := s.repository.pointedAt(commit, name)
		return oid
	}
	oid := path.Base(url)
	if !isOID(oid) {
		return ""
	}
	switch url {
	case storeFolder + oid, "/objects/" + oid, "/objects/" + oid[:2] + "/" + oid[2:4] + "/" + oid:
		return oid
	}
	return ""
}

// object serves with ranges, and with the oid as the entity tag.
func (s *Server) object(w http.ResponseWriter, r *http.Request, oid string, fault Fault) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		http.Error(w, "objects are only read", http.StatusMethodNotAllowed)
		return
	}
	file, size, err := s.open(oid)
	if err != nil {
		http.NotFound(w, r)
		return
	}
	defer file.Close()
	if w.Header().Get("ETag") == "" {
		w.Header().Set("ETag", `"`+oid+`"`)
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	content := fault.bend(file, size, fault.Range.ask(r))
	if fault.Gzip {
		compressed(w, content)
		return
	}
	http.ServeContent(w, r, "", time.Time{}, content)
}

func (s *Server) open(oid string) (*os.File, int64, error) {
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

func compressed(w http.ResponseWriter, content io.Reader) {
	w.Header().Set("Content-Encoding", "gzip")
	out := gzip.NewWriter(w)
	io.Copy(out, content)
	out.Close()
}

// bend is the object as the fault has it, with each byte shifted by so many.
func (f Fault) bend(object io.ReaderAt, size, shift int64) io.ReadSeeker {
	return io.NewSectionReader(&bent{object, size, shift, f.Corrupt}, 0, max(0, size+f.Oversize-f.Short))
}

type bent struct {
	io.ReaderAt
	size    int64
	shift   int64
	corrupt bool
}

// ReadAt reads past the end as if zeros stood there; the section around it says where to stop.
func (b *bent) ReadAt(p []byte, offset int64) (int, error) {
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
