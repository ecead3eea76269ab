package faults

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"time"

	"lambdabase/internal/sample/githost"
)

// BatchFault is what goes wrong inside an answer of the batch API that is otherwise well: 200, JSON.
type BatchFault struct {
	// Of the answer.
	Limit    int                          // refuse requests for more objects with 413
	Transfer string                       // in place of basic
	HashAlgo string                       // in place of sha256
	Padding  int64                        // so many bytes more, in a field that nobody asked for
	Edit     func(*githost.BatchResponse) // anything else; comes last

	// Of each object, or of the one that Target.OID names.
	Error *githost.BatchError // in place of its actions
	Omit  bool                // leave it out
	Bare  bool                // neither actions nor an error
	Twice bool                // say it again
	OID   string              // answer for this one in its place
	Grow  int64               // say that it is so many bytes larger, or smaller

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

// serveBatch changes the right answer.
func (s *Server) serveBatch(w http.ResponseWriter, r *http.Request, fault BatchFault, next http.Handler) {
	right := &bufferedResponse{ResponseWriter: w, status: http.StatusOK}
	next.ServeHTTP(right, r)
	var response githost.BatchResponse
	if right.status != http.StatusOK || json.Unmarshal(right.body.Bytes(), &response) != nil {
		w.WriteHeader(right.status)
		w.Write(right.body.Bytes())
		return
	}
	if fault.Limit > 0 && len(response.Objects) > fault.Limit {
		Message(http.StatusRequestEntityTooLarge, "too many objects").respond(w)
		return
	}
	fault.write(w, s.editResponse(r, response, fault))
}

// bufferedResponse keeps an answer, but for its header.
type bufferedResponse struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

func (b *bufferedResponse) WriteHeader(status int) { b.status = status }

func (b *bufferedResponse) Write(p []byte) (int, error) { return b.body.Write(p) }

func (s *Server) editResponse(r *http.Request, response githost.BatchResponse, fault BatchFault) githost.BatchResponse {
	response.Transfer = cmp.Or(fault.Transfer, response.Transfer)
	response.HashAlgo = cmp.Or(fault.HashAlgo, response.HashAlgo)
	objects := []githost.BatchObject{}
	for _, o := range response.Objects {
		objects = append(objects, s.editObject(r, o, s.objectFault(o.OID, fault))...)
	}
	response.Objects = objects
	if fault.Edit != nil {
		fault.Edit(&response)
	}
	return response
}

// objectFault is the fault of one object in an answer that has a fault itself.
func (s *Server) objectFault(oid string, fallback BatchFault) BatchFault {
	own, found := s.active.take(func(t targetedFault) bool {
		return t.Kind == githost.Batch && t.Target.OID != "" && t.Target.OID == oid
	})
	if found {
		return own.Batch
	}
	return fallback
}

// editObject is what the answer says of an object; usually it is one thing. An object that isn't there stays so.
func (s *Server) editObject(r *http.Request, o githost.BatchObject, fault BatchFault) []githost.BatchObject {
	if o.Error != nil {
		return []githost.BatchObject{o}
	}
	signed := githost.NewSignedURL(o.OID, cmp.Or(fault.Lifetime, githost.DefaultLifetime))
	header := o.Actions["download"].Header
	if fault.Token {
		signed, header = signed.WithToken(), nil
	}
	action := signed.Action("")
	if header != nil {
		action.Header = header
	}
	action.Href = fault.href(s.baseURL(r, fault.Base), action.Href)
	o.Actions["download"] = fault.editAction(action)
	return fault.apply(o)
}

// apply is what the answer says of an object.
func (f BatchFault) apply(o githost.BatchObject) []githost.BatchObject {
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
		return []githost.BatchObject{o, o}
	}
	return []githost.BatchObject{o}
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
func (f BatchFault) editAction(a githost.BatchAction) githost.BatchAction {
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
func (f BatchFault) write(w io.Writer, response githost.BatchResponse) {
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
