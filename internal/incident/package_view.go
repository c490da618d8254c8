package incident

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"almenara.example/internal/act"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/guard"
	"almenara.example/sealed"
)

// packageQuery is what is asked of the release gate.
type packageQuery struct {
	NewPackage
	Viewer   Viewer
	SealedTo string
	Made     time.Time
}

// packageView answers the release gate about packages.
type packageView struct{ in *Incidents }

// PackageClosure answers the release gate about packages: see KindPackage.
func (in *Incidents) PackageClosure() guard.Closure { return packageView{in} }

func (v packageView) asked(t guard.Thing) (q packageQuery, err error) {
	if err := json.Unmarshal([]byte(t.Query), &q); err != nil {
		return q, fault.Wrap(fault.Invalid, "fault.invalid", nil, err)
	}
	return q, nil
}

// Parts implements guard.Closure. What goes by consent, mandate or as the desk's own was
// chosen for this recipient; the rest keeps its own audience.
func (v packageView) Parts(ctx context.Context, r sqldb.Reader, t guard.Thing, to guard.Recipient) (parts []guard.Part, err error) {
	q, err := v.asked(t)
	if err != nil {
		return nil, err
	}
	es, basis, err := v.in.basisOf(ctx, r, q.Viewer, &q.NewPackage)
	if err != nil {
		return nil, err
	}
	chosen, err := v.in.audienceOf(ctx, to)
	if err != nil {
		return nil, err
	}
	for _, e := range es {
		p := guard.Part{Ref: strconv.FormatInt(e.ID, 10), Owner: e.Owner, Owned: true, Marking: e.Marking, Chosen: true, Audience: chosen, Exercise: e.Exercise}
		if basis[e.ID] == "audience" {
			p.Audience = e.Audience
		}
		parts = append(parts, p)
	}
	return parts, nil
}

// audienceOf is the audience of the desk and one recipient, who is named as well.
func (in *Incidents) audienceOf(ctx context.Context, to guard.Recipient) (a guard.Audience, err error) {
	err = in.Acts.Housekeep(ctx, "incident.audience", func(ctx context.Context, tx *act.Tx) error {
		a, err = in.Guard.AudienceFor(ctx, tx, guard.Circle{Orgs: []int64{guard.OwnOrg, to.Org}, Persons: []int64{to.Person}})
		return err
	})
	return a, err
}

// Render implements guard.Closure: the package, sealed when there is a key. An entry that
// was chosen and not cleared stops it: nobody shall believe that it is in there.
func (v packageView) Render(ctx context.Context, r sqldb.Reader, t guard.Thing, _ guard.Recipient, cleared []guard.Part) (view guard.View, err error) {
	q, err := v.asked(t)
	if err != nil {
		return view, err
	}
	es, basis, err := v.in.basisOf(ctx, r, q.Viewer, &q.NewPackage)
	if err != nil {
		return view, err
	}
	if len(cleared) != len(es) {
		return view, fault.OnField("entry", "incident.package.not_cleared", nil)
	}
	m, err := v.manifest(ctx, r, q)
	if err != nil {
		return view, err
	}
	for _, p := range cleared {
		m.Marking = strictest(m.Marking, p.Marking.String())
	}
	var files []sealed.File
	total := int64(0)
	for _, e := range es {
		one, err := v.entry(ctx, r, e, basis[e.ID])
		if err != nil {
			return view, err
		}
		kept, err := entryFiles(ctx, r, e.ID)
		if err != nil {
			return view, err
		}
		for _, f := range kept {
			if total += f.Size; total > sealed.MaxSize/2 || len(files) == sealed.MaxFiles {
				return view, fault.OnField("entry", "incident.package.large", fault.Args{"Max": sealed.MaxSize >> 21})
			}
			body, err := v.in.blobOf(ctx, f.Blob)
			if err != nil {
				return view, fmt.Errorf("open file %d: %w", f.ID, err)
			}
			one.Files = append(one.Files, sealed.Place(len(files)))
			files = append(files, sealed.File{Name: f.Name, Type: f.Type, Body: body})
		}
		m.Entries = append(m.Entries, one)
	}
	view.ContentType = "application/x-tar"
	if view.Body, err = sealed.Pack(m, files); err == nil && q.SealedTo != "" {
		view.ContentType = "application/age-encryption"
		view.Body, err = sealed.Seal(view.Body, q.SealedTo)
	}
	return view, err
}

func (v packageView) manifest(ctx context.Context, r sqldb.Reader, q packageQuery) (m sealed.Manifest, err error) {
	i, err := get(ctx, r, q.Incident)
	if err != nil {
		return m, err
	}
	from, err := v.in.Guard.Organisation(ctx, r, guard.OwnOrg)
	if err != nil {
		return m, err
	}
	to, err := v.in.Guard.Organisation(ctx, r, q.Org)
	m = sealed.Manifest{
		Purpose: q.Purpose, Number: v.in.Number(i.ID), Yours: q.Yours, Version: q.Version, Title: i.Title, From: from.Name, To: to.Name, Made: q.Made.UTC(),
		Marking: i.Marking.String(), Restrictions: q.Restrictions, Exercise: i.Exercise,
	}
	if err != nil || q.Mandate == 0 {
		return m, err
	}
	one, _, err := sqldb.One(ctx, r, scanMandate, `select `+mandateColumns+` from incident_mandate where id = $1`, q.Mandate)
	m.Mandate = &sealed.Mandate{Kind: one.Kind, Reference: one.Reference, Issuer: one.Issuer, Scope: one.Scope, Issued: one.IssuedAt, Expires: one.ExpiresAt}
	return m, err
}

func (v packageView) entry(ctx context.Context, r sqldb.Reader, e Entry, basis string) (out sealed.Entry, err error) {
	o, err := v.in.Guard.Organisation(ctx, r, e.Owner)
	if err != nil {
		return out, err
	}
	kind, id, _ := strings.Cut(basis, ":")
	out = sealed.Entry{
		Ref: v.in.Ref(e.ID), Version: e.Version, Kind: string(e.Kind), Owner: o.Name, Marking: e.Marking.String(), At: e.At, Text: e.Text, Basis: kind,
	}
	if out.Observables, err = sightsOf(ctx, r, e.ID); err != nil || kind != "consent" {
		return out, err
	}
	number, err := strconv.ParseInt(id, 10, 64)
	if err != nil {
		return out, fmt.Errorf("basis %q: %w", basis, err)
	}
	c, _, err := sqldb.One(ctx, r, scanConsent, `select `+consentColumns+` from incident_consent c where c.id = $1`, number)
	out.Consent = &sealed.Consent{By: c.SaidBy, At: c.SaidAt, Strength: c.Strength}
	return out, err
}

// packageMail words the mail that carries a transfer's package, or tells oversight that
// one went to the justice side.
func (v letterView) packageMail(ctx context.Context, r sqldb.Reader, l Letter, to guard.Recipient, view guard.View) (guard.View, string, error) {
	p, err := v.in.Package(ctx, r, l.About)
	if err != nil {
		return view, "", err
	}
	words, number := v.in.speak(to.Language), v.in.Number(p.Incident)
	o, err := v.in.Guard.Organisation(ctx, r, p.Org)
	if err != nil {
		return view, "", err
	}
	key := "incident.letter." + string(l.Kind)
	view.Subject = "[" + number + "] " + words.Say(key+".subject")
	text := words.Say(key+".text", "Number", number, "Name", o.Name, "Digest", p.Digest, "Version", p.Version, "At", p.MadeAt,
		"URL", v.in.PublicURL+"/incident/crossings")
	if l.Kind == LetterBench {
		return view, text, nil
	}
	body, err := v.in.PackageFile(ctx, p)
	name := v.in.PackageName(p)
	view.Files = []guard.File{
		{Name: name, ContentType: "application/octet-stream", Body: body},
		{Name: name + ".sig", ContentType: "text/plain; charset=utf-8", Body: []byte(p.Signature)},
	}
	if slices.Contains([]string{p.SealedTo}, "") {
		text += "\n" + words.Say("incident.letter.unsealed")
	}
	return view, text, err
}
