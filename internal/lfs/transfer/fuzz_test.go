package transfer

import (
	"net/http"
	"testing"
	"time"
	"unicode/utf8"

	"lambdabase/internal/lfs"

	"github.com/stretchr/testify/require"
)

func FuzzErrorBody(f *testing.F) {
	f.Add([]byte(`{"message":"x","error":{"a":[1]}}`))
	f.Add([]byte("<html><title>a&#x1b;&lt;/title></title>"))
	f.Add([]byte("\xef\xbb\xbf <?xml?><Error><Message>\xff</Message>"))
	f.Fuzz(func(t *testing.T, body []byte) {
		s := (&Client{}).newSession("", nil)
		for _, text := range []string{messageOf(body), excerpt(body), sniffFormat(body)} {
			message := s.sanitize(text)
			require.LessOrEqual(t, len(message), maxMessage)
			require.True(t, utf8.ValidString(message))
		}
	})
}

func FuzzHeaders(f *testing.F) {
	f.Add("18446744073709551616", "bytes 0-4/5", int64(5))
	f.Add("Fri, 31 Dec 9999 23:59:59 GMT", "bytes 999999999999999999-1/*", int64(-1))
	f.Add("-1", "bytes 3-2/5", int64(0))
	now := time.Date(2024, 10, 1, 12, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, retryAfter, contentRange string, length int64) {
		require.GreaterOrEqual(t, parseRetryAfter(http.Header{"Retry-After": {retryAfter}}, now), time.Duration(0))
		d := &download{object: lfs.Object{Pointer: lfs.Pointer{OID: oid, Size: 5}}, part: &part{}}
		res := &httpResponse{Response: &http.Response{Header: http.Header{"Content-Range": {contentRange}}, ContentLength: length}}
		if d.matchesRange(res) {
			require.Regexp(t, `^bytes 0+-0*[0-4]/(5|\*)$`, contentRange)
			require.LessOrEqual(t, length, int64(5))
		}
	})
}
