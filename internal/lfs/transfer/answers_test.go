package transfer

import (
	"context"
	"io"
	"net/http"
	"sync"
	"testing"

	"lambdabase/internal/lfs"

	"github.com/stretchr/testify/require"
)

// withAnswers is a client for one of several calls that share what the server says of all the objects.
func withAnswers(h *fakeHost, a *Answers) *Client {
	c, _ := h.client()
	c.Answers = a
	return withToken(c, h)
}

func TestTheFirstCallAsksForWhatTheOthersWant(t *testing.T) {
	h := newHost(t)
	objects := []lfs.Object{h.put("one"), h.put("two"), h.put("three")}
	nothing, gone := h.put(""), h.put("gone")
	delete(h.content, gone.OID)
	asked := 0
	a := NewAnswers(func() []lfs.Object {
		return append(objects, nothing, gone, lfs.Object{Pointer: lfs.Pointer{OID: "..", Size: 1}})
	})
	dir := t.TempDir()
	for _, o := range objects {
		c := withAnswers(h, a)
		endpoint := c.Endpoint
		c.Endpoint = func(ctx context.Context) (Endpoint, error) { asked++; return endpoint(ctx) }
		require.NoError(t, c.Fetch(t.Context(), dir, []lfs.Object{o}))
	}
	requireObjects(t, dir, objects...)
	require.Len(t, h.batches(), 1)
	require.Equal(t, 1, asked, "an endpoint over SSH is a login each time")
	require.ElementsMatch(t, []string{objects[0].OID, objects[1].OID, objects[2].OID, gone.OID}, h.batches()[0].oids)
	require.ErrorContains(t, withAnswers(h, a).Fetch(t.Context(), dir, []lfs.Object{gone}), "Object does not exist")

	later := h.put("later")
	objects = append(objects, later)
	require.NoError(t, withAnswers(h, a).Fetch(t.Context(), dir, []lfs.Object{later}))
	require.Equal(t, []string{later.OID}, h.batches()[len(h.batches())-1].oids, "no object is asked for twice for another's sake")
}

func TestAnAnswerThatHasEndedIsAskedForAnew(t *testing.T) {
	h := newHost(t)
	one, two := h.put("one"), h.put("two")
	h.edit = func(_ string, object map[string]any) {
		if len(h.batches()) == 1 {
			object["actions"].(map[string]any)["download"].(map[string]any)["expires_in"] = 1
		}
	}
	a := NewAnswers(func() []lfs.Object { return []lfs.Object{one, two} })
	c := withAnswers(h, a)
	_, f := a.get(t.Context(), c.newSession("", nil), []lfs.Object{one})
	require.Nil(t, f)
	require.NoError(t, c.Fetch(t.Context(), t.TempDir(), []lfs.Object{two}))
	require.Equal(t, []string{two.OID}, h.batches()[1].oids)
}

// Of calls at once, those that wait for the first one's request fail as it does; a later one tries.
func TestWhoWaitsForAnAnswerFailsWithIt(t *testing.T) {
	h := newHost(t)
	objects := []lfs.Object{h.put("one"), h.put("two"), h.put("three")}
	answer := make(chan struct{})
	h.batch = func(_ int, w http.ResponseWriter, _ *http.Request) bool {
		<-answer
		w.WriteHeader(http.StatusForbidden)
		io.WriteString(w, `{"message":"no such thing"}`)
		return true
	}
	a, dir := NewAnswers(func() []lfs.Object { return objects }), t.TempDir()
	var wg sync.WaitGroup
	for i, o := range objects {
		begun := make(chan struct{})
		c := withAnswers(h, a)
		wg.Go(func() {
			s := c.newSession(dir, nil)
			close(begun)
			_, f := a.get(t.Context(), s, []lfs.Object{o})
			if f == nil || f.Status != http.StatusForbidden {
				t.Errorf("object %d: %v", i, f)
			}
		})
		<-begun
	}
	close(answer)
	wg.Wait()
	failed := len(h.batches())
	h.batch = nil
	require.LessOrEqual(t, failed, len(objects))
	require.NoError(t, withAnswers(h, a).Fetch(t.Context(), dir, objects[:1]))
	require.NoError(t, withAnswers(h, a).Fetch(t.Context(), dir, objects[1:2]))
	require.Len(t, h.batches(), failed+1)
}

func TestACallThatIsCanceledLeavesTheAskingToTheNext(t *testing.T) {
	h := newHost(t)
	one, two := h.put("one"), h.put("two")
	asked := make(chan struct{}, 2)
	h.batch = func(n int, _ http.ResponseWriter, r *http.Request) bool {
		asked <- struct{}{}
		if n == 1 {
			<-r.Context().Done()
		}
		return n == 1
	}
	a, dir := NewAnswers(func() []lfs.Object { return []lfs.Object{one, two} }), t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	first := make(chan error, 1)
	go func() { first <- withAnswers(h, a).Fetch(ctx, dir, []lfs.Object{one}) }()
	<-asked
	second := make(chan error, 1)
	go func() { second <- withAnswers(h, a).Fetch(t.Context(), dir, []lfs.Object{two}) }()
	cancel()
	require.ErrorIs(t, <-first, context.Canceled)
	require.NoError(t, <-second)
	waiting, stop := context.WithCancel(t.Context())
	require.NoError(t, a.turn.Acquire(t.Context(), 1))
	stop()
	require.ErrorIs(t, withAnswers(h, a).Fetch(waiting, dir, []lfs.Object{one}), context.Canceled)
}

// What one call was let in with is in no error of another that goes on with its answer.
func TestNoErrorTellsASecretOfAnotherCall(t *testing.T) {
	h := newHost(t)
	one, two := h.put("one"), h.put("two")
	h.object = func(_ int, w http.ResponseWriter, _ *http.Request) bool {
		w.WriteHeader(http.StatusUnprocessableEntity)
		io.WriteString(w, `{"message":"you are `+canarySecret+`"}`)
		return true
	}
	a := NewAnswers(func() []lfs.Object { return []lfs.Object{one, two} })
	for _, o := range []lfs.Object{one, two} {
		c := withAnswers(h, a)
		c.Authorization, c.Endpoint = nil, func(context.Context) (Endpoint, error) {
			return Endpoint{URL: h.URL + "/o/r.git/info/lfs", Header: map[string]string{"Authorization": "Bearer " + canarySecret}}, nil
		}
		err := c.Fetch(t.Context(), t.TempDir(), []lfs.Object{o})
		require.ErrorContains(t, err, "you are ***")
		require.NotContains(t, err.Error(), canarySecret)
	}
	require.Len(t, h.batches(), 1)
}
