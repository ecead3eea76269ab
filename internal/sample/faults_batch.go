package sample

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"strings"
	"time"
)

// BatchFault is what goes wrong inside an answer of the batch API that is otherwise well: 200, JSON.
type BatchFault struct {
	// Of the answer.
	Limit    int                  // refuse requests for more objects with 413
	Transfer string               // in place of basic
	HashAlgo string               // in place of sha256
	Padding  int64                // so many bytes more, in a field that nobody asked for
	Edit     func(*BatchResponse) // anything else; comes last

	// Of each object, or of the one that Target.OID names.
	Error *BatchError // in place of its actions
	Omit  bool        // leave it out
	Bare  bool        // neither actions nor an error
	Twice bool        // say it again
	OID   string      // answer for this one in its place
	Grow  int64       // say that it is so many bytes larger, or smaller

	// Of its action.
	Base      string            // of the URL: SecondHost, a scheme as in "ftp:", or a whole base; else this server
	Relative  bool              // no base at all
	User      string            // user info in the URL, as in "name:password"
	Header    map[string]string // more headers to send along
	Token     bool              // its URL wants an Authorization that the action gives
	Lifetime  time.Duration     // after which the URL is refused; an hour if 0; says so unless told otherwise
	ExpiresAt string            // say this, and nothing in seconds unless told to
	ExpiresIn int               // say this, and no date unless told to
}

// objectFault is the fault of one object in an answer that has a fault itself.
func (s *Server) objectFault(oid string, fallback BatchFault) BatchFault {
	fault, found := s.takeFirst(func(t Target) bool { return t.Kind == Batch && t.OID != "" && t.OID == oid })
	if found {
		return fault.Batch
	}
	return fallback
}

// apply is what the answer says of an object.
func (f BatchFault) apply(o BatchObject) []BatchObject {
	if f.Omit {
		return nil
	}
	if f.Bare || f.Error != nil {
		o.Actions, o.Error = nil, f.Error
	}
	if f.OID != "" {
		o.OID = f.OID
	}
	o.Size += f.Grow
	if f.Twice {
		return []BatchObject{o, o}
	}
	return []BatchObject{o}
}

func (f BatchFault) href(base, path string) string {
	if f.Relative {
		return path
	}
	if f.User != "" {
		base = strings.Replace(base, "://", "://"+f.User+"@", 1)
	}
	return base + path
}

// editAction has the action say what the fault wants of its end and its headers.
func (f BatchFault) editAction(a BatchAction) BatchAction {
	if f.ExpiresAt != "" || f.ExpiresIn != 0 {
		a.ExpiresAt, a.ExpiresIn = f.ExpiresAt, f.ExpiresIn
	}
	if len(f.Header) > 0 {
		header := maps.Clone(f.Header)
		maps.Copy(header, a.Header)
		a.Header = header
	}
	return a
}

// write writes the answer, and all that pads it without keeping it.
func (f BatchFault) write(w io.Writer, response BatchResponse) {
	body, _ := json.Marshal(response) // there is nothing in it that can fail
	if f.Padding <= 0 {
		w.Write(body)
		return
	}
	io.WriteString(w, `{"padding":"`)
	piece := strings.Repeat("x", 64<<10)
	for left := f.Padding; left > 0; left -= int64(len(piece)) {
		if _, err := io.WriteString(w, piece[:min(left, int64(len(piece)))]); err != nil {
			return
		}
	}
	fmt.Fprintf(w, `",%s`, body[1:])
}
