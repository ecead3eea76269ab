package transfer

import (
	"encoding/json"
	"net/http"
	"net/url"
	"time"

	"lambdabase/internal/lfs"

	"github.com/pkg/errors"
)

// transfer is what a server answered for one object: an action, its own error, or what is wrong with the answer.
type transfer struct {
	action    action
	objectErr *objectError
	err       error
	server    *server // that was asked
}

// objectError is an error of a server, of a response or of an object inside it.
type objectError struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
}

// wireObject is a transfer on the wire.
type wireObject struct {
	Size          *int64       `json:"size"`
	Authenticated bool         `json:"authenticated"`
	Actions       actionSet    `json:"actions"`
	Links         actionSet    `json:"_links"` // what actions were called before git-lfs 1.0
	Error         *objectError `json:"error"`
}

type actionSet struct {
	Download *wireAction `json:"download"`
}

// parseBatch reads the response of a server. Each object that was asked for has a transfer in the result, and no other:
// an object that a server says nothing of, or something odd, must not take the others with it.
func parseBatch(body []byte, requested []lfs.Object, endpoint *url.URL, now time.Time) (map[string]transfer, error) {
	var r struct {
		Transfer string             `json:"transfer"`
		HashAlgo string             `json:"hash_algo"`
		Objects  *[]json.RawMessage `json:"objects"`
	}
	if err := json.Unmarshal(body, &r); err != nil || r.Objects == nil {
		return nil, notLFSError(body)
	}
	if r.Transfer != "" && r.Transfer != "basic" {
		return nil, errors.Errorf("transfer %q, want basic", truncate(oneLine(r.Transfer)))
	}
	if r.HashAlgo != "" && r.HashAlgo != "sha256" {
		return nil, errors.Errorf("hash algorithm %q, want sha256", truncate(oneLine(r.HashAlgo)))
	}
	byOID := map[string]json.RawMessage{}
	for _, raw := range *r.Objects {
		var o struct {
			OID string `json:"oid"`
		}
		if json.Unmarshal(raw, &o); byOID[o.OID] == nil { // the first one counts
			byOID[o.OID] = raw
		}
	}
	transfers := make(map[string]transfer, len(requested))
	for _, o := range requested {
		transfers[o.OID] = parseTransfer(byOID[o.OID], o, endpoint, now)
	}
	return transfers, nil
}

func notLFSError(body []byte) error {
	what := sniffFormat(body)
	if what == "" || what == "JSON" {
		what = "something else than LFS"
	}
	return errors.Errorf("the server answers with %s: is LFS enabled there, or does a proxy or a login page stand in between", what)
}

func parseTransfer(raw json.RawMessage, requested lfs.Object, endpoint *url.URL, now time.Time) transfer {
	if raw == nil {
		return transfer{err: errors.New("the server says nothing of it")}
	}
	var w wireObject
	if err := json.Unmarshal(raw, &w); err != nil {
		return transfer{err: errors.New("the server's answer for it is malformed")}
	}
	if w.Error != nil {
		return transfer{objectErr: w.Error}
	}
	if w.Size != nil && *w.Size != requested.Size {
		return transfer{err: errors.Errorf("the server says that it has %d bytes, the pointer %d", *w.Size, requested.Size)}
	}
	l := w.Actions.Download
	if l == nil {
		l = w.Links.Download
	}
	if l == nil {
		return transfer{err: errors.New("the server has no download for it")}
	}
	parsed, err := l.parse(endpoint, now)
	parsed.authenticated = w.Authenticated && parsed.header.Get("Authorization") == ""
	return transfer{action: parsed, err: err}
}

// messageOf is what a server says in the body of an error.
func messageOf(body []byte) string {
	var r struct {
		Message string `json:"message"`
		Error   any    `json:"error"`
	}
	if json.Unmarshal(body, &r) != nil {
		return excerpt(body)
	}
	if text, ok := r.Error.(string); ok && r.Message == "" {
		return text
	}
	return r.Message
}

// isRedirect reports whether a status leads elsewhere; a client of LFS has no cache that 304 could mean.
func isRedirect(status int) bool {
	switch status {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return true
	}
	return false
}
