package constituency

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"almenara.example/internal/act"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/guard"
)

// Constituency is the room. Make it with New, then Load it.
type Constituency struct {
	acts   *act.Acts
	guard  *guard.Guard
	read   sqldb.Reader
	log    *slog.Logger
	effect Effect
	turn   sync.Mutex // held by whoever replaces the index
	index  atomic.Pointer[Index]
}

// New returns the room over the frame of acts. Its index is empty until Load.
func New(acts *act.Acts, g *guard.Guard, log *slog.Logger) *Constituency {
	c := &Constituency{acts: acts, guard: g, read: acts.Reader(), log: log}
	c.index.Store(newIndex())
	return c
}

// Subscription is what this room hears: guard's organisations, so that the index
// knows them.
func (c *Constituency) Subscription() act.Subscription {
	return act.Subscription{
		Name: "constituency.organisations", Kinds: []string{guard.OrganisationsChanged{}.FactKind()},
		Handle: c.hearOrganisations,
	}
}

// SetEffect joins the room that can tell what a change of assets does; to be
// called before the first act.
func (c *Constituency) SetEffect(e Effect) { c.effect = e }

// Index returns the current index. It never blocks and never changes; ask again
// for a newer one.
func (c *Constituency) Index() *Index { return c.index.Load() }

// Load builds the index from the database, after it has taken back what an import
// prepared when the program was stopped below it.
func (c *Constituency) Load(ctx context.Context) error {
	if err := c.dropPending(ctx); err != nil {
		return fmt.Errorf("load constituency: %w", err)
	}
	c.turn.Lock()
	defer c.turn.Unlock()
	x, err := loadIndex(ctx, c.read)
	if err != nil {
		return fmt.Errorf("load constituency: %w", err)
	}
	before := c.index.Load()
	x.generation, x.assets = before.generation+1, before.assets+1
	c.index.Store(x)
	return nil
}

// swap replaces the index by what f makes of it, one generation on.
func (c *Constituency) swap(f func(*Index) *Index) {
	c.turn.Lock()
	defer c.turn.Unlock()
	before := c.index.Load()
	after := f(before)
	after.generation = before.generation + 1
	c.index.Store(after)
}

// hearOrganisations keeps the index current when guard adds or ends organisations.
func (c *Constituency) hearOrganisations(ctx context.Context, tx *act.Tx, e act.Envelope) error {
	var f guard.OrganisationsChanged
	if err := e.Decode(&f); err != nil {
		return err
	}
	return c.refreshOrgs(ctx, tx, f.IDs)
}

// refreshOrgs reads organisations anew and, after the commit, puts them into the
// index.
func (c *Constituency) refreshOrgs(ctx context.Context, tx *act.Tx, ids []int64) error {
	infos, err := orgInfos(ctx, tx, ids)
	if err != nil || !c.Index().differs(infos) {
		return err
	}
	tx.AfterCommit(func() { c.swap(func(x *Index) *Index { return x.withOrgs(infos) }) })
	return nil
}

// Day is a count of days since 1970-01-01 UTC.
type Day int32

// Always is the first day of what has no beginning, Forever the last of what has no
// end.
const (
	Always  Day = 0
	Forever Day = 1<<31 - 1
)

// DayOf returns the day of t in UTC.
func DayOf(t time.Time) Day {
	s := t.Unix()
	if s < 0 {
		s -= 86399
	}
	return Day(s / 86400)
}

// Time returns the beginning of the day.
func (d Day) Time() time.Time { return time.Unix(int64(d)*86400, 0).UTC() }

// String writes the day as 2026-11-21; empty for Always and Forever.
func (d Day) String() string {
	if d == Forever || d == Always {
		return ""
	}
	return d.Time().Format(time.DateOnly)
}

// ParseDay reads a day written as 2026-11-21.
func ParseDay(s string) (Day, error) {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return 0, err
	}
	return DayOf(t), nil
}

// AssetKind is what sort of tie an asset is.
type AssetKind uint8

// The kinds of asset, in the numbers that the database holds.
const (
	CIDR AssetKind = iota + 1
	ASN
	Domain
	MailDomain
	Product
	Site
)

// AssetKinds lists the kinds as files and pages spell them; CIDR comes first.
func AssetKinds() []string {
	return []string{"cidr", "asn", "domain", "maildomain", "product", "site"}
}

// String returns the spelling of files and pages.
func (k AssetKind) String() string {
	if k == 0 || int(k) > len(AssetKinds()) {
		return "?"
	}
	return AssetKinds()[k-1]
}

// Source says where an asset comes from. A smaller one goes first at equal length.
type Source uint8

// The sources, in the numbers that the database holds.
const (
	Manual Source = iota + 1
	Imported
	Claimed
)

// String returns the spelling of files and pages.
func (s Source) String() string {
	switch s {
	case Manual:
		return "manual"
	case Imported:
		return "import"
	case Claimed:
		return "claimed"
	}
	return "?"
}

// Asset ties the outside world to an organisation for a time.
type Asset struct {
	ID      int64
	Org     int64
	Kind    AssetKind
	Value   string // canonical: masked prefix, bare AS number, ASCII name
	From    Day    // first day
	To      Day    // last day, Forever when open
	Source  Source
	Waiting bool  // a claim that nobody has approved yet
	Version int64 // rises with every change
}

// ValidOn tells whether the asset is its organisation's on that day.
func (a Asset) ValidOn(d Day) bool { return a.From <= d && d <= a.To }

// Service is an essential service of an operator.
type Service struct {
	ID         int64
	Org        int64
	Name       string
	Sector     string
	Population int64 // persons served, 0 when unknown
}

// Standing is what this room adds to an organisation.
type Standing struct {
	Org         int64
	Sectors     []string
	Critical    bool
	Designation string // the decision that says so
	Until       Day    // last day of the designation, Forever when open
	Population  int64  // persons served by all services together
	Version     int64  // 0 when nothing was ever recorded
	Services    []Service
}

// Contact is how to reach an organisation; person and mailbox are guard's.
type Contact struct {
	ID       int64
	Org      int64
	Person   int64
	Mailbox  bool
	Role     string // "security", "management", …: free words of the organisation
	Name     string
	Language string // BCP 47
	Email    string
	Phone    string
	Hours    string // when it answers, free words
	Position int64  // 1 is asked first
	Version  int64
}
