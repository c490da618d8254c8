package duty

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"unicode/utf8"

	"almenara.example/internal/act"
	"almenara.example/internal/constituency"
	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/foundation/text"
	"almenara.example/internal/guard"
)

// Caller is somebody on the desk's own call list; what is said of the person is
// guard's.
type Caller struct {
	ID       int64
	Person   int64
	Position int64 // 1 is called first
	Name     string
	Phone    string
	Email    string
	Language string
	Zone     string
	Note     string // when to call, and what for
}

// maxCallers bounds the list, maxNote a note on it.
const (
	maxCallers = 50
	maxNote    = 200
)

// CallList lists whom of the desk to call, in order. Who is no longer active is left
// out.
func (d *Duty) CallList(ctx context.Context, r sqldb.Reader) ([]Caller, error) {
	return sqldb.All(ctx, r, func(row sqldb.Row) (c Caller, err error) {
		return c, row.Scan(&c.ID, &c.Person, &c.Position, &c.Name, &c.Phone, &c.Email, &c.Language, &c.Zone, &c.Note)
	}, `select c.id, c.person_id, c.position, p.name, p.phone, p.email, p.language, p.zone, c.note
		from duty_call c join guard_person p on p.id = c.person_id where p.active order by c.position, c.id`)
}

// changeCalls is the frame of what changes the call list.
func (d *Duty) changeCalls(ctx context.Context, actor act.Actor, what string, f func(context.Context, *act.Tx, []Caller) error) error {
	call := act.Call{Actor: actor, Verb: "duty.change_call_list", Subject: "call-list"}
	return d.do(ctx, call, what, func(ctx context.Context, tx *act.Tx) (int, error) {
		now, err := d.CallList(ctx, tx)
		if err != nil {
			return 0, err
		}
		return 1, f(ctx, tx, now)
	})
}

// AddCaller puts a person at the end of the call list. The verb is
// duty.change_call_list, as for all that changes the list.
func (d *Duty) AddCaller(ctx context.Context, actor act.Actor, person int64, note string) error {
	note = strings.Join(strings.Fields(clean(note)), " ")
	if utf8.RuneCountInString(note) > maxNote {
		return fault.OnField("note", "duty.text.long", fault.Args{"Max": maxNote})
	}
	return d.changeCalls(ctx, actor, "add-caller", func(ctx context.Context, tx *act.Tx, now []Caller) error {
		p, err := d.onDesk(ctx, tx, person)
		if err != nil {
			return err
		}
		if text.Blank(p.Phone) {
			return fault.OnField("person", "duty.call.no_phone", fault.Args{"Name": p.Name})
		}
		if slices.ContainsFunc(now, func(c Caller) bool { return c.Person == person }) {
			return fault.OnField("person", "duty.call.there", fault.Args{"Name": p.Name})
		}
		if len(now) >= maxCallers {
			return fault.New(fault.Conflict, "duty.call.many", fault.Args{"Max": maxCallers})
		}
		id, err := tx.Next(ctx, "duty.call")
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `insert into duty_call (id, person_id, position, note, added_at) values ($1, $2, $3, $4, $5)
			on conflict (person_id) do update set position = excluded.position, note = excluded.note`,
			id, person, len(now)+1, note, clock.Micros(tx.Now()))
		return err
	})
}

// MoveCaller moves somebody one place up or down the call list.
func (d *Duty) MoveCaller(ctx context.Context, actor act.Actor, id int64, up bool) error {
	return d.changeCalls(ctx, actor, "move-caller", func(ctx context.Context, tx *act.Tx, now []Caller) error {
		at := slices.IndexFunc(now, func(c Caller) bool { return c.ID == id })
		to := at + 1
		if up {
			to = at - 1
		}
		if at < 0 {
			return fault.New(fault.NotFound, "duty.call.none", nil)
		}
		if to < 0 || to >= len(now) {
			return changedMeanwhile()
		}
		now[at], now[to] = now[to], now[at]
		return renumber(ctx, tx, now)
	})
}

// RemoveCaller takes somebody off the call list.
func (d *Duty) RemoveCaller(ctx context.Context, actor act.Actor, id int64) error {
	return d.changeCalls(ctx, actor, "remove-caller", func(ctx context.Context, tx *act.Tx, now []Caller) error {
		at := slices.IndexFunc(now, func(c Caller) bool { return c.ID == id })
		if at < 0 {
			return fault.New(fault.NotFound, "duty.call.none", nil)
		}
		if _, err := tx.ExecContext(ctx, `delete from duty_call where id = $1`, id); err != nil {
			return err
		}
		return renumber(ctx, tx, slices.Delete(now, at, at+1))
	})
}

func renumber(ctx context.Context, tx *act.Tx, list []Caller) error {
	for i, c := range list {
		if _, err := tx.ExecContext(ctx, `update duty_call set position = $1 where id = $2`, i+1, c.ID); err != nil {
			return err
		}
	}
	return nil
}

// CallRow is an organisation on a call sheet.
type CallRow struct {
	Org      int64
	Name     string
	Kind     guard.Kind
	Critical bool
	Sectors  []string
	Contacts []constituency.Contact // in order of escalation
}

// Reachable tells whether somebody of the organisation has a telephone.
func (c *CallRow) Reachable() bool {
	return slices.ContainsFunc(c.Contacts, func(k constituency.Contact) bool { return k.Phone != "" })
}

// CallSheet lists whom to reach in a sector, critical organisations first, then by
// name. A sector may be one of its group ("energy" for energy-electricity and the
// others); empty means every organisation that stands, but network owners only when
// they have a sector or are critical. Those without any contact are there too, so
// that nobody looks for them in vain.
func (d *Duty) CallSheet(ctx context.Context, r sqldb.Reader, sector string) ([]CallRow, error) {
	if sector != "" && !isSector(sector) {
		return nil, fault.OnField("sector", "duty.sector.unknown", fault.Args{"Value": fault.Clip(sector)})
	}
	contacts, err := d.Constituency.AllContacts(ctx, r)
	if err != nil {
		return nil, err
	}
	var out []CallRow
	d.Constituency.Index().EachOrg(func(o constituency.OrgInfo) bool {
		bulk := o.Kind == guard.KindNetwork && len(o.Sectors) == 0 && !o.Critical
		in := sector == "" && !bulk || slices.ContainsFunc(o.Sectors, func(s string) bool { return inSector(s, sector) })
		if in && !o.Ended && !o.Exercise && o.ID != guard.OwnOrg {
			out = append(out, CallRow{Org: o.ID, Name: o.Name, Kind: o.Kind, Critical: o.Critical, Sectors: o.Sectors, Contacts: contacts[o.ID]})
		}
		return true
	})
	slices.SortStableFunc(out, func(a, b CallRow) int {
		if a.Critical != b.Critical {
			if a.Critical {
				return -1
			}
			return 1
		}
		return cmp.Compare(constituency.Fold(a.Name), constituency.Fold(b.Name))
	})
	return out, nil
}

// inSector tells whether a code is a sector or one of its group.
func inSector(code, sector string) bool {
	return sector != "" && (code == sector || strings.HasPrefix(code, sector+"-"))
}

func isSector(sector string) bool {
	return slices.ContainsFunc(constituency.Sectors(), func(s constituency.Sector) bool { return inSector(s.Code, sector) })
}
