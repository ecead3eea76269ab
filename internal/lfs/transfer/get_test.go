package transfer

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"lambdabase/internal/lfs"

	"github.com/stretchr/testify/require"
)

// cutAt sends an object from and to a byte, with the headers of an answer that sends it to the end.
func cutAt(w http.ResponseWriter, r *http.Request, dt []byte, to int) bool {
	from := 0
	to = min(to, len(dt))
	if _, err := fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &from); err == nil {
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, len(dt)-1, len(dt)))
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(dt)-from))
	if from > 0 {
		w.WriteHeader(http.StatusPartialContent)
	}
	w.Write(dt[from:max(from, to)])
	w.(http.Flusher).Flush()
	if to < len(dt) {
		panic(http.ErrAbortHandler)
	}
	return true
}

func TestACutDownloadGoesOnFromWhereItStopped(t *testing.T) {
	h := newHost(t)
	o := h.put(text(300_000))
	h.object = func(n int, w http.ResponseWriter, r *http.Request) bool {
		w.Header().Set("ETag", `"strong"`)
		return cutAt(w, r, h.content[o.OID], n*50_000)
	}
	c, clock := h.client()
	dir := t.TempDir()
	require.NoError(t, c.Fetch(t.Context(), dir, []lfs.Object{o}))
	requireObjects(t, dir, o)
	require.Equal(t, []string{"", "bytes=50000-", "bytes=100000-", "bytes=150000-", "bytes=200000-", "bytes=250000-"}, h.requestedRanges(),
		"more often than there are attempts without progress")
	require.Equal(t, `"strong"`, h.downloads()[1].header.Get("If-Range"))
	require.Empty(t, h.downloads()[1].header.Get("Accept-Encoding"))
	require.Equal(t, []time.Duration{time.Second, time.Second, time.Second, time.Second, time.Second}, clock.slept)
	require.Len(t, h.batches(), 1)
}

func TestADownloadThatAnEarlierProcessLeftGoesOn(t *testing.T) {
	for name, tc := range map[string]struct {
		left   func(content string) string
		ranges []string
		times  int
	}{
		"a beginning":      {func(s string) string { return s[:400] }, []string{"bytes=400-"}, 1},
		"nothing":          {func(s string) string { return "" }, []string{""}, 1},
		"all of it":        {func(s string) string { return s }, nil, 0},
		"something else":   {func(s string) string { return strings.Repeat("x", 400) }, []string{"bytes=400-", ""}, 2},
		"wrong to the end": {func(s string) string { return s[:999] + "x" }, []string{""}, 1},
		"too much":         {func(s string) string { return s + "x" }, []string{""}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHost(t)
			o := h.put(text(1000))
			dir := t.TempDir()
			part := filepath.Join(dir, o.OID+".part")
			require.NoError(t, os.WriteFile(part, []byte(tc.left(text(1000))), 0o644))
			c, clock := h.client()
			require.NoError(t, c.Fetch(t.Context(), dir, []lfs.Object{o}))
			requireObjects(t, dir, o)
			for _, d := range h.downloads() {
				require.Empty(t, d.header.Get("If-Range"))
			}
			require.Equal(t, tc.ranges, h.requestedRanges())
			require.Empty(t, clock.slept, "what others left is nobody's fault")
		})
	}
}

func TestAServerThatDoesNotGoOnIsAskedFromTheBeginning(t *testing.T) {
	all := text(1000)
	for name, tc := range map[string]struct {
		answer   func(w http.ResponseWriter)
		requests int
	}{
		"range ignored": {func(w http.ResponseWriter) { io.WriteString(w, all) }, 2},
		"416":           {func(w http.ResponseWriter) { w.WriteHeader(416) }, 3},
		"other start": {func(w http.ResponseWriter) {
			w.Header().Set("Content-Range", "bytes 0-999/1000")
			w.WriteHeader(206)
			io.WriteString(w, all)
		}, 3},
		"other total": {func(w http.ResponseWriter) {
			w.Header().Set("Content-Range", "bytes 400-1000/1001")
			w.WriteHeader(206)
			io.WriteString(w, all[400:]+"x")
		}, 3},
		"another total": {func(w http.ResponseWriter) {
			w.Header().Set("Content-Range", "bytes 400-999/1001")
			w.WriteHeader(206)
			io.WriteString(w, all[400:])
		}, 3},
		"backwards": {func(w http.ResponseWriter) {
			w.Header().Set("Content-Range", "bytes 400-399/1000")
			w.WriteHeader(206)
		}, 3},
		"other length": {func(w http.ResponseWriter) {
			w.Header().Set("Content-Range", "bytes 400-999/1000")
			w.WriteHeader(206)
			io.WriteString(w, all)
		}, 3},
		"no range": {func(w http.ResponseWriter) {
			w.WriteHeader(206)
			io.WriteString(w, all[400:])
		}, 3},
		"several ranges": {func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", "multipart/byteranges; boundary=x")
			w.WriteHeader(206)
			io.WriteString(w, "--x")
		}, 3},
		"other bytes": {func(w http.ResponseWriter) {
			w.Header().Set("Content-Range", "bytes 400-999/1000")
			w.WriteHeader(206)
			io.WriteString(w, strings.Repeat("x", 600))
		}, 3},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHost(t)
			o := h.put(all)
			h.object = func(n int, w http.ResponseWriter, r *http.Request) bool {
				switch {
				case n == 1:
					return cutAt(w, r, []byte(all), 400)
				case r.Header.Get("Range") == "":
					return false
				}
				tc.answer(w)
				return true
			}
			c, clock := h.client()
			dir := t.TempDir()
			require.NoError(t, c.Fetch(t.Context(), dir, []lfs.Object{o}))
			requireObjects(t, dir, o)
			require.Len(t, h.downloads(), tc.requests)
			if name != "other bytes" { // which nobody can tell until all are there
				require.Len(t, clock.slept, 1, "after the cut")
			}
		})
	}
}

func TestAServerThatDoesNotGoOnIsNotAskedToTwice(t *testing.T) {
	h := newHost(t)
	o := h.put(text(1000))
	h.object = func(n int, w http.ResponseWriter, r *http.Request) bool {
		if r.Header.Get("Range") != "" {
			w.WriteHeader(http.StatusRequestedRangeNotSatisfiable)
			return true
		}
		return cutAt(w, r, h.content[o.OID], n*250)
	}
	c, _ := h.client()
	dir := t.TempDir()
	require.NoError(t, c.Fetch(t.Context(), dir, []lfs.Object{o}))
	requireObjects(t, dir, o)
	require.Equal(t, []string{"", "bytes=250-", "", ""}, h.requestedRanges())
}

func TestASlowDownloadIsNotAStall(t *testing.T) {
	t.Parallel() // it waits more than it works
	h := newHost(t)
	o := h.put(text(1000))
	h.object = func(_ int, w http.ResponseWriter, r *http.Request) bool {
		w.Header().Set("Content-Length", "1000")
		for i := range 10 {
			w.Write(h.content[o.OID][i*100 : i*100+100])
			w.(http.Flusher).Flush()
			time.Sleep(250 * time.Millisecond)
		}
		return true
	}
	c, clock := h.client()
	c.Limits.IdleTimeout = 2 * time.Second // less than all of it takes, and far more than a piece
	require.NoError(t, c.Fetch(t.Context(), t.TempDir(), []lfs.Object{o}))
	require.Empty(t, clock.slept)
}

func TestWhatAnEarlierProcessLeftDoesNotExcuseTheServer(t *testing.T) {
	h := newHost(t)
	o := h.put(text(1000))
	h.object = func(_ int, w http.ResponseWriter, r *http.Request) bool {
		return cutAt(w, r, []byte(strings.Repeat("x", 1000)), 1000)
	}
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, o.OID+".part"), []byte(text(400)), 0o600))
	c, _ := h.client()
	require.Equal(t, Corrupted, onlyFailure(t, c.Fetch(t.Context(), dir, []lfs.Object{o})).Kind)
	require.Len(t, h.downloads(), 3)
	require.Empty(t, files(t, dir))
}

func TestAWeakETagIsNotSentBack(t *testing.T) {
	h := newHost(t)
	o := h.put(text(1000))
	h.object = func(n int, w http.ResponseWriter, r *http.Request) bool {
		w.Header().Set("ETag", `W/"weak"`)
		return cutAt(w, r, h.content[o.OID], n*600)
	}
	c, _ := h.client()
	require.NoError(t, c.Fetch(t.Context(), t.TempDir(), []lfs.Object{o}))
	require.Equal(t, "bytes=600-", h.downloads()[1].header.Get("Range"))
	require.Empty(t, h.downloads()[1].header.Get("If-Range"))
}

func TestAServerThatNeverSendsAllIsGivenUp(t *testing.T) {
	h := newHost(t)
	o := h.put(text(1000))
	h.object = func(n int, w http.ResponseWriter, r *http.Request) bool {
		return cutAt(w, r, h.content[o.OID], n)
	}
	c, _ := h.client()
	dir := t.TempDir()
	e := onlyFailure(t, c.Fetch(t.Context(), dir, []lfs.Object{o}))
	require.Equal(t, Truncated, e.Kind)
	require.ErrorContains(t, e, "the answer was cut after 20 of 1000 bytes: unexpected EOF")
	require.Len(t, h.downloads(), 20, "a byte each time is progress, but has an end")
	require.Equal(t, []string{o.OID + ".part"}, files(t, dir))
}

func TestWithoutProgressAttemptsAreFew(t *testing.T) {
	h := newHost(t)
	o := h.put(text(1000))
	h.object = func(n int, w http.ResponseWriter, r *http.Request) bool {
		return cutAt(w, r, h.content[o.OID], 100)
	}
	c, clock := h.client()
	e := onlyFailure(t, c.Fetch(t.Context(), t.TempDir(), []lfs.Object{o}))
	require.Equal(t, Truncated, e.Kind)
	require.Len(t, h.downloads(), 6, "one with progress, five without")
	require.Equal(t, []time.Duration{time.Second, time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second}, clock.slept)
}

func TestALargeObjectMayBeCutAsOftenAsItGetsFurther(t *testing.T) {
	h := newHost(t)
	o := h.put(text(30 << 20))
	h.object = func(n int, w http.ResponseWriter, r *http.Request) bool {
		return cutAt(w, r, h.content[o.OID], min(n<<20, 30<<20))
	}
	c, _ := h.client()
	dir := t.TempDir()
	require.NoError(t, c.Fetch(t.Context(), dir, []lfs.Object{o}))
	requireObjects(t, dir, o)
	require.Len(t, h.downloads(), 30)
}

func TestAStallIsEndedAndTheDownloadGoesOn(t *testing.T) {
	h := newHost(t)
	o := h.put(text(1000))
	h.object = func(n int, w http.ResponseWriter, r *http.Request) bool {
		if n == 3 {
			return false
		}
		w.Header().Set("Content-Length", "1000")
		if n == 1 {
			w.Write(h.content[o.OID][:400])
			w.(http.Flusher).Flush()
		}
		<-r.Context().Done()
		return true
	}
	c, _ := h.client()
	c.Limits.IdleTimeout = time.Second // for an answer that comes, on a busy machine too
	dir := t.TempDir()
	require.NoError(t, c.Fetch(t.Context(), dir, []lfs.Object{o}))
	requireObjects(t, dir, o)
	require.Len(t, h.downloads(), 3)

	h.object = func(n int, w http.ResponseWriter, r *http.Request) bool {
		<-r.Context().Done()
		return true
	}
	c.Limits.IdleTimeout = 100 * time.Millisecond
	e := onlyFailure(t, c.Fetch(t.Context(), t.TempDir(), []lfs.Object{o}))
	require.Equal(t, Network, e.Kind)
	require.ErrorContains(t, e, "no answer for 100ms")
}

func TestAStallInTheMiddleIsTold(t *testing.T) {
	t.Parallel() // it waits more than it works
	h := newHost(t)
	o := h.put(text(1000))
	h.object = func(n int, w http.ResponseWriter, r *http.Request) bool {
		w.Header().Set("Content-Length", "1000")
		if r.Header.Get("Range") == "" {
			w.Write(h.content[o.OID][:400])
			w.(http.Flusher).Flush()
		} else {
			w.Header().Set("Content-Length", "600")
			w.Header().Set("Content-Range", "bytes 400-999/1000")
			w.WriteHeader(206)
			w.(http.Flusher).Flush()
		}
		<-r.Context().Done()
		return true
	}
	c, _ := h.client()
	c.Limits.IdleTimeout = time.Second
	e := onlyFailure(t, c.Fetch(t.Context(), t.TempDir(), []lfs.Object{o}))
	require.Equal(t, Truncated, e.Kind)
	require.ErrorContains(t, e, "nothing arrived for 1s after 400 of 1000 bytes")
}

func TestWhatIsNotTheObjectIsTold(t *testing.T) {
	all := text(1000)
	whole := func(s string) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) {
			w.Header().Set("Content-Length", strconv.Itoa(len(s)))
			io.WriteString(w, s)
		}
	}
	streamed := func(s string) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) {
			w.(http.Flusher).Flush()
			io.WriteString(w, s)
		}
	}
	const page = "<!DOCTYPE html>\n<html><head><title>Sign in &amp; go\u202e on</title></head>"
	for name, tc := range map[string]struct {
		answer   func(w http.ResponseWriter)
		kind     Kind
		want     string
		requests int
	}{
		"same length":         {whole(strings.Repeat("x", 1000)), Corrupted, "the server sent something else: sha256:", 2},
		"longer":              {whole(all + "x"), Corrupted, "the server would send 1001 bytes, the object has 1000", 1},
		"shorter":             {whole(all[:999]), Corrupted, "the server would send 999 bytes", 2},
		"longer than told":    {streamed(all + "x"), Corrupted, "the server sends more than the object's 1000 bytes", 1},
		"endless":             {func(w http.ResponseWriter) { io.Copy(w, endless{}) }, Corrupted, "more than the object's 1000 bytes", 1},
		"a pointer":           {whole("version https://git-lfs.github.com/spec/v1\noid sha256:" + oid + "\nsize 1000\n"), Corrupted, "a Git LFS pointer", 2},
		"a page":              {whole(page), Corrupted, `an HTML page (`, 2},
		"a page's title":      {whole(page), Corrupted, `"Sign in & go on"`, 2},
		"a padded page":       {whole(page + strings.Repeat(" ", 1000-len(page))), Corrupted, `bytes, an HTML page (`, 2},
		"a streamed page":     {streamed(page), Truncated, "an HTML page (", 5},
		"XML":                 {whole(`<?xml version="1.0"?><Error><Code>X</Code><Message>Slow down</Message></Error>`), Corrupted, `XML (`, 2},
		"XML's message":       {whole(`<Error><Code>X</Code><Message>Slow down</Message></Error>`), Corrupted, `"Slow down"`, 2},
		"JSON":                {whole(`{"message":"no"}`), Corrupted, "JSON (", 2},
		"an early end":        {streamed(all[:900]), Truncated, "the answer ends after 900 of 1000 bytes", 6},
		"nothing":             {whole(""), Corrupted, "the server would send 0 bytes", 2},
		"nothing, streamed":   {streamed(""), Truncated, "the answer ends after 0 of 1000 bytes", 5},
		"no content":          {func(w http.ResponseWriter) { w.WriteHeader(204) }, Protocol, "unexpected answer (204", 1},
		"a range unasked for": {func(w http.ResponseWriter) { w.Header().Set("Content-Range", "bytes 0-999/1000"); w.WriteHeader(206) }, Protocol, "206", 1},
		"not modified":        {func(w http.ResponseWriter) { w.WriteHeader(304) }, Protocol, "unexpected answer (304", 1},
		"gzip": {func(w http.ResponseWriter) {
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			io.WriteString(z, all)
			z.Close()
		}, Protocol, `content encoding "gzip", which was not asked for`, 1},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHost(t)
			o := h.put(all)
			h.object = func(n int, w http.ResponseWriter, r *http.Request) bool {
				tc.answer(w)
				return true
			}
			c, _ := h.client()
			dir := t.TempDir()
			err := c.Fetch(t.Context(), dir, []lfs.Object{o})
			e := onlyFailure(t, err)
			require.Equal(t, tc.kind, e.Kind, "%v", err)
			require.ErrorContains(t, err, tc.want)
			require.Len(t, h.downloads(), tc.requests, "%v", err)
			require.LessOrEqual(t, len(e.Message), 300)
			require.NotContains(t, files(t, dir), o.OID)
			if tc.kind == Corrupted {
				require.Empty(t, files(t, dir), "nothing of it is kept")
			}
		})
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

func TestACorruptedDownloadIsTriedOnceMoreFromTheBeginning(t *testing.T) {
	h := newHost(t)
	o := h.put(text(1000))
	h.object = func(n int, w http.ResponseWriter, r *http.Request) bool {
		if n == 1 {
			w.Write(bytes.ToUpper(h.content[o.OID]))
		}
		return n == 1
	}
	c, _ := h.client()
	dir := t.TempDir()
	require.NoError(t, c.Fetch(t.Context(), dir, []lfs.Object{o}))
	requireObjects(t, dir, o)
	require.Empty(t, h.downloads()[1].header.Get("Range"))
}

func TestARefusedDownloadIsAskedForOnceMore(t *testing.T) {
	for status, kind := range map[int]Kind{400: Protocol, 401: Unauthorized, 403: Forbidden, 404: NotFound, 410: NotFound} {
		h := newHost(t)
		o := h.put(text(1000))
		h.object = func(n int, w http.ResponseWriter, r *http.Request) bool {
			if n == 1 {
				http.Error(w, "<Error><Message>Request has expired</Message></Error>", status)
			}
			return n == 1
		}
		c, clock := h.client()
		require.NoError(t, c.Fetch(t.Context(), t.TempDir(), []lfs.Object{o}))
		require.Len(t, h.batches(), 2)
		require.Len(t, h.downloads(), 2)
		require.Empty(t, clock.slept)

		h.object = func(n int, w http.ResponseWriter, r *http.Request) bool {
			http.Error(w, "<Error><Message>Request has expired</Message></Error>", status)
			return true
		}
		e := onlyFailure(t, c.Fetch(t.Context(), t.TempDir(), []lfs.Object{o}))
		require.Equal(t, kind, e.Kind)
		require.Equal(t, status, e.Status)
		require.Equal(t, "Request has expired", e.Message)
		require.Equal(t, h.URL+"/store/"+o.OID, e.URL)
		require.Len(t, h.batches(), 4)
		require.Len(t, h.downloads(), 4)
	}
}

func TestALongDownloadMayBeRefusedWheneverItsSignatureEnds(t *testing.T) {
	h := newHost(t)
	o := h.put(text(10_000))
	h.object = func(n int, w http.ResponseWriter, r *http.Request) bool {
		if n%2 == 0 {
			w.WriteHeader(http.StatusForbidden)
			return true
		}
		return cutAt(w, r, h.content[o.OID], min(10_000, n*1000))
	}
	c, _ := h.client()
	dir := t.TempDir()
	require.NoError(t, c.Fetch(t.Context(), dir, []lfs.Object{o}))
	requireObjects(t, dir, o)
	require.Len(t, h.batches(), 6)
}

func TestExpiredDownloadsAreAskedForAgain(t *testing.T) {
	for name, tc := range map[string]struct {
		link    map[string]any
		expired bool
	}{
		"in the past":              {map[string]any{"expires_at": "2024-10-01T11:00:00Z"}, true},
		"almost":                   {map[string]any{"expires_at": "2024-10-01T12:00:05Z"}, true},
		"soon":                     {map[string]any{"expires_at": "2024-10-01T12:00:06Z"}, false},
		"in another zone":          {map[string]any{"expires_at": "2024-10-01T13:00:00+02:00"}, true},
		"negative seconds":         {map[string]any{"expires_in": -5}, true},
		"few seconds":              {map[string]any{"expires_in": 5}, true},
		"seconds":                  {map[string]any{"expires_in": 6}, false},
		"seconds win":              {map[string]any{"expires_in": 3600, "expires_at": "2024-10-01T11:00:00Z"}, false},
		"no seconds":               {map[string]any{"expires_in": 0, "expires_at": "2024-10-01T11:00:00Z"}, true},
		"malformed seconds":        {map[string]any{"expires_in": "soon", "expires_at": "2024-10-01T11:00:00Z"}, true},
		"many seconds":             {map[string]any{"expires_in": 1e300}, false},
		"fewest seconds":           {map[string]any{"expires_in": -1e300}, true},
		"the year 1":               {map[string]any{"expires_at": "0001-01-01T00:00:00Z"}, false},
		"malformed":                {map[string]any{"expires_at": "tomorrow"}, false},
		"empty":                    {map[string]any{"expires_at": ""}, false},
		"null":                     {map[string]any{"expires_at": nil, "expires_in": nil}, false},
		"not even text":            {map[string]any{"expires_at": []int{1}, "expires_in": map[string]int{}}, false},
		"nothing is said about it": {map[string]any{}, false},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHost(t)
			o := h.put(text(1000))
			asked := 0
			h.edit = func(oid string, object map[string]any) {
				if asked++; asked == 1 {
					tc.link["href"] = h.downloadAction(oid)["href"]
					object["actions"] = map[string]any{"download": tc.link}
				}
			}
			c, clock := h.client()
			require.NoError(t, c.Fetch(t.Context(), t.TempDir(), []lfs.Object{o}))
			require.Equal(t, tc.expired, asked == 2)
			require.Len(t, h.downloads(), 1, "nothing that ended is asked for")
			require.Empty(t, clock.slept)
		})
	}
}

func TestDownloadsThatAlwaysEndedAlreadyAreGivenUp(t *testing.T) {
	h := newHost(t)
	o := h.put(text(1000))
	h.edit = func(oid string, object map[string]any) {
		object["actions"] = map[string]any{"download": map[string]any{"href": h.URL + "/store/" + oid, "expires_in": -5}}
	}
	c, _ := h.client()
	e := onlyFailure(t, c.Fetch(t.Context(), t.TempDir(), []lfs.Object{o}))
	require.Equal(t, Protocol, e.Kind)
	require.ErrorContains(t, e, "is the clock of this machine right")
	require.Len(t, h.batches(), 6)
	require.Empty(t, h.downloads())
}

func TestASignatureThatEndsDuringAPauseIsNotUsed(t *testing.T) {
	h := newHost(t)
	o := h.put(text(1000))
	h.object = func(n int, w http.ResponseWriter, r *http.Request) bool {
		if n == 1 {
			w.Header().Set("Retry-After", "50")
			w.WriteHeader(503)
		}
		return n == 1
	}
	h.edit = func(oid string, object map[string]any) {
		object["actions"] = map[string]any{"download": map[string]any{"href": h.URL + "/store/" + oid, "expires_in": 30}}
	}
	c, clock := h.client()
	require.NoError(t, c.Fetch(t.Context(), t.TempDir(), []lfs.Object{o}))
	require.Equal(t, []time.Duration{50 * time.Second}, clock.slept)
	require.Len(t, h.batches(), 2)
	require.Len(t, h.downloads(), 2)
}

func TestASignedURLOfTheServerItselfGetsACredentialOnlyWhereItWantsOne(t *testing.T) {
	for name, wanted := range map[string]bool{"signature alone": false, "both": true} {
		h := newHost(t)
		o := h.put(text(1000))
		h.object = func(_ int, w http.ResponseWriter, r *http.Request) bool {
			switch given := r.Header.Get("Authorization") != ""; {
			case given && !wanted:
				http.Error(w, "Only one auth mechanism allowed", http.StatusBadRequest)
			case !given && wanted:
				http.Error(w, "who are you?", http.StatusUnauthorized)
			default:
				return false
			}
			return true
		}
		c, _ := h.client()
		require.NoError(t, withToken(c, h).Fetch(t.Context(), t.TempDir(), []lfs.Object{o}), name)
	}
}
