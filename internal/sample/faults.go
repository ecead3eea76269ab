package sample

import (
	"io"
	"maps"
	"net/http"
	"sync"
	"time"
)

// Fault is what goes wrong with an answer. Its zero value changes nothing.
type Fault struct {
	Status   int           // answer with this status and Body in place of what was asked for
	Header   http.Header   // more headers, e.g. Retry-After or Location
	Body     string        // only with Status
	Delay    time.Duration // wait before the first byte, or until the client leaves
	Cut      int64         // close the connection after so many bytes of the body
	Corrupt  bool          // flip a byte in the middle of an object
	Oversize int64         // send so many bytes more than the object has
	Times    int           // how often; 0 = always
}

// Target selects requests. Without an OID it is all of the kind.
type Target struct {
	Kind Kind
	OID  string
}

// injected is a fault in force.
type injected struct {
	target Target
	fault  Fault
	left   int
}

// faults in force, the latest first: a fault for one object may be put on top of one for all.
type faults struct {
	mu    sync.Mutex
	force []*injected
}

// Inject makes the targeted answers go wrong from now on.
func (f *faults) Inject(target Target, fault Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.force = append([]*injected{{target, fault, fault.Times}}, f.force...)
}

// Heal ends all faults.
func (f *faults) Heal() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.force = nil
}

// next is the fault of the request at hand, and uses it up by one.
func (f *faults) next(kind Kind, oid string) Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, i := range f.force {
		if i.target.Kind != kind || i.target.OID != "" && i.target.OID != oid {
			continue
		}
		if i.fault.Times == 0 {
			return i.fault
		}
		if i.left > 0 {
			i.left--
			return i.fault
		}
	}
	return Fault{}
}

// begin does what a fault does before the answer proper, and says whether that was all of it.
func (f Fault) begin(w http.ResponseWriter, r *http.Request) (over bool) {
	if f.Delay > 0 {
		select {
		case <-time.After(f.Delay):
		case <-r.Context().Done():
			panic(http.ErrAbortHandler)
		}
	}
	maps.Copy(w.Header(), f.Header)
	if f.Status == 0 {
		return false
	}
	w.WriteHeader(f.Status)
	io.WriteString(w, f.Body)
	return true
}

// bend is the object as the fault has it.
func (f Fault) bend(object io.ReaderAt, size int64) io.ReadSeeker {
	return io.NewSectionReader(&bent{object, size, f.Corrupt}, 0, size+f.Oversize)
}

type bent struct {
	io.ReaderAt
	size    int64
	corrupt bool
}

// ReadAt reads past the end as if zeros stood there; the section around it says where to stop.
func (b *bent) ReadAt(p []byte, offset int64) (int, error) {
	clear(p)
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
