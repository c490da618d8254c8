package portalweb

import (
	"net"
	"net/http"
	"net/netip"
	"sync"

	"golang.org/x/time/rate"

	"almenara.example/internal/foundation/clock"
)

// How often the public forms are answered: a person asks once or twice.
const (
	perMinute  = 6   // per address, an IPv6 address counting by its /64
	altogether = 120 // per minute, all addresses
	addresses  = 4096
)

// tries counts what is asked by the public forms, per address and altogether. When the
// map is full, new addresses are judged by the common limit alone until others have
// their full allowance back.
type tries struct {
	clock clock.Clock
	mu    sync.Mutex
	all   *rate.Limiter
	by    map[netip.Prefix]*rate.Limiter
}

func newTries(c clock.Clock) *tries {
	return &tries{clock: c, all: rate.NewLimiter(altogether/60.0, 2*altogether), by: map[netip.Prefix]*rate.Limiter{}}
}

// allow takes one try; false means that it is one too many.
func (t *tries) allow(r *http.Request) bool {
	now, key := t.clock.Now(), prefixOf(r.RemoteAddr)
	t.mu.Lock()
	defer t.mu.Unlock()
	mine := t.by[key]
	if mine == nil {
		if len(t.by) >= addresses {
			for k, l := range t.by {
				if l.TokensAt(now) >= 2*perMinute {
					delete(t.by, k)
				}
			}
		}
		mine = rate.NewLimiter(perMinute/60.0, 2*perMinute)
		if len(t.by) < addresses {
			t.by[key] = mine
		}
	}
	return mine.AllowN(now, 1) && t.all.AllowN(now, 1)
}

func prefixOf(remote string) netip.Prefix {
	host, _, err := net.SplitHostPort(remote)
	if err != nil {
		host = remote
	}
	a, err := netip.ParseAddr(host)
	if err != nil {
		return netip.Prefix{}
	}
	a = a.Unmap().WithZone("")
	bits := 64
	if a.Is4() {
		bits = 32
	}
	p, err := a.Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return p
}
