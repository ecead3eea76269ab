package transfer

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"lambdabase/internal/weburl"

	"github.com/pkg/errors"
	"golang.org/x/net/http/httpguts"
)

// action is where and how an object is downloaded, as a server said.
type action struct {
	url           *url.URL
	header        http.Header // allowed ones only
	authenticated bool        // the URL alone gives access: no credential is to be sent
	expires       time.Time   // zero: never, or not told
}

// wireAction is an action on the wire.
type wireAction struct {
	Href      string            `json:"href"`
	Header    map[string]string `json:"header"`
	ExpiresIn json.RawMessage   `json:"expires_in"`
	ExpiresAt json.RawMessage   `json:"expires_at"`
}

func (l wireAction) parse(endpoint *url.URL, now time.Time) (action, error) {
	u, err := weburl.Parse(l.Href)
	if err != nil {
		return action{}, errors.Wrap(err, "download URL of the server")
	}
	if endpoint.Scheme == "https" && u.Scheme != "https" {
		return action{}, errors.Errorf("download URL of the server: http on host %s, where the server itself is asked by https", u.Host)
	}
	u.Fragment, u.RawFragment = "", ""
	header, err := filterHeader(l.Header)
	if err != nil {
		return action{}, errors.Wrap(err, "download of the server")
	}
	return action{url: u, header: header, expires: l.expiry(now)}, nil
}

// expiry is when the action ends. What is malformed doesn't end: the answer to the request will tell.
func (l wireAction) expiry(now time.Time) time.Time {
	var seconds float64
	if json.Unmarshal(l.ExpiresIn, &seconds) == nil && seconds != 0 {
		const maxSeconds = 1<<31 - 1 // as the specification has it
		return now.Add(time.Duration(max(-maxSeconds, min(maxSeconds, seconds)) * float64(time.Second)))
	}
	var text string
	if json.Unmarshal(l.ExpiresAt, &text) != nil {
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil || t.Year() <= 1 { // Go servers send the zero time, which is the year 1
		return time.Time{}
	}
	return t
}

// Headers that a server may have sent along with a request to where it says, by names and by prefixes: what stores want
// for access, and no more. A request that is not the server's to make, to a cloud's metadata service say, needs another.
var (
	allowedNames    = []string{"Accept", "Authorization", "Private-Token"}
	allowedPrefixes = []string{"Lfs-", "X-Amz-", "X-Gitlab-", "X-Goog-", "X-Ms-"}
	headerName      = regexp.MustCompile(`^[A-Za-z0-9-]{1,100}$`)
)

func filterHeader(given map[string]string) (http.Header, error) {
	h := http.Header{}
	for _, name := range slices.Sorted(maps.Keys(given)) { // two may differ in case only
		value := given[name]
		if !isAllowedHeader(name) {
			continue
		}
		if !httpguts.ValidHeaderFieldValue(value) {
			return nil, errors.Errorf("header %s with a line break or another control character in it", name)
		}
		h.Set(name, value)
	}
	return h, nil
}

func isAllowedHeader(name string) bool {
	if !headerName.MatchString(name) {
		return false
	}
	name = http.CanonicalHeaderKey(name)
	if strings.Contains(name, "Metadata") {
		return false
	}
	return slices.Contains(allowedNames, name) || slices.ContainsFunc(allowedPrefixes, func(p string) bool {
		return strings.HasPrefix(name, p)
	})
}
