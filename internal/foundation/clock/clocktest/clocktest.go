// Package clocktest is a clock for tests that stands still until it is moved.
package clocktest

import (
	"sync"
	"time"
)

// Fake stands still at a time until Advance or Set moves it.
type Fake struct {
	mu  sync.Mutex
	now time.Time
}

// New returns a clock that stands at t.
func New(t time.Time) *Fake { return &Fake{now: t.UTC()} }

// Now returns the time at which the clock stands.
func (f *Fake) Now() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.now
}

// Advance moves the clock by d.
func (f *Fake) Advance(d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.now = f.now.Add(d)
}

// Set moves the clock to t, also backwards.
func (f *Fake) Set(t time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.now = t.UTC()
}
