package transfer

import (
	"context"
	"sync"

	"lambdabase/internal/lfs"

	"golang.org/x/sync/semaphore"
)

// Answers are what a server said of objects that nobody has fetched yet: of several calls of Fetch, each of an object of its own,
// the first asks for what the others will want, by one request.
type Answers struct {
	wanted func() []lfs.Object
	turn   *semaphore.Weighted // of who asks; the rest is guarded by it

	transfers map[string]transfer // by oid, until they are used
	asked     map[string]bool     // by oid

	mu     sync.Mutex
	rounds int // that failed
	failed *failure
}

// NewAnswers returns none. wanted are the objects that may be fetched, as far as they are known by then.
func NewAnswers(wanted func() []lfs.Object) *Answers {
	return &Answers{wanted: wanted, turn: semaphore.NewWeighted(1), transfers: map[string]transfer{}, asked: map[string]bool{}}
}

// ask has the server say where each of the objects is, unless it did so when others were asked for.
func (s *session) ask(ctx context.Context, objects []lfs.Object) (map[string]transfer, *failure) {
	if s.Answers == nil {
		return s.batchWithRetry(ctx, objects)
	}
	return s.Answers.get(ctx, s, objects)
}

// get has those fail with the one that asks which waited for it: the server would say the same to them.
func (a *Answers) get(ctx context.Context, s *session, objects []lfs.Object) (map[string]transfer, *failure) {
	before, _ := a.lastFailure()
	if err := a.turn.Acquire(ctx, 1); err != nil {
		return nil, s.canceledFailure(context.Cause(ctx))
	}
	defer a.turn.Release(1)
	if found := a.take(objects); found != nil {
		s.hideCredentials(found)
		return found, nil
	}
	if rounds, failed := a.lastFailure(); rounds > before {
		return nil, failed.copy()
	}
	transfers, f := s.batchWithRetry(ctx, a.withOthers(objects))
	if f != nil {
		if ctx.Err() == nil {
			a.fail(f.copy())
		}
		return nil, f
	}
	for oid, t := range transfers {
		a.transfers[oid], a.asked[oid] = t, true
	}
	return a.take(objects), nil
}

// take returns the answers for the objects, each of which is good for one download; nil where one is missing.
func (a *Answers) take(objects []lfs.Object) map[string]transfer {
	found := map[string]transfer{}
	for _, o := range objects {
		t, ok := a.transfers[o.OID]
		if !ok {
			return nil
		}
		found[o.OID] = t
	}
	for oid := range found {
		delete(a.transfers, oid)
	}
	return found
}

// withOthers adds what nobody has asked for yet, as far as one request takes it.
func (a *Answers) withOthers(objects []lfs.Object) []lfs.Object {
	all, chosen := []lfs.Object{}, map[string]bool{}
	for _, o := range objects {
		all, chosen[o.OID] = append(all, o), true
	}
	for _, o := range a.wanted() {
		if len(all) < batchSize && !chosen[o.OID] && !a.asked[o.OID] && o.Size > 0 && validateObject(o) == nil {
			all, chosen[o.OID] = append(all, o), true
		}
	}
	return all
}

func (a *Answers) lastFailure() (rounds int, failed *failure) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.rounds, a.failed
}

func (a *Answers) fail(f *failure) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.rounds, a.failed = a.rounds+1, f
}

// copy is for another object, whose name gets into it.
func (f *failure) copy() *failure {
	c, e := *f, *f.Error
	c.Error = &e
	return &c
}

// hideCredentials keeps what another call was let in with out of this one's errors.
func (s *session) hideCredentials(transfers map[string]transfer) {
	for _, t := range transfers {
		s.secrets.addHeader(t.server.authHeader, userCredential)
	}
}
