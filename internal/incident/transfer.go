package incident

import (
	"context"
	"fmt"
	"slices"
	"time"

	"almenara.example/internal/act"
	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/guard"
	"almenara.example/tlp"
)

// TransferState is what became of an offer to a peer.
type TransferState string

// The states of transfers.
const (
	Offered  TransferState = "offered"
	Accepted TransferState = "accepted"
	Declined TransferState = "declined"
)

// Transfer is what is offered to a peer: packages, version after version.
type Transfer struct {
	ID           int64
	Incident     int64
	Org          int64
	State        TransferState
	Restrictions string
	OfferedAt    time.Time
	OfferedBy    string
	AnsweredAt   time.Time // zero: not yet
	SaidBy       string    // who of the peer said so
	RecordedBy   string
	TheirNumber  string
	Note         string
	Version      int64 // of the last package
}

const transferColumns = `id, incident_id, org_id, state, restrictions, offered_at, offered_by, answered_at, said_by, recorded_by, their_number, note, version`

func scanTransfer(r sqldb.Row) (t Transfer, err error) {
	var offered, answered int64
	err = r.Scan(&t.ID, &t.Incident, &t.Org, &t.State, &t.Restrictions, &offered, &t.OfferedBy, &answered, &t.SaidBy, &t.RecordedBy, &t.TheirNumber, &t.Note, &t.Version)
	t.OfferedAt, t.AnsweredAt = clock.FromMicros(offered), clock.FromMicros(answered)
	return t, err
}

// Transfer returns one; NotFound when there is none.
func (in *Incidents) Transfer(ctx context.Context, r sqldb.Reader, id int64) (Transfer, error) {
	t, ok, err := sqldb.One(ctx, r, scanTransfer, `select `+transferColumns+` from incident_transfer where id = $1`, id)
	if err == nil && !ok {
		err = notFound()
	}
	return t, err
}

// Transfers lists those of an incident, newest first.
func (in *Incidents) Transfers(ctx context.Context, r sqldb.Reader, incident int64) ([]Transfer, error) {
	return sqldb.All(ctx, r, scanTransfer, `select `+transferColumns+` from incident_transfer where incident_id = $1 order by id desc`, incident)
}

// StatesOf lists the states that an incident concerns: those that its head names, and
// those of its participants. Two are a hint that a peer should know.
func (in *Incidents) StatesOf(ctx context.Context, r sqldb.Reader, i *Incident) ([]string, error) {
	out := slices.Clone(i.Countries)
	ps, err := in.Participants(ctx, r, i.ID, false)
	if err != nil {
		return nil, err
	}
	for _, p := range append(ps, Participant{Org: guard.OwnOrg}) {
		o, err := in.Guard.Organisation(ctx, r, p.Org)
		if err != nil {
			return nil, err
		}
		if o.Country != "" && o.Kind != "peer" {
			out = append(out, o.Country)
		}
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

// PackageCandidate is an entry with what stands in the way of handing it on.
type PackageCandidate struct {
	Entry Entry
	Basis string // why it may go; empty: it may not
	Sent  bool   // this very version went before
}

// PackageCandidates lists the entries of an incident as far as the viewer sees them, each with
// whether it may go to an organisation for a purpose. transfer may be 0.
func (in *Incidents) PackageCandidates(ctx context.Context, r sqldb.Reader, v Viewer, n NewPackage) (out []PackageCandidate, err error) {
	es, err := in.Story(ctx, r, v, n.Incident)
	if err != nil {
		return nil, err
	}
	sent := map[int64]int64{}
	if n.Transfer != 0 {
		if sent, err = sentTo(ctx, r, n.Transfer); err != nil {
			return nil, err
		}
	}
	mandate := ""
	if n.Mandate != 0 {
		if mandate, err = in.mandateFor(ctx, r, &n); err != nil {
			return nil, err
		}
	}
	for _, e := range es {
		if !e.RetractedAt.IsZero() {
			continue
		}
		c := PackageCandidate{Entry: e, Sent: sent[e.ID] == e.Version}
		if c.Basis, err = in.basis(ctx, r, e, &n, mandate); err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, nil
}

// sentTo is the newest version of every entry that went in a transfer.
func sentTo(ctx context.Context, r sqldb.Reader, transfer int64) (map[int64]int64, error) {
	out := map[int64]int64{}
	return out, sqldb.Each(ctx, r, func(row sqldb.Row) error {
		var e, version int64
		err := row.Scan(&e, &version)
		out[e] = version
		return err
	}, `select x.entry_id, max(x.entry_version) from incident_package_entry x join incident_package p on p.id = x.package_id
		where p.transfer_id = $1 group by x.entry_id`, transfer)
}

// OfferTransfer offers chosen entries to a peer as a signed package, sealed to its key
// when one is known, and mails it where it may go by mail.
func (in *Incidents) OfferTransfer(ctx context.Context, actor act.Actor, n NewPackage) (t Transfer, p Package, err error) {
	n.Purpose, n.Version, n.Transfer = ForTransfer, 1, 0
	m, err := in.makePackage(ctx, actor, n)
	if err != nil {
		return t, p, err
	}
	err = in.change(ctx, act.Call{Actor: actor, Verb: "incident.offer_transfer"}, n.Incident, "", func(ctx context.Context, tx *act.Tx, i *Incident) error {
		if err := in.isPeer(ctx, tx, n.Org); err != nil {
			return err
		}
		t = Transfer{Incident: i.ID, Org: n.Org, State: Offered, Restrictions: clean(n.Restrictions), OfferedAt: tx.Now(), OfferedBy: actor.ID, Version: 1}
		if t.ID, err = tx.Next(ctx, "incident.transfer"); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `insert into incident_transfer (`+transferColumns+`) values ($1, $2, $3, $4, $5, $6, $7, 0, '', '', '', '', 1)`,
			t.ID, t.Incident, t.Org, string(t.State), t.Restrictions, clock.Micros(t.OfferedAt), t.OfferedBy); err != nil {
			return err
		}
		m.Transfer = t.ID
		return in.handOver(ctx, tx, m)
	})
	return t, m.Package, err
}

func (in *Incidents) isPeer(ctx context.Context, r sqldb.Reader, org int64) error {
	o, err := in.Guard.Organisation(ctx, r, org)
	if err == nil && o.Kind != "peer" && o.Kind != guard.KindCSIRT {
		err = fault.OnField("organisation", "incident.transfer.no_peer", nil)
	}
	return err
}

// handOver records a version of a transfer and mails it.
func (in *Incidents) handOver(ctx context.Context, tx *act.Tx, m *made) error {
	if err := in.keepPackage(ctx, tx, m); err != nil {
		return err
	}
	tx.Fact(Changed{Incident: m.Incident, What: "transfer", Orgs: []int64{guard.OwnOrg}})
	people, err := in.Directory(ctx, tx, m.Org)
	if err != nil {
		return err
	}
	for _, p := range people {
		a, err := in.Guard.AudienceFor(ctx, tx, guard.Circle{Orgs: []int64{guard.OwnOrg, m.Org}})
		if err != nil {
			return err
		}
		if m.Marking == tlp.Red && p.Person != people[0].Person {
			continue // named persons only
		}
		if m.Marking == tlp.Red {
			if a, err = in.Guard.AudienceFor(ctx, tx, guard.Circle{Orgs: []int64{guard.OwnOrg}, Persons: []int64{p.Person}}); err != nil {
				return err
			}
		}
		l := newLetter{kind: LetterTransfer, about: m.ID, org: m.Org, person: p.Person, audience: a, address: p.Email}
		if err := in.writeTo(ctx, tx, l); err != nil {
			return err
		}
	}
	return nil
}

// UpdateTransfer sends what is new since the last version: only entries that have not
// gone as they stand.
func (in *Incidents) UpdateTransfer(ctx context.Context, actor act.Actor, id int64, entries []int64) (Package, error) {
	t, err := in.Transfer(ctx, in.read, id)
	if err != nil {
		return Package{}, err
	}
	sent, err := sentTo(ctx, in.read, id)
	if err != nil {
		return Package{}, err
	}
	es, err := in.chosen(ctx, in.read, ViewerOf(actor), t.Incident, entries)
	if err != nil {
		return Package{}, err
	}
	for _, e := range es {
		if sent[e.ID] == e.Version {
			return Package{}, fault.OnField("entry", "incident.transfer.sent", fault.Args{"Text": fault.Clip(excerpt(e.Text))})
		}
	}
	n := NewPackage{Incident: t.Incident, Purpose: ForTransfer, Org: t.Org, Entries: entries, Transfer: id, Version: t.Version + 1, Restrictions: t.Restrictions, Yours: t.TheirNumber}
	m, err := in.makePackage(ctx, actor, n)
	if err != nil {
		return Package{}, err
	}
	err = in.changeTransfer(ctx, act.Call{Actor: actor, Verb: "incident.update_transfer"}, t, func(ctx context.Context, tx *act.Tx, now *Transfer) error {
		if now.State == Declined {
			return fault.New(fault.Conflict, "incident.transfer.declined", nil)
		}
		if now.Version != t.Version {
			return changedMeanwhile()
		}
		now.Version++
		return in.handOver(ctx, tx, m)
	})
	return m.Package, err
}

// changeTransfer is the frame of what is done with a transfer.
func (in *Incidents) changeTransfer(ctx context.Context, call act.Call, t Transfer, f func(context.Context, *act.Tx, *Transfer) error) error {
	return in.change(ctx, call, t.Incident, "", func(ctx context.Context, tx *act.Tx, _ *Incident) error {
		now, err := in.Transfer(ctx, tx, t.ID)
		if err != nil {
			return err
		}
		if err := f(ctx, tx, &now); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `update incident_transfer set state = $1, answered_at = $2, said_by = $3, recorded_by = $4, their_number = $5, note = $6, version = $7
			where id = $8`, string(now.State), stamp(now.AnsweredAt), now.SaidBy, now.RecordedBy, now.TheirNumber, now.Note, now.Version, now.ID)
		return err
	})
}

// AnswerTransfer notes what the peer said: accepted or declined, who said so, and under
// which number it has the matter.
func (in *Incidents) AnswerTransfer(ctx context.Context, actor act.Actor, id int64, to TransferState, saidBy, number, words string) error {
	saidBy, number, words = clean(saidBy), clean(number), clean(words)
	for _, err := range []error{
		known("state", "incident.transfer.answer", []TransferState{Accepted, Declined}, to), checkLine("said_by", saidBy, MaxTitle, true),
		checkLine("number", number, 100, false), checkText("note", words, MaxReason, to == Declined),
	} {
		if err != nil {
			return err
		}
	}
	t, err := in.Transfer(ctx, in.read, id)
	if err != nil {
		return err
	}
	return in.changeTransfer(ctx, act.Call{Actor: actor, Verb: "incident.answer_transfer"}, t, func(_ context.Context, tx *act.Tx, now *Transfer) error {
		now.State, now.AnsweredAt, now.SaidBy, now.RecordedBy, now.Note = to, tx.Now(), saidBy, actor.ID, words
		if number != "" {
			now.TheirNumber = number
		}
		tx.Detail(struct {
			Transfer string `json:"transfer"`
			State    string `json:"state"`
		}{fmt.Sprintf("incident-transfer:%d", id), string(to)})
		tx.Fact(Changed{Incident: t.Incident, What: "transfer", Orgs: []int64{guard.OwnOrg}})
		return nil
	})
}

// strictest is the stricter of two markings as text.
func strictest(a, b string) string {
	x, errX := tlp.Parse(a)
	y, errY := tlp.Parse(b)
	switch {
	case errX != nil:
		return b
	case errY != nil:
		return a
	}
	return tlp.Strictest(x, y).String()
}
