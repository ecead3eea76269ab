package faults

import (
	"fmt"
	"net/http"
	"strings"
)

// RangeFault is what goes wrong with the answer to a request for a part of an object. It leaves
// requests for the whole alone.
type RangeFault int

const (
	// NoRange answers 200 with the object from its start.
	NoRange RangeFault = iota + 1
	// WrongRange answers 206 with a part that begins a byte later, and says so.
	WrongRange
	// LyingRange says that it sends what was asked for, and sends what stands a byte later.
	LyingRange
	// BareRange answers 206 without saying which part it is.
	BareRange
	// OtherTotal says that the whole object has a byte more.
	OtherTotal
)

// rewriteRequest changes what was asked for, and returns by how many bytes the object is shifted.
func (f RangeFault) rewriteRequest(r *http.Request) (shift int64) {
	requested := r.Header.Get("Range")
	switch {
	case requested == "":
	case f == NoRange:
		r.Header.Del("Range")
	case f == WrongRange:
		r.Header.Set("Range", shiftRange(requested))
	case f == LyingRange:
		return 1
	}
	return 0
}

// shiftRange is the range that begins a byte later.
func shiftRange(requested string) string {
	var first int64
	if _, err := fmt.Sscanf(requested, "bytes=%d-", &first); err != nil {
		return requested
	}
	_, end, _ := strings.Cut(requested, "-")
	return fmt.Sprintf("bytes=%d-%s", first+1, end)
}

// rewriteHeader changes what the head of a part says.
func (f RangeFault) rewriteHeader(h http.Header, status int) {
	if status != http.StatusPartialContent {
		return
	}
	switch f {
	case BareRange:
		h.Del("Content-Range")
	case OtherTotal:
		var first, last, total int64
		fmt.Sscanf(h.Get("Content-Range"), "bytes %d-%d/%d", &first, &last, &total)
		h.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", first, last, total+1))
	}
}
