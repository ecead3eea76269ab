package faults

import "sync"

// active are the faults in force, the latest first: a fault for one object may be put on top of one for all.
type active[T any] struct {
	mu     sync.Mutex
	faults []*counted[T]
}

type counted[T any] struct {
	fault       T
	times, left int
}

// inject puts a fault in force, so many times or always.
func (a *active[T]) inject(fault T, times int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.faults = append([]*counted[T]{{fault, times, times}}, a.faults...)
}

func (a *active[T]) clear() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.faults = nil
}

// take is the latest fault that matches, and uses it up by one.
func (a *active[T]) take(match func(T) bool) (fault T, found bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, c := range a.faults {
		if match(c.fault) && (c.times == 0 || c.left > 0) {
			c.left--
			return c.fault, true
		}
	}
	return fault, false
}
