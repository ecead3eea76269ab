package lfs

import (
	"encoding/json"
	"net/http"
	"net/url"
	"time"

	"github.com/pkg/errors"
)

// offer is what a server answered for one object: an action, its own error, or a fault of the answer.
type offer struct {
	action  action
	refused *refusal
	fault   error
	from    *server // that was asked
}

// refusal is an error of a server, of an answer or of an object inside it.
type refusal struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
}

// answered is an offer on the wire.
type answered struct {
	Size          *int64    `json:"size"`
	Authenticated bool      `json:"authenticated"`
	Actions       downloads `json:"actions"`
	Links         downloads `json:"_links"` // what actions were called before git-lfs 1.0
	Error         *refusal  `json:"error"`
}

type downloads struct {
	Download *link `json:"download"`
}

// readBatch reads the answer of a server. Each object that was asked for has an offer in the result, and no other:
// an object that a server says nothing of, or something odd, must not take the others with it.
func readBatch(body []byte, asked []Object, endpoint *url.URL, now time.Time) (map[string]offer, error) {
	var r struct {
		Transfer string             `json:"transfer"`
		HashAlgo string             `json:"hash_algo"`
		Objects  *[]json.RawMessage `json:"objects"`
	}
	if err := json.Unmarshal(body, &r); err != nil || r.Objects == nil {
		return nil, notLFS(body)
	}
	if r.Transfer != "" && r.Transfer != "basic" {
		return nil, errors.Errorf("transfer %q, want basic", bounded(oneLine(r.Transfer)))
	}
	if r.HashAlgo != "" && r.HashAlgo != "sha256" {
		return nil, errors.Errorf("hash algorithm %q, want sha256", bounded(oneLine(r.HashAlgo)))
	}
	said := map[string]json.RawMessage{}
	for _, raw := range *r.Objects {
		var o struct {
			OID string `json:"oid"`
		}
		if json.Unmarshal(raw, &o); said[o.OID] == nil { // the first one counts
			said[o.OID] = raw
		}
	}
	offers := make(map[string]offer, len(asked))
	for _, o := range asked {
		offers[o.OID] = readOffer(said[o.OID], o, endpoint, now)
	}
	return offers, nil
}

func notLFS(body []byte) error {
	what := form(body)
	if what == "" || what == "JSON" {
		what = "something else than LFS"
	}
	return errors.Errorf("the server answers with %s: is LFS enabled there, or does a proxy or a login page stand in between", what)
}

func readOffer(raw json.RawMessage, asked Object, endpoint *url.URL, now time.Time) offer {
	if raw == nil {
		return offer{fault: errors.New("the server says nothing of it")}
	}
	var a answered
	if err := json.Unmarshal(raw, &a); err != nil {
		return offer{fault: errors.New("the server's answer for it is malformed")}
	}
	if a.Error != nil {
		return offer{refused: a.Error}
	}
	if a.Size != nil && *a.Size != asked.Size {
		return offer{fault: errors.Errorf("the server says that it has %d bytes, the pointer %d", *a.Size, asked.Size)}
	}
	l := a.Actions.Download
	if l == nil {
		l = a.Links.Download
	}
	if l == nil {
		return offer{fault: errors.New("the server has no download for it")}
	}
	found, err := l.action(endpoint, now)
	found.authenticated = a.Authenticated && found.header.Get("Authorization") == ""
	return offer{action: found, fault: err}
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

// redirected tells statuses that lead elsewhere; a client of LFS has no cache that 304 could mean.
func redirected(status int) bool {
	switch status {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return true
	}
	return false
}
