package desk

import (
	"context"
	"slices"
	"time"

	"almenara.example/internal/act"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/watch"
)

// Consequence says how grave it is to let something wait.
type Consequence int

// The consequences, gravest first.
const (
	// Unheard: somebody was warned of the gravest, and we do not know that he heard it.
	Unheard Consequence = iota
	// Blind: we do not see what happens (a feed is late, deliveries cannot be read).
	Blind
	// Untold: somebody does not know what we know (held findings, unsent notices).
	Untold
	// Unknown: something of what we got says nothing yet (quarantine, no owner).
	Unknown
)

// Need is something that waits for a person.
type Need struct {
	Key         string         // catalogue key of its name
	Args        map[string]any // for the name, besides Count
	Note        string         // catalogue key of what to do about it
	Since       time.Time      // how long it has waited; zero: not said
	Due         time.Time      // until when it has to be done; zero: not said
	N           int64
	AtLeast     bool
	URL         string // the list that N counts
	Icon        string
	Consequence Consequence
}

// Needs brings what waits for a person from another room. Needs with N = 0 are left
// out by the gallery.
type Needs interface {
	NeedsOf(ctx context.Context, r sqldb.Reader, asker act.Actor) ([]Need, error)
}

// Waiting is what needs a person now, gravest consequence first and then as given:
// what the board of watch says, as far as the asker may read it, and what others
// bring.
func Waiting(b *watch.Board, others ...Need) []Need {
	var out []Need
	if b != nil {
		out = ofBoard(b)
	}
	out = append(out, others...)
	out = slices.DeleteFunc(out, func(n Need) bool { return n.N == 0 })
	slices.SortStableFunc(out, func(a, b Need) int { return int(a.Consequence - b.Consequence) })
	return out
}

// quarantineBound is where watch's count of quarantined rows stops.
const quarantineBound = 100_000

func ofBoard(b *watch.Board) []Need {
	needs := []Need{
		{Key: "desk.need.late", Note: "desk.need.late.do", N: int64(len(b.Late)), URL: "/watch/sources?late=yes", Icon: "source", Consequence: Blind},
		{Key: "desk.need.failed", Note: "desk.need.failed.do", N: b.Failed, URL: "/watch/deliveries?state=failed", Icon: "danger", Consequence: Blind},
		{Key: "desk.need.unknown", Note: "desk.need.unknown.do", N: b.Unknown, URL: "/watch/deliveries?state=unknown-kind", Icon: "question", Consequence: Blind},
		{Key: "desk.need.held", Note: "desk.need.held.do", N: int64(len(held(b, watch.Hold))), URL: "/watch/shadow?mode=hold", Icon: "clock", Consequence: Untold},
		{Key: "desk.need.live", Note: "desk.need.live.do", N: int64(len(held(b, watch.Live))), URL: "/watch/shadow?mode=live", Icon: "clock", Consequence: Untold},
		{Key: "desk.need.shadow", Note: "desk.need.shadow.do", N: int64(len(held(b, watch.Shadow))), URL: "/watch/shadow?mode=shadow", Icon: "shadow", Consequence: Unknown},
		{
			Key: "desk.need.quarantine", Note: "desk.need.quarantine.do", N: min(b.Quarantine, quarantineBound), AtLeast: b.Quarantine > quarantineBound,
			URL: "/watch/quarantine?state=open", Icon: "quarantine", Consequence: Unknown,
		},
		{Key: "desk.need.unrouted", Note: "desk.need.unrouted.do", N: int64(b.Unrouted), URL: "/watch/unrouted", Icon: "unrouted", Consequence: Unknown},
	}
	return needs
}

func held(b *watch.Board, m watch.Mode) (out []watch.HeldSource) {
	for _, h := range b.Held {
		if h.Source.Mode == m {
			out = append(out, h)
		}
	}
	return out
}
