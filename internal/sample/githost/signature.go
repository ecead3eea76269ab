package githost

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	// Signature begins the signature in each URL of the batch API, as GitHub's store wants it: where
	// it turns up besides, a secret has leaked.
	Signature = "5a4d9ba7c1e0sample"
	// Token begins each token that the server gives out, likewise.
	Token = "0b6e57ac9f31sample"

	// DefaultLifetime of a signed URL.
	DefaultLifetime = time.Hour

	amzDateFormat = "20060102T150405.000Z"
)

// SignedURL lets anybody who has it read one object for a while, as S3's do. All is in the URL: the server keeps nothing.
type SignedURL struct {
	oid     string
	date    string
	expires string // seconds
	headers string // that have to be there
}

// NewSignedURL returns the URL of an object, for a time from now on.
func NewSignedURL(oid string, lifetime time.Duration) SignedURL {
	seconds := strconv.FormatFloat(lifetime.Seconds(), 'f', -1, 64)
	return SignedURL{oid, time.Now().UTC().Format(amzDateFormat), seconds, "host"}
}

// WithToken returns a URL that wants a token of its own besides.
func (u SignedURL) WithToken() SignedURL {
	u.headers = "authorization;host"
	return u
}

func (u SignedURL) wantsToken() bool { return strings.Contains(u.headers, "authorization") }

func (u SignedURL) sum(of string) string {
	mac := hmac.New(sha256.New, []byte("sample"))
	fmt.Fprintln(mac, of, u.oid, u.date, u.expires, u.headers)
	return hex.EncodeToString(mac.Sum(nil))
}

func (u SignedURL) signature() string { return Signature + u.sum(http.MethodGet) }

// Authorization returns the token, which is good for this URL alone.
func (u SignedURL) Authorization() string { return "Bearer " + Token + u.sum("token") }

// RequestURI returns the path and the query.
func (u SignedURL) RequestURI() string {
	return storePrefix + u.oid + "?" + url.Values{
		"X-Amz-Algorithm":     {"AWS4-HMAC-SHA256"},
		"X-Amz-Date":          {u.date},
		"X-Amz-Expires":       {u.expires},
		"X-Amz-SignedHeaders": {u.headers},
		"X-Amz-Signature":     {u.signature()},
	}.Encode()
}

// Action returns how the batch API gives the URL, on a server at base.
func (u SignedURL) Action(base string) BatchAction {
	a := BatchAction{
		Href:      base + u.RequestURI(),
		ExpiresAt: time.Now().Add(u.lifetime()).UTC().Format(time.RFC3339),
		ExpiresIn: int(math.Ceil(u.lifetime().Seconds())),
	}
	if u.wantsToken() {
		a.Header = map[string]string{"Authorization": u.Authorization()}
	}
	return a
}

// lifetime and expired make nothing of what can't be read: the signature is looked at first.
func (u SignedURL) lifetime() time.Duration {
	lifetime, _ := time.ParseDuration(u.expires + "s")
	return lifetime
}

func (u SignedURL) expired() bool {
	date, _ := time.Parse(amzDateFormat, u.date)
	return time.Now().After(date.Add(u.lifetime()))
}

// checkSignature lets in whom S3 would, and refuses in its words. With credentials the store is a forge's own, which wants
// those as well.
func checkSignature(w http.ResponseWriter, r *http.Request, oid string, credentials bool) bool {
	query, authorization := r.URL.Query(), r.Header.Get("Authorization")
	u := SignedURL{oid, query.Get("X-Amz-Date"), query.Get("X-Amz-Expires"), query.Get("X-Amz-SignedHeaders")}
	switch signature := query.Get("X-Amz-Signature"); {
	case signature == "":
		return writeS3Error(w, http.StatusForbidden, "AccessDenied", "Access Denied")
	case r.Method != http.MethodGet || signature != u.signature():
		return writeS3Error(w, http.StatusForbidden, "SignatureDoesNotMatch", "The request signature we calculated does not match the signature you provided.")
	case u.expired():
		return writeS3Error(w, http.StatusForbidden, "AccessDenied", "Request has expired")
	case u.wantsToken() && authorization != u.Authorization():
		return writeS3Error(w, http.StatusUnauthorized, "AccessDenied", "The object's own token is wanted")
	case !u.wantsToken() && !credentials && authorization != "":
		return writeS3Error(w, http.StatusBadRequest, "InvalidArgument", "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string parameter or the Authorization header should be specified")
	}
	return true
}

// writeS3Error refuses, for which it returns false.
func writeS3Error(w http.ResponseWriter, status int, code, message string) bool {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	fmt.Fprintf(w, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>%s</Code><Message>%s</Message><RequestId>7F1B0A3C5E2D4966</RequestId></Error>", code, message)
	return false
}
