package portalweb

import (
	"net"
	"net/http"
	"net/netip"
	"sync"

	"golang.org/x/time/rate"

	"almenara.example/internal/foundation/clock"
)

// rates are how often a public form is answered per minute; twice that at once.
type rates struct {
	each rate.Limit // per address, an IPv6 address counting by its /64
	all  rate.Limit // all addresses together
}

// Asking for a sign-in link makes a mail and wants nothing but an address: a person asks
// once or twice. Answering wants a link that works, and on the night of a FLASH thousands
// answer, many of them from behind one address: it is counted apart, so that whoever
// floods the other form keeps nobody from answering.
func askingRates() rates    { return rates{each: 6, all: 120} }
func answeringRates() rates { return rates{each: 60, all: 6000} }

// Reporting costs the desk a look: a person reports once. Coming back wants a code that
// nobody guesses, so it is counted for the server's time alone.
func reportingRates() rates { return rates{each: 3, all: 60} }
func returningRates() rates { return rates{each: 20, all: 600} }

// addresses is how many are counted at once.
const addresses = 4096

// tries counts what is asked by one public form, per address and altogether. When the
// map is full, new addresses are judged by the common limit alone until others have
// their full allowance back.
type tries struct {
	clock clock.Clock
	rates rates
	mu    sync.Mutex
	all   *rate.Limiter
	by    map[netip.Prefix]*rate.Limiter
}

func newTries(c clock.Clock, r rates) *tries {
	return &tries{clock: c, rates: r, all: limiter(r.all), by: map[netip.Prefix]*rate.Limiter{}}
}

func limiter(perMinute rate.Limit) *rate.Limiter {
	return rate.NewLimiter(perMinute/60, int(2*perMinute))
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
				if l.TokensAt(now) >= float64(l.Burst()) {
					delete(t.by, k)
				}
			}
		}
		mine = limiter(t.rates.each)
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
