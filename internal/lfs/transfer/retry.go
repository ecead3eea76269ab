package transfer

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/pkg/errors"
)

// retryAction is what to do about an attempt that failed.
type retryAction int

const (
	noRetry         retryAction = iota
	retryLater                  // after a while
	refreshAction               // with a new answer of the batch API: a signature may have ended
	restartDownload             // at once, from the first byte: the server won't go on from where it stopped
)

// failure is an attempt that failed. It is not an error by itself, lest a nil one becomes one that isn't.
type failure struct {
	*Error
	retry      retryAction
	retryAfter time.Duration // that the server asks to wait; 0: it doesn't say
}

// minProgress is how many new bytes make an attempt one that got somewhere.
const minProgress = 1 << 20

// retryCounter counts attempts, and waits between them.
type retryCounter struct {
	session         *session
	attempts        int   // with less than enough new bytes
	stalledAttempts int   // in a row without a new byte
	maxOffset       int64 // furthest byte so far
}

// wait returns when it is time to try again, or the reason why there is no other attempt. The further an attempt got
// than any before, the longer there will be others: the object has an end.
func (p *retryCounter) wait(ctx context.Context, f *failure, offset int64) *failure {
	newBytes := max(0, offset-p.maxOffset)
	p.maxOffset += newBytes
	if newBytes < minProgress {
		p.attempts++
	}
	p.stalledAttempts++
	if newBytes > 0 {
		p.stalledAttempts = 0
	}
	limits := p.session.limits
	if p.stalledAttempts >= limits.MaxAttempts || p.attempts >= 4*limits.MaxAttempts || p.session.tooManyFailures(newBytes > 0) {
		return f
	}
	delay := min(limits.MaxRetryDelay, time.Second<<min(max(p.stalledAttempts, 1)-1, 16))
	if f.retryAfter > limits.MaxRetryDelay {
		f.Err = errors.Errorf("%s: the server asks to wait %s", f.reason(), f.retryAfter.Round(time.Second))
		return f
	}
	if f.retryAfter > 0 {
		delay = f.retryAfter
	}
	if err := p.session.clock.Sleep(ctx, delay); err != nil {
		return p.session.canceledFailure(err)
	}
	return nil
}

// tooManyFailures reports when all objects together have failed so often in a row that no server will get better by being asked
// more: then each of the others has one attempt.
func (s *session) tooManyFailures(progress bool) bool {
	if progress {
		s.stalledAttempts.Store(0)
		return false
	}
	return int(s.stalledAttempts.Add(1)) > s.limits.MaxAttempts*s.limits.ConcurrentTransfers
}

// parseRetryAfter reads the header Retry-After: seconds, or a date.
func parseRetryAfter(h http.Header, now time.Time) time.Duration {
	value := h.Get("Retry-After")
	if seconds, err := strconv.ParseUint(value, 10, 64); err == nil || errors.Is(err, strconv.ErrRange) {
		return time.Duration(min(seconds, 1<<31)) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(0, at.Sub(now))
	}
	return 0
}
