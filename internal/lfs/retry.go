package lfs

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/pkg/errors"
)

// fate is what to do about an attempt that failed.
type fate int

const (
	final   fate = iota
	again        // after a while
	renew        // with a new answer of the batch API: a signature may have ended
	restart      // at once, from the first byte: the server won't go on from where it stopped
)

// failure is an attempt that failed. It is not an error by itself, lest a nil one becomes one that isn't.
type failure struct {
	*Error
	fate  fate
	after time.Duration // that the server asks to wait; 0: it doesn't say
}

// enough is how many new bytes make an attempt one that got somewhere.
const enough = 1 << 20

// patience counts attempts, and waits between them.
type patience struct {
	session *session
	tries   int   // with less than enough new bytes
	barren  int   // in a row without a new byte
	reached int64 // furthest byte so far
}

// wait returns when it is time to try again, or the reason why there is no other attempt. The further an attempt got
// than any before, the longer there will be others: the object has an end.
func (p *patience) wait(ctx context.Context, f *failure, reached int64) *failure {
	fresh := max(0, reached-p.reached)
	p.reached += fresh
	if fresh < enough {
		p.tries++
	}
	p.barren++
	if fresh > 0 {
		p.barren = 0
	}
	limits := p.session.limits
	if p.barren >= limits.MaxAttempts || p.tries >= 4*limits.MaxAttempts || p.session.hopeless(fresh > 0) {
		return f
	}
	pause := min(limits.MaxRetryDelay, time.Second<<min(max(p.barren, 1)-1, 16))
	if f.after > limits.MaxRetryDelay {
		f.Err = errors.Errorf("%s: the server asks to wait %s", f.what(), f.after.Round(time.Second))
		return f
	}
	if f.after > 0 {
		pause = f.after
	}
	if err := p.session.clock.Sleep(ctx, pause); err != nil {
		return p.session.ended(err)
	}
	return nil
}

// hopeless tells when all objects together have failed so often in a row that no server will get better by being asked
// more: then each of the others has one attempt.
func (s *session) hopeless(progress bool) bool {
	if progress {
		s.barren.Store(0)
		return false
	}
	return int(s.barren.Add(1)) > s.limits.MaxAttempts*s.limits.ConcurrentTransfers
}

// retryAfter reads the header of that name: seconds, or a date.
func retryAfter(h http.Header, now time.Time) time.Duration {
	value := h.Get("Retry-After")
	if seconds, err := strconv.ParseUint(value, 10, 64); err == nil || errors.Is(err, strconv.ErrRange) {
		return time.Duration(min(seconds, 1<<31)) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(0, at.Sub(now))
	}
	return 0
}
