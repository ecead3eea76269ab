package sample

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
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

	defaultLifetime = time.Hour
	amzDateFormat   = "20060102T150405.000Z"
)

// signedURL lets anybody who has its URL read one object for a while, as S3's signed URLs do. It is all
// in the URL: the server keeps nothing.
type signedURL struct {
	oid     string
	date    string
	expires string // seconds
	headers string // that have to be there
}

func newSignedURL(oid string, lifetime time.Duration) signedURL {
	seconds := strconv.FormatFloat(lifetime.Seconds(), 'f', -1, 64)
	return signedURL{oid, time.Now().UTC().Format(amzDateFormat), seconds, "host"}
}

// withToken wants the grant's token besides.
func (g signedURL) withToken() signedURL {
	g.headers = "authorization;host"
	return g
}

func (g signedURL) sum(of string) string {
	mac := hmac.New(sha256.New, []byte("sample"))
	fmt.Fprintln(mac, of, g.oid, g.date, g.expires, g.headers)
	return hex.EncodeToString(mac.Sum(nil))
}

func (g signedURL) signature() string { return Signature + g.sum(http.MethodGet) }

// authorization is good for this grant alone.
func (g signedURL) authorization() string { return "Bearer " + Token + g.sum("token") }

func (g signedURL) requestURI() string {
	return storePrefix + g.oid + "?" + url.Values{
		"X-Amz-Algorithm":     {"AWS4-HMAC-SHA256"},
		"X-Amz-Date":          {g.date},
		"X-Amz-Expires":       {g.expires},
		"X-Amz-SignedHeaders": {g.headers},
		"X-Amz-Signature":     {g.signature()},
	}.Encode()
}

// expired is false of what can't be read: the signature is looked at first.
func (g signedURL) expired() bool {
	date, _ := time.Parse(amzDateFormat, g.date)
	lifetime, _ := time.ParseDuration(g.expires + "s")
	return time.Now().After(date.Add(lifetime))
}

// checkSignature refuses what S3 would, in its words, and says whether it did. With credentials the store is
// a forge's own, which wants those as well.
func checkSignature(w http.ResponseWriter, r *http.Request, oid string, credentials bool) bool {
	query, authorization := r.URL.Query(), r.Header.Get("Authorization")
	g := signedURL{oid, query.Get("X-Amz-Date"), query.Get("X-Amz-Expires"), query.Get("X-Amz-SignedHeaders")}
	wantsToken := strings.Contains(g.headers, "authorization")
	switch signature := query.Get("X-Amz-Signature"); {
	case signature == "":
		return writeS3Error(w, http.StatusForbidden, "AccessDenied", "Access Denied")
	case r.Method != http.MethodGet || signature != g.signature():
		return writeS3Error(w, http.StatusForbidden, "SignatureDoesNotMatch", "The request signature we calculated does not match the signature you provided.")
	case g.expired():
		return writeS3Error(w, http.StatusForbidden, "AccessDenied", "Request has expired")
	case wantsToken && authorization != g.authorization():
		return writeS3Error(w, http.StatusUnauthorized, "AccessDenied", "The object's own token is wanted")
	case !wantsToken && !credentials && authorization != "":
		return writeS3Error(w, http.StatusBadRequest, "InvalidArgument", "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string parameter or the Authorization header should be specified")
	}
	return false
}

func writeS3Error(w http.ResponseWriter, status int, code, message string) bool {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	fmt.Fprintf(w, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>%s</Code><Message>%s</Message><RequestId>7F1B0A3C5E2D4966</RequestId></Error>", code, message)
	return true
}
