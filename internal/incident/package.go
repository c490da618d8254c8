package incident

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"filippo.io/age"

	"almenara.example/internal/act"
	"almenara.example/internal/foundation/blob"
	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/guard"
	"almenara.example/sealed"
	"almenara.example/tlp"
)

// KindPackage is the kind of thing that the release gate asks about packages; the id is
// the incident's.
const KindPackage = "incident-package"

// The purposes of packages.
const (
	ForBench    = "bench"    // the justice side
	ForTransfer = "transfer" // a peer
)

// Package is a signed file that was made of entries for one organisation.
type Package struct {
	ID        int64
	Incident  int64
	Purpose   string
	Org       int64
	Transfer  int64 // 0: none
	Version   int64
	Mandate   int64 // 0: none
	Marking   tlp.Marking
	Exercise  bool
	Blob      string
	Size      int64
	Digest    string // SHA-256, hex
	Signature string // detached
	SealedTo  string // age recipient, empty: signed only
	MadeAt    time.Time
	MadeBy    string
}

const packageColumns = `p.id, p.incident_id, p.purpose, p.org_id, p.transfer_id, p.version, p.mandate_id, p.marking, p.exercise, p.blob, p.size, p.digest,
	p.signature, p.sealed_to, p.made_at, p.made_by`

func scanPackage(r sqldb.Row) (p Package, err error) {
	var marking string
	var made int64
	err = r.Scan(&p.ID, &p.Incident, &p.Purpose, &p.Org, &p.Transfer, &p.Version, &p.Mandate, &marking, &p.Exercise, &p.Blob, &p.Size, &p.Digest,
		&p.Signature, &p.SealedTo, &made, &p.MadeBy)
	if err != nil {
		return p, err
	}
	p.MadeAt = clock.FromMicros(made)
	p.Marking, err = tlp.Parse(marking)
	return p, err
}

// Package returns one; NotFound when there is none.
func (in *Incidents) Package(ctx context.Context, r sqldb.Reader, id int64) (Package, error) {
	p, ok, err := sqldb.One(ctx, r, scanPackage, `select `+packageColumns+` from incident_package p where p.id = $1`, id)
	if err == nil && !ok {
		err = notFound()
	}
	return p, err
}

// Packages lists the packages of an incident, newest first.
func (in *Incidents) Packages(ctx context.Context, r sqldb.Reader, incident int64) ([]Package, error) {
	return sqldb.All(ctx, r, scanPackage, `select `+packageColumns+` from incident_package p where p.incident_id = $1 order by p.id desc limit 500`, incident)
}

// PackageFile is a package's bytes as they are handed over.
func (in *Incidents) PackageFile(ctx context.Context, p Package) ([]byte, error) {
	body, err := in.blobOf(ctx, p.Blob)
	if err != nil {
		err = fmt.Errorf("open package %d: %w", p.ID, err)
	}
	return body, err
}

func (in *Incidents) blobOf(ctx context.Context, name string) ([]byte, error) {
	ref, err := blob.ParseRef(name)
	if err != nil {
		return nil, err
	}
	from, err := in.Blobs.Open(ctx, ref)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(from)
	return body, errors.Join(err, from.Close())
}

// PackageName is the name of a package's file.
func (in *Incidents) PackageName(p Package) string {
	name := fmt.Sprintf("%s-%s-%d.tar", in.Number(p.Incident), p.Purpose, p.Version)
	if p.SealedTo != "" {
		name += ".age"
	}
	return name
}

// NewPackage says what is to be put into a package, for whom and why.
type NewPackage struct {
	Incident     int64
	Purpose      string
	Org          int64
	Entries      []int64
	Mandate      int64
	Transfer     int64
	Version      int64
	Restrictions string
	Yours        string // their number
}

// made is a package that the release gate has cleared and nobody has recorded.
type made struct {
	Package
	asked   NewPackage
	by      Viewer
	entries []Entry
	basis   map[int64]string
}

// MakeBenchPackage makes a signed package for the justice side, sealed to its key when
// one is known. Each entry needs the consent of its owner or a mandate that holds; the
// desk's own words need neither. Oversight is told.
func (in *Incidents) MakeBenchPackage(ctx context.Context, actor act.Actor, n NewPackage) (Package, error) {
	n.Purpose, n.Version = ForBench, 1
	m, err := in.makePackage(ctx, actor, n)
	if err != nil {
		return Package{}, err
	}
	call := act.Call{Actor: actor, Verb: "incident.hand_to_bench", Mandate: "consent"}
	if n.Mandate != 0 {
		call.Mandate = mandateSubject(n.Mandate)
	}
	err = in.change(ctx, call, n.Incident, "", func(ctx context.Context, tx *act.Tx, i *Incident) error {
		if err := in.keepPackage(ctx, tx, m); err != nil {
			return err
		}
		tx.Fact(Changed{Incident: i.ID, What: "package", Orgs: []int64{guard.OwnOrg}})
		return in.writeToRole(ctx, tx, LetterBench, m.ID, guard.RoleOversight)
	})
	return m.Package, err
}

// makePackage has the entries cleared, packs, seals and signs them, before the act that
// records it: an act is short.
func (in *Incidents) makePackage(ctx context.Context, actor act.Actor, n NewPackage) (*made, error) {
	n.Restrictions, n.Yours = clean(n.Restrictions), clean(n.Yours)
	if err := checkText("restrictions", n.Restrictions, MaxReason, false); err != nil {
		return nil, err
	}
	viewer := ViewerOf(actor)
	i, err := in.Incident(ctx, in.read, viewer, n.Incident)
	if err != nil {
		return nil, err
	}
	if err := in.mayReceive(ctx, in.read, &i, n.Org); err != nil {
		return nil, err
	}
	m := &made{by: viewer, Package: Package{Incident: i.ID, Purpose: n.Purpose, Org: n.Org, Transfer: n.Transfer, Version: n.Version, Mandate: n.Mandate, Exercise: i.Exercise, MadeBy: actor.ID}}
	if m.SealedTo, err = in.SealKey(ctx, in.read, n.Org); err != nil {
		return nil, err
	}
	if m.entries, m.basis, err = in.basisOf(ctx, in.read, viewer, &n); err != nil {
		return nil, err
	}
	m.asked = n
	query, err := json.Marshal(packageQuery{NewPackage: n, Viewer: viewer, SealedTo: m.SealedTo, Made: in.Acts.Clock().Now()})
	if err != nil {
		return nil, err
	}
	to, err := in.packageRecipient(ctx, n.Org, m.SealedTo)
	if err != nil {
		return nil, err
	}
	machine := act.MachineActor("incident.make_package")
	parcel, err := in.gate.Release(ctx, in.read, machine, guard.Thing{Kind: KindPackage, ID: i.ID, Query: string(query)}, to, purpose)
	if fault.CodeOf(err) == fault.Denied {
		return nil, fault.OnField("entry", "incident.package.not_cleared", nil)
	}
	if err != nil {
		return nil, err
	}
	body := parcel.View().Body
	if m.Signature, err = sealed.Sign(body, in.Signer()); err != nil {
		return nil, err
	}
	ref, err := in.Blobs.PutBytes(ctx, body)
	m.Marking, m.Blob, m.Size, m.Digest = parcel.Marking(), ref.String(), int64(len(body)), sealed.Digest(body)
	return m, err
}

// packageRecipient is an organisation, by its first contact. A package that is not
// sealed is handed to him in person.
func (in *Incidents) packageRecipient(ctx context.Context, org int64, key string) (guard.Recipient, error) {
	to := guard.Recipient{Org: org, Language: in.Language, Channel: guard.SignedInPage}
	if key != "" {
		to.Channel = guard.BySealedMail
	}
	people, err := in.Directory(ctx, in.read, org)
	if len(people) > 0 {
		to.Person, to.Language = people[0].Person, people[0].Language
	}
	return to, err
}

// basisOf says why each entry may go: the desk's own word, consent, the mandate, or that
// the recipient is in its audience. One without is refused.
func (in *Incidents) basisOf(ctx context.Context, r sqldb.Reader, v Viewer, n *NewPackage) ([]Entry, map[int64]string, error) {
	n.Entries = slices.Clone(n.Entries)
	slices.Sort(n.Entries)
	n.Entries = slices.Compact(n.Entries)
	if len(n.Entries) > sealed.MaxEntries {
		return nil, nil, fault.OnField("entry", "incident.package.many", fault.Args{"Max": sealed.MaxEntries})
	}
	es, err := in.chosen(ctx, r, v, n.Incident, n.Entries)
	if err != nil {
		return nil, nil, err
	}
	mandate := ""
	if n.Mandate != 0 {
		if mandate, err = in.mandateFor(ctx, r, n); err != nil {
			return nil, nil, err
		}
	}
	basis := map[int64]string{}
	for _, e := range es {
		if basis[e.ID], err = in.basis(ctx, r, e, n, mandate); err != nil {
			return nil, nil, err
		}
		if basis[e.ID] == "" {
			return nil, nil, fault.OnField("entry", "incident.package.no_basis", fault.Args{"Text": fault.Clip(excerpt(e.Text))})
		}
	}
	return es, basis, nil
}

func (in *Incidents) mandateFor(ctx context.Context, r sqldb.Reader, n *NewPackage) (string, error) {
	m, ok, err := sqldb.One(ctx, r, scanMandate, `select `+mandateColumns+` from incident_mandate where id = $1 and incident_id = $2`, n.Mandate, n.Incident)
	if err != nil || !ok {
		return "", orElse(err, fault.OnField("mandate", "incident.mandate.none", nil))
	}
	if !m.holds(in.Acts.Clock().Now()) {
		return "", fault.OnField("mandate", "incident.mandate.expired", nil)
	}
	return "mandate:" + strconv.FormatInt(m.ID, 10), nil
}

func (in *Incidents) basis(ctx context.Context, r sqldb.Reader, e Entry, n *NewPackage, mandate string) (string, error) {
	if e.Owner == guard.OwnOrg && (e.Marking != tlp.Red || n.Purpose == ForBench) {
		return "own", nil
	}
	if n.Purpose == ForTransfer {
		c, err := in.Guard.CircleOf(ctx, r, e.Audience)
		if err != nil {
			return "", err
		}
		people, err := in.Directory(ctx, r, n.Org)
		if slices.Contains(c.Orgs, n.Org) && e.Marking != tlp.Red || len(people) > 0 && slices.Contains(c.Persons, people[0].Person) {
			return "audience", err
		}
		return "", err
	}
	c, ok, err := consentOf(ctx, r, e.ID, n.Org)
	if err == nil && ok && c.State == "given" {
		return "consent:" + strconv.FormatInt(c.ID, 10), nil
	}
	return mandate, err
}

// keepPackage records a package inside an open act, for which everything must still hold
// that it was made by: consent that was taken back meanwhile, or a mandate that ended,
// stops it. An entry that changed since it was cleared is a conflict.
func (in *Incidents) keepPackage(ctx context.Context, tx *act.Tx, m *made) error {
	now, basis, err := in.basisOf(ctx, tx, m.by, &m.asked)
	if err != nil {
		return err
	}
	same := func(a, b Entry) bool { return a.ID == b.ID && a.Version == b.Version }
	if !slices.EqualFunc(now, m.entries, same) || !maps.Equal(basis, m.basis) {
		return changedMeanwhile()
	}
	if m.ID, err = tx.Next(ctx, "incident.package"); err != nil {
		return err
	}
	m.MadeAt = tx.Now()
	if _, err := tx.ExecContext(ctx, `insert into incident_package (`+strings.ReplaceAll(packageColumns, "p.", "")+`)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)`, m.ID, m.Incident, m.Purpose, m.Org, m.Transfer, m.Version, m.Mandate,
		m.Marking.String(), m.Exercise, m.Blob, m.Size, m.Digest, m.Signature, m.SealedTo, clock.Micros(m.MadeAt), m.MadeBy); err != nil {
		return err
	}
	for _, e := range m.entries {
		if _, err := tx.ExecContext(ctx, `insert into incident_package_entry (package_id, entry_id, entry_version, basis) values ($1, $2, $3, $4)`,
			m.ID, e.ID, e.Version, m.basis[e.ID]); err != nil {
			return err
		}
	}
	tx.Detail(packageDetail{fmt.Sprintf("incident-package:%d", m.ID), m.Org, entryIDs(m.entries), m.Digest, m.SealedTo != ""})
	return nil
}

type packageDetail struct {
	Package string  `json:"package"`
	Org     int64   `json:"org"`
	Entries []int64 `json:"entries"`
	Digest  string  `json:"sha256"`
	Sealed  bool    `json:"sealed"`
}

// SealKey is the age key to which packages for an organisation are sealed; empty for none.
func (in *Incidents) SealKey(ctx context.Context, r sqldb.Reader, org int64) (string, error) {
	key, _, err := sqldb.One(ctx, r, sqldb.Text, `select key from incident_seal_key where org_id = $1`, org)
	return key, err
}

// SetSealKey says to which age key (X25519, "age1…") packages for an organisation are
// sealed from now on; an empty one takes it away.
func (in *Incidents) SetSealKey(ctx context.Context, actor act.Actor, org int64, key string) error {
	key = strings.TrimSpace(key)
	if key != "" {
		if _, err := age.ParseX25519Recipient(key); err != nil {
			return fault.OnField("key", "incident.package.key", nil)
		}
	}
	call := act.Call{Actor: actor, Verb: "incident.set_seal_key", Subject: fmt.Sprintf("organisation:%d", org), Purpose: purpose}
	return in.Acts.Do(ctx, call, func(ctx context.Context, tx *act.Tx) error {
		if err := in.mayReceive(ctx, tx, &Incident{}, org); err != nil {
			return err
		}
		tx.Detail(struct {
			Key string `json:"key"`
		}{key})
		_, err := tx.ExecContext(ctx, `insert into incident_seal_key (org_id, key, at, by_id) values ($1, $2, $3, $4)
			on conflict (org_id) do update set key = excluded.key, at = excluded.at, by_id = excluded.by_id`, org, key, clock.Micros(tx.Now()), actor.ID)
		return err
	})
}
