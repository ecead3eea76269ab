package sandbox

import (
	"testing"
	"time"
)

// WaitTimeout ends what is hopeless: on a busy machine all takes many times as long as on one that isn't.
const WaitTimeout = 3 * time.Minute

const tick = 10 * time.Millisecond

// Wait waits for a condition, whose name stands in the failure.
func Wait(t testing.TB, condition func() bool, what string) {
	t.Helper()
	if !reached(condition) {
		t.Fatalf("waited %s for: %s", WaitTimeout, what)
	}
}

// reached tells whether a condition has come true in time.
func reached(condition func() bool) bool {
	for deadline := time.Now().Add(WaitTimeout); !condition(); time.Sleep(tick) {
		if time.Now().After(deadline) {
			return false
		}
	}
	return true
}
