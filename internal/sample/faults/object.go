package faults

import (
	"compress/gzip"
	"io"
	"net/http"
	"time"
)

// serveContent sends an object as the request's fault has it.
func serveContent(w http.ResponseWriter, r *http.Request, object *io.SectionReader) {
	fault := faultOf(r)
	content := fault.apply(object, fault.Range.rewriteRequest(r))
	if fault.Gzip {
		writeGzip(w, content)
		return
	}
	http.ServeContent(w, r, "", time.Time{}, content)
}

func writeGzip(w http.ResponseWriter, content io.Reader) {
	w.Header().Set("Content-Encoding", "gzip")
	out := gzip.NewWriter(w)
	io.Copy(out, content)
	out.Close()
}

// apply returns the object as the fault has it, with each byte shifted by so many.
func (f Fault) apply(object *io.SectionReader, shift int64) io.ReadSeeker {
	size := object.Size()
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
