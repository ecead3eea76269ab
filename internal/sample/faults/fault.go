package faults

import (
	"bytes"
	"io"
	"maps"
	"net/http"
	"time"

	"lambdabase/internal/sample/githost"
)

// Fault is what goes wrong with an answer. Its zero value changes nothing. The package comment has
// a table of all there are.
type Fault struct {
	Times  int           // how often; 0 = always
	Delay  time.Duration // wait before the first byte, or until the client leaves
	Drop   bool          // close the connection without an answer
	Status int           // answer with this status and Body in place of what was asked for
	Header http.Header   // more headers, e.g. Retry-After or Location
	Body   string        // only with Status

	Redirect Redirect // elsewhere first
	Batch    BatchFault

	// Of any body. -1 is right after the head.
	Cut     int64   // close the connection after so many bytes
	Stall   int64   // send so many bytes, then nothing until the client leaves
	Trickle Trickle // slowly

	// Of an object.
	Corrupt  bool       // flip a byte in its middle
	Oversize int64      // send so many bytes more than it has
	Short    int64      // send so many bytes fewer than it has, as if that were all
	Length   int64      // declare so many bytes more than are sent
	Chunked  bool       // declare no length
	Gzip     bool       // compress it, whether asked to or not
	Range    RangeFault // answer another range than the one asked for
}

// Trickle sends so many bytes each interval.
type Trickle struct {
	Bytes int64
	Every time.Duration
}

// Target selects requests. Without an OID it is all of the kind, or those whose path ends so. For Batch, an OID selects
// that object in each answer, and the parts of BatchFault that are about objects.
type Target struct {
	Kind githost.Kind
	OID  string
	Path string
}

// prepare does what a fault does before the answer proper.
func (f Fault) prepare(w http.ResponseWriter, r *http.Request) {
	if f.Delay > 0 {
		// net/http finds out that a client has left only once the request is read.
		if body, err := io.ReadAll(r.Body); err == nil {
			r.Body = io.NopCloser(bytes.NewReader(body))
		}
		sleep(r.Context(), f.Delay)
	}
	if f.Drop {
		panic(http.ErrAbortHandler)
	}
	maps.Copy(w.Header(), f.Header)
}

// respond answers in place of the server, and says whether it did.
func (f Fault) respond(w http.ResponseWriter) bool {
	if f.Status == 0 {
		return false
	}
	w.WriteHeader(f.Status)
	io.WriteString(w, f.Body)
	return true
}
