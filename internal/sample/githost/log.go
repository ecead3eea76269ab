package githost

import (
	"net/http"
	"sync"
)

// Kind of a request.
type Kind string

// What a request asks for.
const (
	Git    Kind = "git"
	Batch  Kind = "batch"
	Object Kind = "object" // by any of its URLs
	Other  Kind = "other"
)

// Request is one that the server has answered, or is answering: status and bytes are those so far.
type Request struct {
	Method   string
	Host     string // as asked for: which of two hosts, or of many behind a proxy
	Path     string
	RawQuery string // who carries a signature where
	Kind     Kind
	OID      string      // of an object that is there
	Header   http.Header // as it came: who carries a credential where
	Status   int
	Bytes    int64 // of the answer's body
}

// requestLog keeps every request. Its count of GETs is how tests tell that an object was fetched
// once, or not at all. A request is in it before the client sees any of the answer: a test that has
// its answer finds it here.
type requestLog struct {
	mu       sync.Mutex
	requests []*Request
}

func (l *requestLog) add(r Request) *Request {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.requests = append(l.requests, &r)
	return &r
}

// record adds to a request that has begun, and returns what it is by now.
func (l *requestLog) record(r *Request, status int, bytes int64) Request {
	l.mu.Lock()
	defer l.mu.Unlock()
	if r.Status == 0 {
		r.Status = status
	}
	r.Bytes += bytes
	return *r
}

// Requests are all so far, in the order in which they began.
func (l *requestLog) Requests() []Request {
	l.mu.Lock()
	defer l.mu.Unlock()
	var all []Request
	for _, r := range l.requests {
		all = append(all, *r)
	}
	return all
}

// Counts is the number of GETs of each object, failed ones included.
func (l *requestLog) Counts() map[string]int {
	counts := map[string]int{}
	for _, r := range l.Requests() {
		if r.Kind == Object && r.OID != "" && r.Method == http.MethodGet {
			counts[r.OID]++
		}
	}
	return counts
}

// Count is the number of GETs of one object.
func (l *requestLog) Count(oid string) int {
	return l.Counts()[oid]
}

// Total is the number of requests of a kind.
func (l *requestLog) Total(kind Kind) int {
	total := 0
	for _, r := range l.Requests() {
		if r.Kind == kind {
			total++
		}
	}
	return total
}

// Reset forgets the requests so far.
func (l *requestLog) Reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.requests = nil
}

// logWriter records what is sent, before it is sent.
type logWriter struct {
	http.ResponseWriter
	log     *requestLog
	request *Request
}

func (w *logWriter) WriteHeader(status int) {
	w.log.record(w.request, status, 0)
	w.ResponseWriter.WriteHeader(status)
}

func (w *logWriter) Write(p []byte) (int, error) {
	w.log.record(w.request, http.StatusOK, int64(len(p)))
	return w.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController flush.
func (w *logWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
