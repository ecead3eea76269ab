package transfer

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"lambdabase/internal/lfs"

	"github.com/stretchr/testify/require"
)

// Whatever goes wrong, nobody sees the credential or the signature, even of a server that repeats them.
func TestNoErrorTellsASecret(t *testing.T) {
	answers := map[string]func(w http.ResponseWriter, r *http.Request){
		"cut": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "1000")
			io.WriteString(w, canarySecret)
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		},
		"closed":      func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"stalled":     func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"no HTTP":     hijacked("HTTP/1.1 " + canarySecret + " x\r\n\r\n"),
		"not at all":  hijacked(canarySecret + "\r\n\r\n"),
		"bad header":  hijacked("HTTP/1.1 200 OK\r\n" + canarySecret + " x\r\n\r\n"),
		"bad length":  hijacked("HTTP/1.1 200 OK\r\nContent-Length: " + canarySecret + "\r\n\r\n"),
		"bad chunked": hijacked("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + canarySecret + "\r\n"),
		"encoding": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", canarySecret)
			io.WriteString(w, canarySignature)
		},
		"transfer": func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, `{"transfer":"`+canarySecret+`","objects":[]}`)
		},
		"hash": func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, `{"hash_algo":"`+canarySecret+`","objects":[]}`)
		},
		"streamed text": func(w http.ResponseWriter, r *http.Request) { w.(http.Flusher).Flush(); io.WriteString(w, repeated(r)) },
	}
	for _, status := range []int{200, 203, 206, 304, 400, 401, 403, 404, 410, 416, 422, 429, 500, 503, 507, 509} {
		answers[fmt.Sprint(status)] = func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(status)
			if status != 304 {
				io.WriteString(w, `{"message":"rate limit: `+strings.NewReplacer("\n", " ", `"`, "").Replace(repeated(r))+`"}`)
			}
		}
		answers[fmt.Sprint(status, " page")] = func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(status)
			if status != 304 {
				io.WriteString(w, "<html><title>"+repeated(r)+"</title>")
			}
		}
	}
	for _, status := range []int{301, 302, 303, 307, 308} {
		for i, location := range []string{
			"?" + canarySecret, "http://" + canarySecret + "@h/x?" + canarySignature, "http://h/%zz" + canarySecret, "ftp://" + canarySecret,
			"http://127.0.0.1:1/x?X-Amz-Signature=" + canarySignature, "http://127.0.0.1:1/" + canarySecret,
		} {
			answers[fmt.Sprint("redirect ", status, i)] = func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Location", location)
				w.WriteHeader(status)
				io.WriteString(w, repeated(r))
			}
		}
	}
	for _, credential := range []string{"Bearer " + canarySecret, "Basic " + base64.StdEncoding.EncodeToString([]byte("x-token:"+canarySecret))} {
		for name, answer := range answers {
			for _, of := range []string{"batch", "object", "object inside"} {
				t.Run(name+" of "+of, func(t *testing.T) {
					t.Parallel()
					requireNoSecret(t, credential, of, answer)
				})
			}
		}
	}
}

func requireNoSecret(t *testing.T, credential, of string, answer http.HandlerFunc) {
	h := newHost(t)
	o := h.put(text(1000))
	handler := func(_ int, w http.ResponseWriter, r *http.Request) bool {
		answer(w, r)
		return true
	}
	switch of {
	case "batch":
		h.batch = handler
	case "object":
		h.object = handler
	case "object inside":
		h.edit = func(oid string, object map[string]any) {
			object["error"] = map[string]any{"code": 422, "message": credential + " X-Amz-Signature=" + canarySignature + " " + canarySecret}
		}
	}
	if of == "object" {
		h.edit = func(oid string, object map[string]any) {
			link := maps.Clone(h.downloadAction(oid))
			link["header"] = map[string]any{"X-Amz-Security-Token": canarySecret + "-2", "Private-Token": canarySecret}
			object["actions"] = map[string]any{"download": link}
		}
	}
	c, _ := h.client()
	withToken(c, h)
	c.Authorization = func(*url.URL) (string, string) { return credential, "secret GIT_AUTH_TOKEN" }
	c.Limits.IdleTimeout = 100 * time.Millisecond
	var told strings.Builder
	c.OnProgress = func(p Progress) { fmt.Fprintf(&told, "%+v\n", p) }
	err := c.Fetch(context.Background(), t.TempDir(), []lfs.Object{o})
	require.Error(t, err)
	fmt.Fprintf(&told, "%s\n%v\n%+v\n%q\n", err, err, err, err)
	for _, e := range failures(t, err) {
		fmt.Fprintf(&told, "%+v %+v %s %s %s", *e, e.Err, e.URL, e.Message, e.Hint)
	}
	for _, secret := range []string{"CANARY", strings.TrimPrefix(credential, "Basic ")} {
		require.NotContains(t, told.String(), secret)
	}
}

// repeated is what a careless server says of a request.
func repeated(r *http.Request) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s ", r.Method, r.URL)
	r.Header.Write(&b)
	for _, v := range r.URL.Query() {
		fmt.Fprintf(&b, " signature %s", v)
	}
	if _, password, ok := r.BasicAuth(); ok {
		fmt.Fprintf(&b, " password %s", password)
	}
	return b.String()
}

func hijacked(raw string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err == nil {
			io.WriteString(conn, raw)
			conn.Close()
		}
	}
}

func TestASecretCutInTheMiddleIsHiddenToo(t *testing.T) {
	s := secretMask{values: map[string]sensitivity{}}
	token := strings.Repeat("0123456789", 100)
	s.addHeader(http.Header{"Authorization": {"Bearer " + token}}, userCredential)
	require.Equal(t, `{"token":"***`, s.hide(`{"token":"`+token[:400], queryValue))
	require.Equal(t, `{"token":"***"}`, s.hide(`{"token":"`+token+`"}`, queryValue))
	require.Equal(t, "want Bearer", s.hide("want Bearer", queryValue))
	require.True(t, s.containsUserCredential("x"+token))
	require.False(t, s.containsUserCredential(token[:400]))
}

func FuzzMessage(f *testing.F) {
	f.Add("the token ", " is wrong\r\nSet-Cookie: x")
	f.Add("{\"a\":\"\x1b[31m\u202e", "\"}")
	f.Fuzz(func(t *testing.T, before, after string) {
		s := (&Client{}).newSession("", nil)
		s.secrets.addHeader(http.Header{"Authorization": {"Bearer " + canarySecret}}, userCredential)
		message := s.sanitize(before + canarySecret + after)
		require.NotContains(t, message, canarySecret)
		require.LessOrEqual(t, len(message), maxMessage)
		require.True(t, utf8.ValidString(message))
		require.NotContains(t, message, "\n")
		for _, r := range message {
			require.True(t, unicode.IsPrint(r), "%q", r)
		}
	})
}
