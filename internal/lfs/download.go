package lfs

import (
	"context"
	"net/url"

	"github.com/pkg/errors"
)

// download is one object on its way.
type download struct {
	*session
	object    Object
	part      *part
	meter     *meter
	patience  *patience
	offer     *offer // nil: the server is to be asked again
	etag      string // of what the part began with
	inherited bool   // the part began in an earlier process: nobody knows any more who sent it
	whole     bool   // the server doesn't go on from the middle
	login     bool   // the server wants to know who asks
	wrongs    int    // times that another content came
	renewed   int64  // furthest byte when a refusal had the server asked again; -1: never
}

// maxWrongs is how often another content may come. A cache in between may have kept it, but it won't get better.
const maxWrongs = 2

// download gets an object, or finds that another process did.
func (s *session) download(ctx context.Context, o Object, first *offer) *failure {
	held, err := hold(ctx, s.dir, o.Pointer, s.limits.LockTimeout)
	if err != nil {
		return s.disk(ctx, err)
	}
	m := s.meter(o)
	if held == nil {
		m.complete(true)
		return nil
	}
	d := &download{session: s, object: o, part: held, meter: m, patience: s.patience(), offer: first, inherited: held.size > 0, renewed: -1}
	d.patience.reached = held.size
	f := d.run(ctx)
	held.release(f != nil && f.Kind == Disk)
	if f == nil {
		m.complete(false)
	}
	return f
}

// disk is a failure of this machine.
func (s *session) disk(ctx context.Context, err error) *failure {
	if ctx.Err() != nil {
		return s.ended(context.Cause(ctx))
	}
	return s.fail(Disk, nil, err)
}

// run makes attempts until one succeeds or no other is worth it.
func (d *download) run(ctx context.Context) *failure {
	for {
		f := d.attempt(ctx)
		if f == nil {
			d.barren.Store(0)
			return nil
		}
		switch f.fate {
		case final:
			return f
		case renew:
			if d.renewed >= d.patience.reached {
				return f
			}
			d.renewed, d.offer = d.patience.reached, nil
		case again:
			if f := d.patience.wait(ctx, f, d.part.size); f != nil {
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
	if f := d.ask(ctx); f != nil {
		return f
	}
	switch o := d.offer; {
	case o.fault != nil:
		return d.fail(Protocol, o.from.batch, o.fault)
	case o.refused != nil:
		d.offer = nil
		return d.refused(*o.refused, nil, o.from.batch, o.from.carried)
	case d.expired(o.action.expires):
		f := d.fail(Protocol, o.from.batch, errors.New("the download that the server offers has ended already: is the clock of this machine right"))
		f.fate = again
		return f
	}
	return d.get(ctx)
}

// ask makes sure that there is an offer that has not ended, if the server has one.
func (d *download) ask(ctx context.Context) *failure {
	if d.offer != nil && !d.expired(d.offer.action.expires) {
		return nil
	}
	offers, f := d.session.ask(ctx, []Object{d.object})
	if f != nil {
		f.fate = final // it was tried often enough
		return f
	}
	o := offers[d.object.OID]
	d.offer = &o
	return nil
}

// where the object is asked for.
func (d *download) where() *url.URL {
	if d.offer == nil {
		return nil
	}
	return d.offer.action.url
}

// startOver throws away what has arrived.
func (d *download) startOver(ctx context.Context) *failure {
	if d.inherited {
		// What others left says nothing about how far this server got.
		d.inherited, d.patience.reached = false, 0
	}
	d.etag = ""
	if err := d.part.reset(); err != nil {
		return d.disk(ctx, err)
	}
	return &failure{fate: restart}
}

// verify makes the object of the part, if it is that.
func (d *download) verify(ctx context.Context) *failure {
	if sum := d.part.sum(); sum != d.object.OID {
		if d.inherited {
			return d.startOver(ctx)
		}
		return d.wrong(ctx, d.part.begin(), errors.Errorf("the server sent something else: sha256:%s, %d bytes", sum, d.part.size))
	}
	if err := d.part.commit(); err != nil {
		return d.disk(ctx, unusable(ctx, err))
	}
	return nil
}

// wrong is an answer that can't become the object, and what it begins with.
func (d *download) wrong(ctx context.Context, begin []byte, reason error) *failure {
	if f := d.startOver(ctx); f.fate != restart {
		return f
	}
	message := ""
	if what := form(begin); what != "" {
		reason, message = errors.Errorf("%s, %s", reason, what), d.message(excerpt(begin))
	}
	f := d.fail(Corrupted, d.where(), reason)
	f.Message = message
	if d.wrongs++; d.wrongs < maxWrongs {
		f.fate = again
	}
	return f
}
