package incident

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"mime"
	"slices"
	"strings"
	"time"

	"almenara.example/internal/act"
	"almenara.example/internal/constituency"
	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/foundation/text"
	"almenara.example/internal/guard"
	"almenara.example/internal/warn"
	"almenara.example/internal/watch"
	"almenara.example/rsit"
	"almenara.example/tlp"
	"almenara.example/xarf"
)

// ReportOfMail makes a report of a mail that came in and belongs to nothing; the mail
// is filed. Whose word it is is sure only where the sender's own key signed it.
func (in *Incidents) ReportOfMail(ctx context.Context, actor act.Actor, m *warn.Mail, files []NewFile) (Report, error) {
	n := NewReport{
		Source: ByLetter, Title: clip(m.Subject, MaxTitle-1), Text: clip(m.Words, maxReportText-1), Email: m.From, Language: in.Language, SaidAt: m.ReceivedAt,
		External: fmt.Sprintf("mail:%d", m.ID), Files: files,
	}
	n.Title = strings.Join(strings.Fields(clean(n.Title)), " ")
	if text.Blank(n.Text) {
		n.Text = n.Title
	}
	if guard.CheckEmail("email", n.Email) != nil {
		n.Email = ""
	}
	if m.Org != guard.OwnOrg && m.Person != 0 {
		p, err := in.Guard.Person(ctx, in.read, m.Person)
		if err != nil {
			return Report{}, err
		}
		n.Owner, n.Name, n.Language, n.Reporter = m.Org, p.Name, p.Language, Customer
	}
	call := act.Call{Actor: actor, Verb: "incident.report"}
	return in.take(ctx, call, n, func(ctx context.Context, _ *act.Tx, p *Report) error {
		if p.Confirmed = m.Signature == warn.SignedGood && p.Owner != 0; p.Confirmed {
			p.Person = m.Person
		}
		return in.Warn.HandOver(ctx, actor, m.ID, "warn.post.why.reported")
	})
}

func clip(s string, most int) string {
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}

// TakeXARF keeps an abuse report in XARF v4. One report_id is taken once: Conflict.
func (in *Incidents) TakeXARF(ctx context.Context, actor act.Actor, raw []byte) (Report, error) {
	x, err := xarf.Parse(raw)
	if err != nil {
		return Report{}, fault.OnField("xarf", "incident.reports.xarf", fault.Args{"Why": fault.Clip(err.Error())})
	}
	n := NewReport{
		Source: ByXARF, Title: oneLine(fmt.Sprintf("%s: %s", x.Type, x.Source), MaxTitle), Text: xarfText(x), Affected: oneLine(x.Source, MaxTitle),
		Happened: x.Time.UTC().Format(time.RFC3339), Name: oneLine(x.Reporter.Org, MaxTitle), Email: x.Reporter.Contact, Language: in.Language,
		External: "xarf:" + strings.ToLower(x.ID), Class: xarfClass(x), Files: xarfFiles(x),
	}
	if guard.CheckEmail("email", n.Email) != nil {
		n.Email = ""
	}
	if o := (NewObservable{Value: x.Source}); checkObservables([]NewObservable{o}) == nil {
		n.Observables = []NewObservable{o}
	}
	return in.TakeReport(ctx, actor, n)
}

func oneLine(s string, most int) string {
	return clip(strings.Join(strings.Fields(clean(s)), " "), most-1)
}

// xarfText writes what the report says, a key to a line.
func xarfText(x *xarf.Report) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s/%s · %s", x.Category, x.Type, x.Source)
	if x.SourcePort != 0 {
		fmt.Fprintf(&b, " port %d", x.SourcePort)
	}
	if x.Description != "" {
		fmt.Fprintf(&b, "\n\n%s\n", x.Description)
	}
	names := make([]string, 0, len(x.Fields))
	for name := range x.Fields {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		var s string
		if json.Unmarshal(x.Fields[name], &s) != nil { // a number, a list: as it is written
			var tight bytes.Buffer
			_ = json.Compact(&tight, x.Fields[name]) // it was parsed already
			s = tight.String()
		}
		fmt.Fprintf(&b, "\n%s: %s", name, s)
	}
	return clip(clean(b.String()), maxReportText-1)
}

// xarfFiles are the pieces of evidence, as far as a report takes files.
func xarfFiles(x *xarf.Report) (out []NewFile) {
	for i, e := range x.Evidence {
		if len(out) == MaxReportFiles || len(e.Payload) == 0 || len(e.Payload) > MaxReportFile {
			continue
		}
		ext := ".bin"
		if known, err := mime.ExtensionsByType(e.ContentType); err == nil && len(known) > 0 {
			ext = known[0]
		}
		out = append(out, NewFile{Name: fmt.Sprintf("evidence-%d%s", i+1, ext), Body: e.Payload})
	}
	return out
}

// xarfClass is the RSIT type that says the same; empty for none.
func xarfClass(x *xarf.Report) string {
	class := map[string]string{
		"ddos": "ddos", "login_attack": "brute-force", "port_scan": "scanner", "vulnerability_scan": "scanner", "infected_host": "infected-system",
		"spam": "spam", "phishing": "phishing", "malware": "malware-distribution", "botnet": "infected-system", "compromised_server": "system-compromise",
		"sql_injection": "exploit", "cve": "vulnerable-system", "open_service": "vulnerable-system",
	}[x.Type]
	if class != "" && rsit.ClassOf(class) == "" {
		return ""
	}
	return class
}

// maxPromoted bounds from how many findings one incident begins.
const maxPromoted = 200

// FromFindings opens an incident from findings, in one act: their organisations take
// part as affected, and each of them sees what was found at its own systems, marked as
// its source is. Findings of an exercise make an exercise.
func (in *Incidents) FromFindings(ctx context.Context, actor act.Actor, i Incident, findings []int64) (Incident, error) {
	fs, err := in.promotable(ctx, actor, findings)
	if err != nil {
		return i, err
	}
	i.Exercise = fs[0].Flags&watch.Exercise != 0
	call := act.Call{Actor: actor, Verb: "incident.promote_findings", Purpose: purpose, Exercise: i.Exercise}
	err = in.Acts.Do(ctx, call, func(ctx context.Context, tx *act.Tx) error {
		if i, err = in.OpenNew(ctx, actor, i); err != nil {
			return err
		}
		tx.Subject(subject(i.ID))
		for _, f := range fs {
			if _, err := tx.ExecContext(ctx, `insert into incident_finding (incident_id, finding_id, at, by_id) values ($1, $2, $3, $4)`,
				i.ID, f.ID, clock.Micros(tx.Now()), actor.ID); err != nil {
				return err
			}
		}
		return in.tellFound(ctx, tx, actor, &i, fs)
	})
	return i, err
}

// promotable reads the findings, as far as the actor may see them.
func (in *Incidents) promotable(ctx context.Context, actor act.Actor, findings []int64) ([]watch.Finding, error) {
	findings = slices.Compact(slices.Sorted(slices.Values(findings)))
	if len(findings) == 0 || len(findings) > maxPromoted {
		return nil, fault.OnField("id", "incident.reports.findings_many", fault.Args{"Max": maxPromoted})
	}
	fs, err := in.Watch.FindingsByID(ctx, in.read, findings, actor.Org)
	if err != nil {
		return nil, err
	}
	if len(fs) != len(findings) {
		return nil, fault.New(fault.NotFound, "incident.reports.findings_none", nil)
	}
	for _, f := range fs {
		if (f.Flags^fs[0].Flags)&watch.Exercise != 0 {
			return nil, fault.New(fault.Conflict, "incident.merge.exercise", nil)
		}
	}
	return fs, nil
}

// tellFound writes one entry for each organisation that findings are at.
func (in *Incidents) tellFound(ctx context.Context, tx *act.Tx, actor act.Actor, i *Incident, fs []watch.Finding) error {
	by, orgs := map[int64][]watch.Finding{}, []int64{}
	for _, f := range fs {
		if by[f.Org] == nil {
			orgs = append(orgs, f.Org)
		}
		by[f.Org] = append(by[f.Org], f)
	}
	for _, org := range orgs {
		circle := guard.Circle{Orgs: []int64{guard.OwnOrg}}
		if org != 0 && org != guard.OwnOrg {
			if err := in.admit(ctx, tx, i, NewParticipant{Org: org, Role: "affected", Tell: ByMail}); err != nil {
				return err
			}
			circle.Orgs = append(circle.Orgs, org)
		}
		n, err := in.foundEntry(ctx, tx, by[org])
		if err != nil {
			return err
		}
		if n.Marking == tlp.Red { // for named persons only: for whoever promotes it, to begin with
			me := ViewerOf(actor).Person
			if me == 0 {
				return fault.OnField("audience", "incident.audience.red_nobody", nil)
			}
			circle = guard.Circle{Persons: []int64{me}}
		}
		n.exact = &circle
		// An act of its own within the one that promotes: each entry is told for itself.
		call := act.Call{Actor: actor, Verb: "incident.add_entry", Subject: subject(i.ID), Purpose: purpose, Exercise: i.Exercise}
		if err := in.Acts.Do(ctx, call, func(ctx context.Context, tx *act.Tx) error {
			_, err := in.addEntry(ctx, tx, actor, i, n)
			return err
		}); err != nil {
			return err
		}
	}
	return nil
}

// foundEntry says what was found at one organisation's systems.
func (in *Incidents) foundEntry(ctx context.Context, r sqldb.Reader, fs []watch.Finding) (NewEntry, error) {
	n := NewEntry{Kind: Observable, Marking: tlp.Clear, Source: FromMachine, Owner: guard.OwnOrg}
	var b strings.Builder
	for _, f := range fs {
		stream, _ := in.Watch.StreamOf(f.Stream)
		src, err := in.Watch.Source(ctx, r, stream.Source)
		if err != nil {
			return n, err
		}
		m := src.Marking
		if m == tlp.Unmarked {
			m = tlp.AmberStrict
		}
		n.Marking = tlp.Strictest(n.Marking, m)
		place := f.Host
		if f.IP.IsValid() {
			place = f.IP.String()
		}
		what := f.Class.Identifier
		if what == "" {
			what = stream.Kind
		}
		if f.Port >= 0 {
			place += fmt.Sprintf(" %s/%d", f.Transport, f.Port)
		}
		fmt.Fprintf(&b, "%s · %s · %s\n", in.Watch.Number(f.ID), place, what)
		for _, v := range []string{f.IP.String(), f.Host} {
			if o := (NewObservable{Value: v}); v != "" && v != "invalid IP" && checkObservables([]NewObservable{o}) == nil {
				n.Observables = append(n.Observables, o)
			}
		}
	}
	n.Text = clip(strings.TrimSpace(b.String()), MaxText-1)
	return n, nil
}

// FindingsOf lists the findings that an incident began with, for the desk.
func (in *Incidents) FindingsOf(ctx context.Context, r sqldb.Reader, incident int64) ([]int64, error) {
	return sqldb.All(ctx, r, sqldb.Int64, `select finding_id from incident_finding where incident_id = $1 order by finding_id`, incident)
}

// IncidentsOfFinding lists the incidents that a finding belongs to, as far as a viewer
// may know of them.
func (in *Incidents) IncidentsOfFinding(ctx context.Context, r sqldb.Reader, v Viewer, finding int64) ([]Incident, error) {
	return sqldb.All(ctx, r, scanIncident, `select `+incidentColumns+` from incident i where `+mayKnow+`
		and i.id in (select incident_id from incident_finding where finding_id = $3) order by i.id desc`, v.Org, v.Person, finding)
}

// Candidate is an organisation that may be meant, and why.
type Candidate struct {
	Org int64
	Why string // catalogue key: named, holds it, answers this number
}

// WhoIsMeant finds organisations by what somebody on the phone says: a name or a part
// of one, an address or a domain of theirs, a telephone number; at most ten.
func (in *Incidents) WhoIsMeant(ctx context.Context, r sqldb.Reader, said string) (out []Candidate, err error) {
	said = strings.TrimSpace(said)
	if said == "" {
		return nil, nil
	}
	add := func(org int64, why string) {
		if org != 0 && len(out) < 10 && !slices.ContainsFunc(out, func(c Candidate) bool { return c.Org == org }) {
			out = append(out, Candidate{org, why})
		}
	}
	if o, ok, err := in.Guard.OrganisationNamed(ctx, r, said); err != nil || ok {
		add(o.ID, "incident.reports.why.name")
		return out, err
	}
	today := constituency.DayOf(in.Acts.Clock().Now())
	if l, err := in.Constituency.Lookup(ctx, r, said, today); err == nil {
		add(l.Org.ID, "incident.reports.why.asset")
	} else if fault.CodeOf(err) != fault.Invalid {
		return nil, err
	}
	if digits := digitsOf(said); len(digits) >= 6 {
		all, err := in.Constituency.AllContacts(ctx, r)
		if err != nil {
			return nil, err
		}
		for org, cs := range all {
			for _, c := range cs {
				if sameNumber(digitsOf(c.Phone), digits) {
					add(org, "incident.reports.why.phone")
				}
			}
		}
	}
	page, _ := in.Constituency.Index().Organisations(constituency.OrgFilter{Text: said, Limit: 10})
	for _, o := range page {
		add(o.ID, "incident.reports.why.name")
	}
	return out, nil
}

func digitsOf(s string) string {
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, s)
}

// sameNumber compares telephone numbers whatever the country's prefix.
func sameNumber(a, b string) bool {
	short := min(len(a), len(b), 9)
	return short >= 6 && a[len(a)-short:] == b[len(b)-short:]
}
