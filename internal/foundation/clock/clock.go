// Package clock is the only place that reads the time of day.
//
// Everything that needs the time takes a [Clock], so that tests and the demo can
// wind it. Times are UTC; the database stores them as microseconds since 1970.
package clock

import (
	"sync/atomic"
	"time"
)

// Clock tells the time. Implementations are safe for concurrent use.
type Clock interface {
	// Now returns the current time in UTC, without a monotonic reading.
	Now() time.Time
}

// System is the machine's clock.
type System struct{}

// Now returns the machine's time in UTC, cut to microseconds.
func (System) Now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

// Wound is the machine's clock moved by an offset that may be changed, as the
// demo does to live through three days in a minute.
type Wound struct{ offset atomic.Int64 }

// Now returns the machine's time plus the offset.
func (w *Wound) Now() time.Time {
	return System{}.Now().Add(time.Duration(w.offset.Load()))
}

// Set moves the clock so that it reads t now and runs on from there.
func (w *Wound) Set(t time.Time) { w.offset.Store(int64(t.Sub(System{}.Now()))) }

// Micros is t as the database stores it: microseconds since 1970, UTC.
func Micros(t time.Time) int64 { return t.UnixMicro() }

// FromMicros is the inverse of [Micros]; zero becomes the zero time.
func FromMicros(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}
