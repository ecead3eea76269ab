package transfer

import (
	"context"
	"net/url"

	"lambdabase/internal/lfs"

	"github.com/pkg/errors"
)

// download is one object on its way.
type download struct {
	*session
	object      lfs.Object
	part        *part
	meter       *meter
	retries     *retryCounter
	transfer    *transfer // nil: the server is to be asked again
	etag        string    // of what the part began with
	resumed     bool      // the part began in an earlier process: nobody knows any more who sent it
	noRange     bool      // the server doesn't go on from the middle
	needsAuth   bool      // the server wants to know who asks
	mismatches  int       // times that another content came
	refreshedAt int64     // furthest byte when a refusal had the server asked again; -1: never
}

// maxMismatches is how often another content may come. A cache in between may have kept it, but it won't get better.
const maxMismatches = 2

// downloadObject gets an object, or finds that another process did.
func (s *session) downloadObject(ctx context.Context, o lfs.Object, first *transfer) *failure {
	p, err := acquirePart(ctx, s.dir, o.Pointer, s.limits.LockTimeout)
	if err != nil {
		return s.diskFailure(ctx, err)
	}
	m := s.newMeter(o)
	if p == nil {
		m.complete(true)
		return nil
	}
	d := &download{session: s, object: o, part: p, meter: m, retries: s.newRetryCounter(), transfer: first, resumed: p.size > 0, refreshedAt: -1}
	d.retries.maxOffset = p.size
	f := d.run(ctx)
	p.release(f != nil && f.Kind == Disk)
	if f == nil {
		m.complete(false)
	}
	return f
}

// diskFailure is a failure of this machine.
func (s *session) diskFailure(ctx context.Context, err error) *failure {
	if ctx.Err() != nil {
		return s.canceledFailure(context.Cause(ctx))
	}
	return s.newFailure(Disk, nil, err)
}

// run makes attempts until one succeeds or no other is worth it.
func (d *download) run(ctx context.Context) *failure {
	for {
		f := d.attempt(ctx)
		if f == nil {
			d.stalledAttempts.Store(0)
			return nil
		}
		switch f.retry {
		case noRetry:
			return f
		case refreshAction:
			if d.refreshedAt >= d.retries.maxOffset {
				return f
			}
			d.refreshedAt, d.transfer = d.retries.maxOffset, nil
		case retryLater:
			if f := d.retries.wait(ctx, f, d.part.size); f != nil {
				return f
			}
		}
	}
}

func (d *download) attempt(ctx context.Context) *failure {
	if d.part.size == d.object.Size {
		return d.verify(ctx)
	}
	if d.part.size > d.object.Size {
		return d.startOver(ctx)
	}
	if f := d.ensureAction(ctx); f != nil {
		return f
	}
	switch t := d.transfer; {
	case t.err != nil:
		return d.newFailure(Protocol, t.server.batchURL, t.err)
	case t.objectErr != nil:
		d.transfer = nil
		return d.classify(*t.objectErr, nil, t.server.batchURL, t.server.credential)
	case d.isExpired(t.action.expires):
		f := d.newFailure(Protocol, t.server.batchURL, errors.New("the download that the server offers has ended already: is the clock of this machine right"))
		f.retry = retryLater
		return f
	}
	return d.get(ctx)
}

// ensureAction makes sure that there is an action that has not ended, if the server has one.
func (d *download) ensureAction(ctx context.Context) *failure {
	if d.transfer != nil && !d.isExpired(d.transfer.action.expires) {
		return nil
	}
	transfers, f := d.session.batchWithRetry(ctx, []lfs.Object{d.object})
	if f != nil {
		f.retry = noRetry // it was tried often enough
		return f
	}
	o := transfers[d.object.OID]
	d.transfer = &o
	return nil
}

// url is where the object is asked for.
func (d *download) url() *url.URL {
	if d.transfer == nil {
		return nil
	}
	return d.transfer.action.url
}

// startOver throws away what has arrived.
func (d *download) startOver(ctx context.Context) *failure {
	if d.resumed {
		// What others left says nothing about how far this server got.
		d.resumed, d.retries.maxOffset = false, 0
	}
	d.etag = ""
	if err := d.part.reset(); err != nil {
		return d.diskFailure(ctx, err)
	}
	return &failure{retry: restartDownload}
}

// verify makes the object of the part, if it is that.
func (d *download) verify(ctx context.Context) *failure {
	if sum := d.part.sum(); sum != d.object.OID {
		if d.resumed {
			return d.startOver(ctx)
		}
		return d.mismatch(ctx, d.part.head(), errors.Errorf("the server sent something else: sha256:%s, %d bytes", sum, d.part.size))
	}
	if err := d.part.commit(); err != nil {
		return d.diskFailure(ctx, unusable(ctx, err))
	}
	return nil
}

// mismatch is the failure of a response that can't become the object, and what it begins with.
func (d *download) mismatch(ctx context.Context, head []byte, reason error) *failure {
	if f := d.startOver(ctx); f.retry != restartDownload {
		return f
	}
	message := ""
	if what := sniffFormat(head); what != "" {
		reason, message = errors.Errorf("%s, %s", reason, what), d.sanitize(excerpt(head))
	}
	f := d.newFailure(Corrupted, d.url(), reason)
	f.Message = message
	if d.mismatches++; d.mismatches < maxMismatches {
		f.retry = retryLater
	}
	return f
}

// tooLong is the mismatch of a response that is longer than the object, which doesn't pass: it isn't asked for again.
func (d *download) tooLong(ctx context.Context, head []byte, reason error) *failure {
	f := d.mismatch(ctx, head, reason)
	f.retry = noRetry
	return f
}
