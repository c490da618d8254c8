package guardweb

import (
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"almenara.example/internal/foundation/clock"
)

// How many tries of a credential are answered. A person needs a handful; a secret
// has 256 bits, so this guards the server's time rather than the secret.
const (
	triesPerMinute  = 12   // per address, an IPv6 address counting by its /64
	triesAtOnce     = 12   // per address, before the minute counts
	triesAltogether = 6000 // per minute, all addresses: what the server does with ease
	addressesKept   = 4096
)

// limit counts tries per address and altogether. The map is bounded: when it is
// full, the addresses that have their full allowance back are forgotten, and with
// none of those a new address is judged by the common limit alone.
type limit struct {
	clock clock.Clock
	mu    sync.Mutex
	all   *rate.Limiter
	by    map[string]*rate.Limiter
}

func newLimit(c clock.Clock) *limit {
	return &limit{clock: c, all: rate.NewLimiter(triesAltogether/60.0, triesAltogether/4), by: map[string]*rate.Limiter{}}
}

// allow takes one try; false means that it is one too many.
func (l *limit) allow(address string) bool {
	now, key := l.clock.Now(), limitKey(address)
	l.mu.Lock()
	defer l.mu.Unlock()
	mine := l.by[key]
	if mine == nil {
		if len(l.by) >= addressesKept {
			l.forget(now)
		}
		mine = rate.NewLimiter(triesPerMinute/60.0, triesAtOnce)
		if len(l.by) < addressesKept {
			l.by[key] = mine
		}
	}
	return mine.AllowN(now, 1) && l.all.AllowN(now, 1)
}

// worked gives an address its try back: what worked was no guess, and many may come in by
// one address. The common limit still counts it.
func (l *limit) worked(address string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if mine := l.by[limitKey(address)]; mine != nil {
		mine.AllowN(l.clock.Now(), -1)
	}
}

func (l *limit) forget(now time.Time) {
	for key, lim := range l.by {
		if lim.TokensAt(now) >= triesAtOnce {
			delete(l.by, key)
		}
	}
}

// limitKey is what counts as one address: an IPv6 host has a whole /64.
func limitKey(address string) string {
	a, err := netip.ParseAddr(address)
	if err != nil {
		return address
	}
	if a = a.Unmap(); a.Is4() {
		return a.String()
	}
	p, err := a.WithZone("").Prefix(64)
	if err != nil {
		return address
	}
	return p.String()
}
