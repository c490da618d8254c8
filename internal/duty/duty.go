package duty

import (
	"context"
	"embed"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"time"

	"almenara.example/internal/act"
	"almenara.example/internal/constituency"
	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/i18n"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/guard"
)

// Migrations is this room's line of migrations.
//
//go:embed migrations/*.sql
var Migrations embed.FS

// Locales holds this room's words: faults, and those of the pack.
//
//go:embed locales/*.toml
var Locales embed.FS

// Config is what the room needs.
type Config struct {
	Acts         *act.Acts
	Guard        *guard.Guard
	Constituency *constituency.Constituency
	Catalogue    *i18n.Catalogue
	Language     string         // of the pack
	Zone         *time.Location // of the desk
	Dir          string         // where packs are kept; empty keeps none
	PackAt       string         // "18:00", in Zone; empty makes none by itself
	Log          *slog.Logger
}

// Duty is the room. Make it with New.
type Duty struct {
	Config
	texts Texts
	began time.Time
	files sync.Mutex // held by whoever writes packs
}

// New returns the room.
func New(c Config) *Duty {
	if c.Zone == nil {
		c.Zone = time.UTC
	}
	return &Duty{Config: c, began: c.Acts.Clock().Now()}
}

// SetTexts joins the room that knows open notices and warnings; to be called before
// the first pack.
func (d *Duty) SetTexts(t Texts) { d.texts = t }

// Role is what somebody on duty is.
type Role string

// The roles of a shift.
const (
	Officer Role = "duty-officer"
	Deputy  Role = "deputy"
)

// Roles lists them in the order of the pages.
func Roles() []Role { return []Role{Officer, Deputy} }

// Shift is a person's time on duty. Name, Phone, Email and Zone are the person's.
type Shift struct {
	ID      int64
	Role    Role
	Person  int64
	Name    string
	Phone   string
	Email   string
	Zone    string
	Begins  time.Time
	Ends    time.Time
	Version int64
}

// At tells whether the shift runs at a time; its end belongs to the next one.
func (s *Shift) At(t time.Time) bool { return !t.Before(s.Begins) && t.Before(s.Ends) }

// Gap is a time without a duty officer.
type Gap struct{ From, To time.Time }

// Gaps finds the times between from and to in which no shift of a role runs.
func Gaps(shifts []Shift, role Role, from, to time.Time) (out []Gap) {
	covered := from
	for _, s := range shifts { // in order of their beginning
		if s.Role != role || !s.Ends.After(covered) {
			continue
		}
		if !s.Begins.Before(to) {
			break
		}
		if s.Begins.After(covered) {
			out = append(out, Gap{covered, s.Begins})
		}
		covered = s.Ends
	}
	if covered.Before(to) {
		out = append(out, Gap{covered, to})
	}
	return out
}

// RosterChanged tells that shifts, hand-overs or the call list changed.
type RosterChanged struct {
	What string `json:"what"`
}

// FactKind returns "duty.RosterChanged".
func (RosterChanged) FactKind() string { return "duty.RosterChanged" }

// FactVersion returns 1.
func (RosterChanged) FactVersion() int { return 1 }

type detail struct {
	What  string `json:"what"`
	Count int    `json:"count,omitempty"`
}

func shiftSubject(id int64) string    { return "shift:" + strconv.FormatInt(id, 10) }
func handoverSubject(id int64) string { return "handover:" + strconv.FormatInt(id, 10) }

// do is the frame of the room's verbs: a detail and a fact.
func (d *Duty) do(ctx context.Context, call act.Call, what string, f func(context.Context, *act.Tx) (int, error)) error {
	return d.Acts.Do(ctx, call, func(ctx context.Context, tx *act.Tx) error {
		n, err := f(ctx, tx)
		if err != nil {
			return err
		}
		tx.Detail(detail{what, n})
		tx.Fact(RosterChanged{What: what})
		return nil
	})
}

// onDesk returns a person who may be on duty: active, of the own organisation, no
// mailbox.
func (d *Duty) onDesk(ctx context.Context, r sqldb.Reader, person int64) (guard.Person, error) {
	p, err := d.Guard.Person(ctx, r, person)
	if fault.CodeOf(err) == fault.NotFound || err == nil && (p.Org != guard.OwnOrg || p.Mailbox || !p.Active) {
		return p, fault.OnField("person", "duty.person.none", nil)
	}
	return p, err
}

// Staff lists the persons who may be on duty, by name as guard lists them.
func (d *Duty) Staff(ctx context.Context, r sqldb.Reader) (out []guard.Person, err error) {
	f := guard.PersonFilter{Org: guard.OwnOrg, Limit: 500}
	for {
		page, err := d.Guard.Persons(ctx, r, f)
		if err != nil {
			return nil, err
		}
		for _, p := range page {
			if p.Active && !p.Mailbox {
				out = append(out, p)
			}
		}
		if len(page) < f.Limit {
			return out, nil
		}
		f.After = page[len(page)-1].ID
	}
}

// personOf is the id of the person that an actor is, 0 for anybody else.
func personOf(actor string) int64 {
	digits, ok := strings.CutPrefix(actor, "person:")
	if !ok {
		return 0
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil {
		return 0
	}
	return n
}

func changedMeanwhile() error { return fault.New(fault.Conflict, "duty.changed_meanwhile", nil) }

const shiftColumns = `s.id, s.role, s.person_id, p.name, p.phone, p.email, p.zone, s.begins_at, s.ends_at, s.version`

func scanShift(r sqldb.Row) (s Shift, err error) {
	var begins, ends int64
	err = r.Scan(&s.ID, &s.Role, &s.Person, &s.Name, &s.Phone, &s.Email, &s.Zone, &begins, &ends, &s.Version)
	s.Begins, s.Ends = clock.FromMicros(begins), clock.FromMicros(ends)
	return s, err
}

// Roster lists the shifts that run at some time between from and to, in order.
func (d *Duty) Roster(ctx context.Context, r sqldb.Reader, from, to time.Time) ([]Shift, error) {
	return sqldb.All(ctx, r, scanShift, `select `+shiftColumns+` from duty_shift s join guard_person p on p.id = s.person_id
		where s.ends_at > $1 and s.begins_at < $2 and not s.removed
		order by s.begins_at, case s.role when 'duty-officer' then 0 else 1 end, s.id limit 2000`, clock.Micros(from), clock.Micros(to))
}

// Shift returns one shift; NotFound when there is none.
func (d *Duty) Shift(ctx context.Context, r sqldb.Reader, id int64) (Shift, error) {
	s, ok, err := sqldb.One(ctx, r, scanShift, `select `+shiftColumns+` from duty_shift s
		join guard_person p on p.id = s.person_id where s.id = $1 and not s.removed`, id)
	if err == nil && !ok {
		err = fault.New(fault.NotFound, "duty.shift.none", nil)
	}
	return s, err
}

// Present is who is on duty at a time, and who comes next.
type Present struct {
	At   time.Time
	On   []Shift // duty officer first
	Next []Shift // of each role the next one to begin
}

// Officer returns the duty officer's shift; ok is false when nobody is on duty.
func (p Present) Officer() (Shift, bool) {
	for _, s := range p.On {
		if s.Role == Officer {
			return s, true
		}
	}
	return Shift{}, false
}

// Now says who is on duty at a time.
func (d *Duty) Now(ctx context.Context, r sqldb.Reader, at time.Time) (Present, error) {
	p := Present{At: at}
	shifts, err := d.Roster(ctx, r, at, at.AddDate(0, 0, 30))
	seen := map[Role]bool{}
	for _, role := range Roles() {
		for _, s := range shifts {
			switch {
			case s.Role != role:
			case s.At(at):
				p.On = append(p.On, s)
			case !seen[role]:
				seen[role] = true
				p.Next = append(p.Next, s)
			}
		}
	}
	return p, err
}

// Used tells whether anybody keeps a roster here: a shift that ended at most thirty
// days ago, or one to come. Without one, gaps mean nothing.
func (d *Duty) Used(ctx context.Context, r sqldb.Reader, at time.Time) (bool, error) {
	_, ok, err := sqldb.One(ctx, r, sqldb.Int64,
		`select id from duty_shift where ends_at > $1 and not removed limit 1`, clock.Micros(at.AddDate(0, 0, -30)))
	return ok, err
}

// GapsAhead lists the times without a duty officer in the next days; none when nobody
// keeps a roster.
func (d *Duty) GapsAhead(ctx context.Context, r sqldb.Reader, days int) ([]Gap, error) {
	now := d.Acts.Clock().Now()
	if used, err := d.Used(ctx, r, now); err != nil || !used {
		return nil, err
	}
	to := now.AddDate(0, 0, days)
	shifts, err := d.Roster(ctx, r, now, to)
	return Gaps(shifts, Officer, now, to), err
}
