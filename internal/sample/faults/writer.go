package faults

import (
	"context"
	"net/http"
	"strconv"
	"time"
)

// faultWriter slows or ends an answer where a fault says so.
type faultWriter struct {
	http.ResponseWriter
	ctx         context.Context
	fault       Fault
	wroteHeader bool
	sent        int64 // of the body
}

func (w *faultWriter) WriteHeader(status int) {
	w.wroteHeader = true
	w.fault.Range.rewriteHeader(w.Header(), status)
	w.setLength()
	w.ResponseWriter.WriteHeader(status)
	if w.fault.Chunked {
		w.flush() // or net/http knows the length of a small body
	}
	w.abort(w.fault.Cut < 0, w.fault.Stall < 0)
}

// setLength makes the head tell a wrong one, or none.
func (w *faultWriter) setLength() {
	declared, err := strconv.ParseInt(w.Header().Get("Content-Length"), 10, 64)
	if err == nil && w.fault.Length != 0 {
		w.Header().Set("Content-Length", strconv.FormatInt(declared+w.fault.Length, 10))
	}
	if w.fault.Chunked {
		w.Header().Del("Content-Length")
	}
}

func (w *faultWriter) Write(p []byte) (total int, err error) {
	if !w.wroteHeader {
		w.WriteHeader(http.StatusOK)
	}
	for total < len(p) && err == nil {
		piece := p[total:]
		piece = piece[:w.chunkLen(int64(len(piece)))]
		var n int
		n, err = w.ResponseWriter.Write(piece)
		total += n
		w.sent += int64(n)
		w.pause()
	}
	return total, err
}

// chunkLen is how many of the next bytes go at once.
func (w *faultWriter) chunkLen(size int64) int64 {
	for _, stop := range []int64{w.fault.Cut, w.fault.Stall} {
		if stop > w.sent {
			size = min(size, stop-w.sent)
		}
	}
	if w.fault.Trickle.Bytes > 0 {
		size = min(size, w.fault.Trickle.Bytes)
	}
	return size
}

// pause does what comes after a piece.
func (w *faultWriter) pause() {
	w.abort(w.fault.Cut == w.sent, w.fault.Stall == w.sent)
	if w.fault.Trickle.Bytes > 0 {
		w.flush()
		sleep(w.ctx, w.fault.Trickle.Every)
	}
}

// abort ends the answer, or leaves it as it is until the client goes.
func (w *faultWriter) abort(cut, stall bool) {
	if !cut && !stall {
		return
	}
	w.flush() // or the bytes before the end are lost
	if stall {
		<-w.ctx.Done()
	}
	panic(http.ErrAbortHandler)
}

func (w *faultWriter) flush() {
	http.NewResponseController(w.ResponseWriter).Flush()
}

// sleep waits; a client that leaves meanwhile gets no answer.
func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
		panic(http.ErrAbortHandler)
	}
}
