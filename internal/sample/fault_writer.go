package sample

import (
	"context"
	"net/http"
	"strconv"
	"time"
)

// faultWriter notes what is sent, and slows or ends it where a fault says so.
type faultWriter struct {
	http.ResponseWriter
	ctx         context.Context
	log         *requestLog
	request     *Request
	fault       Fault
	wroteHeader bool
	sent        int64 // of the body
}

func (a *faultWriter) WriteHeader(status int) {
	a.wroteHeader = true
	a.fault.Range.rewriteHeader(a.Header(), status)
	a.setLength()
	a.log.record(a.request, status, 0)
	a.ResponseWriter.WriteHeader(status)
	if a.fault.Chunked {
		a.flush() // or net/http knows the length of a small body
	}
	a.abort(a.fault.Cut < 0, a.fault.Stall < 0)
}

// setLength makes the head tell a wrong one, or none.
func (a *faultWriter) setLength() {
	declared, err := strconv.ParseInt(a.Header().Get("Content-Length"), 10, 64)
	if err == nil && a.fault.Length != 0 {
		a.Header().Set("Content-Length", strconv.FormatInt(declared+a.fault.Length, 10))
	}
	if a.fault.Chunked {
		a.Header().Del("Content-Length")
	}
}

func (a *faultWriter) Write(p []byte) (total int, err error) {
	if !a.wroteHeader {
		a.WriteHeader(http.StatusOK)
	}
	for total < len(p) && err == nil {
		piece := p[total:]
		piece = piece[:a.chunkLen(int64(len(piece)))]
		a.log.record(a.request, http.StatusOK, int64(len(piece)))
		var n int
		n, err = a.ResponseWriter.Write(piece)
		total += n
		a.sent += int64(n)
		a.pause()
	}
	return total, err
}

// chunkLen is how many of the next bytes go at once.
func (a *faultWriter) chunkLen(size int64) int64 {
	for _, stop := range []int64{a.fault.Cut, a.fault.Stall} {
		if stop > a.sent {
			size = min(size, stop-a.sent)
		}
	}
	if a.fault.Trickle.Bytes > 0 {
		size = min(size, a.fault.Trickle.Bytes)
	}
	return size
}

// pause does what comes after a piece.
func (a *faultWriter) pause() {
	a.abort(a.fault.Cut == a.sent, a.fault.Stall == a.sent)
	if a.fault.Trickle.Bytes > 0 {
		a.flush()
		sleep(a.ctx, a.fault.Trickle.Every)
	}
}

// abort ends the answer, or leaves it as it is until the client goes.
func (a *faultWriter) abort(cut, stall bool) {
	if !cut && !stall {
		return
	}
	a.flush() // or the bytes before the end are lost
	if stall {
		<-a.ctx.Done()
	}
	panic(http.ErrAbortHandler)
}

func (a *faultWriter) flush() {
	http.NewResponseController(a.ResponseWriter).Flush()
}

// sleep waits; a client that leaves meanwhile gets no answer.
func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
		panic(http.ErrAbortHandler)
	}
}
