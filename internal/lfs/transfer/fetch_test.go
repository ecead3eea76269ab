package transfer

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"math"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"lambdabase/internal/lfs"

	"github.com/pkg/errors"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestFetchMakesAFolderHoldEachObject(t *testing.T) {
	h := newHost(t)
	a, b := h.put(text(100)), h.put(text(200_000))
	dir := filepath.Join(t.TempDir(), "new")
	c, clock := h.client()
	c.UserAgent = "agent/1"
	require.NoError(t, c.Fetch(t.Context(), dir, []lfs.Object{a, b, a}))
	requireObjects(t, dir, a, b)
	require.Empty(t, clock.slept)

	batches := h.batches()
	require.Len(t, batches, 1)
	require.Equal(t, []string{a.OID, b.OID}, batches[0].oids, "each once, in order")
	require.Equal(t, http.MethodPost, batches[0].method)
	require.Equal(t, "/o/r.git/info/lfs/objects/batch", batches[0].path)
	require.Equal(t, "application/vnd.git-lfs+json", batches[0].header.Get("Accept"))
	require.Equal(t, "application/vnd.git-lfs+json", batches[0].header.Get("Content-Type"))
	require.Equal(t, "agent/1", batches[0].header.Get("User-Agent"))
	require.Len(t, h.downloads(), 2)
	for _, d := range h.downloads() {
		require.Equal(t, "identity", d.header.Get("Accept-Encoding"))
		require.Empty(t, d.header.Get("Authorization"))
		require.Equal(t, "X-Amz-Signature="+canarySignature, d.query)
	}
}

func TestWhatIsThereIsVerifiedAndNotFetched(t *testing.T) {
	h := newHost(t)
	good, short, bent, linked := h.put("good content"), h.put("short content"), h.put("bent content"), h.put("linked content")
	dir := t.TempDir()
	for _, o := range []lfs.Object{good, short, bent} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, o.OID), h.content[o.OID], 0o600))
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, short.OID), []byte("short"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, bent.OID), []byte("BENT content"), 0o600))
	elsewhere := filepath.Join(t.TempDir(), "x")
	require.NoError(t, os.WriteFile(elsewhere, h.content[linked.OID], 0o600))
	require.NoError(t, os.Symlink(elsewhere, filepath.Join(dir, linked.OID)))
	require.NoError(t, os.Symlink(elsewhere, filepath.Join(dir, short.OID+".part")))

	c, _ := h.client()
	all := []lfs.Object{good, short, bent, linked}
	require.NoError(t, c.Fetch(t.Context(), dir, all))
	requireObjects(t, dir, all...)
	require.ElementsMatch(t, []string{short.OID, bent.OID, linked.OID}, h.batches()[0].oids)
	dt, err := os.ReadFile(elsewhere)
	require.NoError(t, err)
	require.Equal(t, "linked content", string(dt), "a link leads nowhere")

	c.Endpoint = func(context.Context) (Endpoint, error) { panic("nothing is missing") }
	require.NoError(t, c.Fetch(t.Context(), dir, all))
	require.Len(t, h.batches(), 1)
}

func TestAWrongObjectDoesNotStayWhereItCanNotBeFetched(t *testing.T) {
	h := newHost(t)
	o := h.put("content")
	delete(h.content, o.OID)
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, o.OID), []byte("CONTENT"), 0o600))
	c, _ := h.client()
	require.Error(t, c.Fetch(t.Context(), dir, []lfs.Object{o}))
	require.Empty(t, files(t, dir))
}

func TestNothingIsWrittenWithoutAsking(t *testing.T) {
	h := newHost(t)
	c, _ := h.client()
	dir := t.TempDir()
	nothing := h.put("")
	require.NoError(t, c.Fetch(t.Context(), dir, []lfs.Object{nothing}))
	requireObjects(t, dir, nothing)
	require.Empty(t, h.all())
}

func TestImpossibleObjectsAreToldWithoutAsking(t *testing.T) {
	h := newHost(t)
	nothing := hex.EncodeToString(sha256.New().Sum(nil))
	for want, objects := range map[string][]lfs.Object{
		"the oid is no sha256":                   {{Pointer: lfs.Pointer{OID: "../../etc/passwd", Size: 1}}},
		"object sha256:ABC: the oid":             {{Pointer: lfs.Pointer{OID: "ABC", Size: 1}}},
		"a/b (sha256:4d7a":                       {{Pointer: lfs.Pointer{OID: oid, Size: -1}, Path: "a/b"}},
		"nothing of 0 bytes has this sha256":     {{Pointer: lfs.Pointer{OID: oid}}},
		"nothing of 5 bytes has this sha256":     {{Pointer: lfs.Pointer{OID: nothing, Size: 5}}},
		"two pointers to it, of 1 and of 2 byte": {{Pointer: lfs.Pointer{OID: oid, Size: 1}}, {Pointer: lfs.Pointer{OID: oid, Size: 2}}},
	} {
		c, _ := h.client()
		dir := t.TempDir()
		require.ErrorContains(t, c.Fetch(t.Context(), dir, objects), want)
		require.Empty(t, files(t, dir))
	}
	require.Empty(t, h.all())
}

func TestManyObjectsAreAskedForByPages(t *testing.T) {
	h := newHost(t)
	var objects []lfs.Object
	for i := range 205 {
		objects = append(objects, h.put("content "+text(i+1)))
	}
	c, _ := h.client()
	dir := t.TempDir()
	require.NoError(t, c.Fetch(t.Context(), dir, objects))
	requireObjects(t, dir, objects...)
	var sizes []int
	for _, b := range h.batches() {
		sizes = append(sizes, len(b.oids))
	}
	require.Equal(t, []int{100, 100, 5}, sizes)
}

func TestAServerThatTakesFewObjectsAtOnceIsAskedForFew(t *testing.T) {
	h := newHost(t)
	var objects []lfs.Object
	for i := range 10 {
		objects = append(objects, h.put("content "+text(i+1)))
	}
	h.batch = func(n int, w http.ResponseWriter, r *http.Request) bool {
		if len(h.batches()[n-1].oids) <= 3 {
			return false
		}
		w.WriteHeader(http.StatusRequestEntityTooLarge)
		return true
	}
	c, _ := h.client()
	dir := t.TempDir()
	require.NoError(t, c.Fetch(t.Context(), dir, objects))
	requireObjects(t, dir, objects...)
}

func TestAllFailuresAreToldInOrderAndNoneHidesAnother(t *testing.T) {
	h := newHost(t)
	first, good, forbidden, last := h.put("first"), h.put("good"), h.put("forbidden"), h.put("last")
	delete(h.content, first.OID)
	delete(h.content, last.OID)
	h.edit = func(oid string, object map[string]any) {
		if oid == forbidden.OID {
			object["error"] = map[string]any{"code": 403, "message": "not for you"}
		}
	}
	c, _ := h.client()
	dir := t.TempDir()
	err := c.Fetch(t.Context(), dir, []lfs.Object{first, good, forbidden, last})
	requireObjects(t, dir, good)
	all := failures(t, err)
	require.Len(t, all, 3)
	require.Equal(t, []string{first.OID, forbidden.OID, last.OID}, []string{all[0].OID, all[1].OID, all[2].OID})
	require.Equal(t, []Kind{NotFound, Forbidden, NotFound}, []Kind{all[0].Kind, all[1].Kind, all[2].Kind})
	require.Equal(t, first.Path, all[0].Path)
	require.Equal(t, 404, all[0].Status)
	require.ErrorContains(t, err, "3 LFS objects failed:\n- "+first.Path+" (sha256:"+first.OID+"): not found (404 from "+h.URL+`/o/r.git/info/lfs/objects/batch): "Object does not exist"`)
	require.ErrorContains(t, err, `"not for you"`)
}

func TestOneReasonForAllIsToldOnce(t *testing.T) {
	h := newHost(t)
	var objects []lfs.Object
	for i := range 150 {
		objects = append(objects, h.put("content "+text(i+1)))
	}
	h.batch = func(_ int, w http.ResponseWriter, r *http.Request) bool {
		w.WriteHeader(http.StatusUnauthorized)
		return true
	}
	c, _ := h.client()
	c.Hint = func(*url.URL) string { return "pass a token" }
	e := onlyFailure(t, c.Fetch(t.Context(), t.TempDir(), objects))
	require.Equal(t, Unauthorized, e.Kind)
	require.Equal(t, 150, e.Objects)
	require.Equal(t, "150 objects: unauthorized (401 from "+h.URL+"/o/r.git/info/lfs/objects/batch): pass a token", e.Error())
	require.Len(t, h.batches(), 1)

	e = onlyFailure(t, c.Fetch(t.Context(), t.TempDir(), objects[:1]))
	require.Equal(t, objects[0].OID, e.OID)
}

func TestALongListIsCut(t *testing.T) {
	h := newHost(t)
	var objects []lfs.Object
	for i := range 30 {
		objects = append(objects, h.put("content "+text(i+1)))
	}
	clear(h.content)
	c, _ := h.client()
	err := c.Fetch(t.Context(), t.TempDir(), objects)
	require.Len(t, failures(t, err), 30)
	require.Len(t, strings.Split(err.Error(), "\n"), 12)
	require.ErrorContains(t, err, "and 20 more")
}

func TestACanceledFetchEndsAtOnce(t *testing.T) {
	h := newHost(t)
	o := h.put(text(1000))
	started := make(chan struct{})
	release := make(chan struct{})
	defer close(release)
	h.object = func(_ int, w http.ResponseWriter, r *http.Request) bool {
		w.Header().Set("Content-Length", "1000")
		w.Write(h.content[o.OID][:400])
		w.(http.Flusher).Flush()
		close(started)
		select {
		case <-r.Context().Done():
		case <-release:
		}
		return true
	}
	ctx, cancel := context.WithCancel(t.Context())
	dir := t.TempDir()
	go func() {
		<-started
		for ctx.Err() == nil {
			if part, err := os.Stat(filepath.Join(dir, o.OID+".part")); err == nil && part.Size() == 400 {
				cancel()
			}
			time.Sleep(time.Millisecond)
		}
	}()
	c, _ := h.client()
	err := c.Fetch(ctx, dir, []lfs.Object{o})
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, []string{o.OID + ".part"}, files(t, dir), "what has arrived is kept")

	h.object = nil
	require.NoError(t, c.Fetch(t.Context(), dir, []lfs.Object{o}))
	requireObjects(t, dir, o)
	require.Equal(t, "bytes=400-", h.downloads()[1].header.Get("Range"))
}

func TestACancelEndsAPause(t *testing.T) {
	h := newHost(t)
	o := h.put("content")
	ctx, cancel := context.WithCancel(t.Context())
	h.batch = func(_ int, w http.ResponseWriter, r *http.Request) bool {
		w.Header().Set("Retry-After", "50")
		w.WriteHeader(503)
		return true
	}
	c, _ := h.client()
	c.Clock = canceledSleeper{cancel: cancel}
	require.ErrorIs(t, c.Fetch(ctx, t.TempDir(), []lfs.Object{o}), context.Canceled)
	require.Len(t, h.batches(), 1)
}

// canceledSleeper is the real clock, on which a pause is canceled as it begins. One that goes on all the same never ends.
type canceledSleeper struct {
	wallClock
	cancel func()
}

func (s canceledSleeper) Sleep(ctx context.Context, _ time.Duration) error {
	s.cancel()
	return s.wallClock.Sleep(ctx, math.MaxInt64)
}

func TestManyAtOnceInOneFolderFetchAnObjectOnce(t *testing.T) {
	h := newHost(t)
	objects := []lfs.Object{h.put(text(100_000)), h.put(text(1000)), h.put(text(50))}
	h.object = func(int, http.ResponseWriter, *http.Request) bool {
		time.Sleep(20 * time.Millisecond)
		return false
	}
	dir := t.TempDir()
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() {
			c, _ := h.client()
			assert.NoError(t, c.Fetch(t.Context(), dir, objects))
		})
	}
	wg.Wait()
	requireObjects(t, dir, objects...)
	require.Len(t, h.downloads(), 3)
}

func TestWhoWaitsTakesOverFromOneThatFails(t *testing.T) {
	h := newHost(t)
	o := h.put(text(1000))
	h.object = func(n int, w http.ResponseWriter, r *http.Request) bool {
		if n > 1 {
			return false
		}
		time.Sleep(100 * time.Millisecond)
		w.WriteHeader(http.StatusTeapot)
		return true
	}
	dir := t.TempDir()
	var wg sync.WaitGroup
	errs := make([]error, 5)
	for i := range errs {
		wg.Go(func() {
			c, _ := h.client()
			errs[i] = c.Fetch(t.Context(), dir, []lfs.Object{o})
		})
	}
	wg.Wait()
	failed := 0
	for _, err := range errs {
		if err != nil {
			failed++
		}
	}
	require.Equal(t, 1, failed)
	requireObjects(t, dir, o)
	require.Len(t, h.downloads(), 2)
}

func TestWaitingForAnotherProcessCanBeCanceled(t *testing.T) {
	h := newHost(t)
	o := h.put("content")
	dir := t.TempDir()
	held, err := acquirePart(t.Context(), dir, o.Pointer, time.Minute)
	require.NoError(t, err)
	defer held.release(true)
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	c, _ := h.client()
	require.ErrorIs(t, c.Fetch(ctx, dir, []lfs.Object{o}), context.DeadlineExceeded)
}

func TestProgressIsReported(t *testing.T) {
	h := newHost(t)
	o := h.put(text(200_000))
	c, _ := h.client()
	c.Clock = &tickingClock{}
	var all []Progress
	c.OnProgress = func(p Progress) { all = append(all, p) }
	dir := t.TempDir()
	require.NoError(t, c.Fetch(t.Context(), dir, []lfs.Object{o}))
	require.Greater(t, len(all), 2)
	for i, p := range all {
		require.Equal(t, o, p.Object)
		require.LessOrEqual(t, p.Bytes, o.Size)
		require.Equal(t, i == len(all)-1, p.Complete)
		require.Positive(t, p.Rate)
	}
	last := all[len(all)-1]
	require.Equal(t, o.Size, last.Bytes)
	require.False(t, last.Found)

	all = nil
	require.NoError(t, c.Fetch(t.Context(), dir, []lfs.Object{o}))
	require.Len(t, all, 1)
	require.True(t, all[0].Found && all[0].Complete)
}

// tickingClock goes on by a second whenever it is looked at.
type tickingClock struct{ fakeClock }

func (c *tickingClock) Now() time.Time {
	c.Sleep(context.Background(), time.Second)
	return c.fakeClock.Now()
}

func TestAFolderThatCanNotBeWrittenToIsToldAsThat(t *testing.T) {
	h := newHost(t)
	o := h.put("content")
	dir := t.TempDir()
	c, _ := h.client()
	file := filepath.Join(dir, "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	err := c.Fetch(t.Context(), file, []lfs.Object{o})
	require.ErrorContains(t, err, "folder of LFS objects")
	require.False(t, errors.As(err, new(*ObjectsError)))
}

func TestNothingStaysBehindInTheProcess(t *testing.T) {
	h := newHost(t)
	good, cut, missing := h.put(text(1000)), h.put(text(2000)), h.put("missing")
	delete(h.content, missing.OID)
	h.object = func(n int, w http.ResponseWriter, r *http.Request) bool {
		return strings.HasSuffix(r.URL.Path, cut.OID) && cutAt(w, r, h.content[cut.OID], 100)
	}
	before := runtime.NumGoroutine()
	for range 3 {
		c, _ := h.client()
		c.Transport = nil
		require.Len(t, failures(t, c.Fetch(t.Context(), t.TempDir(), []lfs.Object{good, cut, missing})), 2)
		require.NoError(t, c.Fetch(t.Context(), t.TempDir(), []lfs.Object{good}))
	}
	for deadline := time.Now().Add(time.Minute); runtime.NumGoroutine() > before && time.Now().Before(deadline); {
		time.Sleep(10 * time.Millisecond)
	}
	require.LessOrEqual(t, runtime.NumGoroutine(), before)
}

func TestTheRealClockSleeps(t *testing.T) {
	begin := wallClock{}.Now()
	require.NoError(t, wallClock{}.Sleep(t.Context(), 20*time.Millisecond))
	require.GreaterOrEqual(t, time.Since(begin), 20*time.Millisecond)
}
