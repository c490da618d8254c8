package incident

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/guard"
	"almenara.example/tlp"
)

// letterView answers the release gate about letters.
type letterView struct{ in *Incidents }

// LetterClosure answers the release gate about letters: see KindLetter.
func (in *Incidents) LetterClosure() guard.Closure { return letterView{in} }

func (in *Incidents) letter(ctx context.Context, r sqldb.Reader, id int64) (Letter, error) {
	l, ok, err := sqldb.One(ctx, r, scanLetter, `select `+letterColumns+` from incident_letter where id = $1`, id)
	if err == nil && !ok {
		err = notFound()
	}
	return l, err
}

// Parts implements guard.Closure.
func (v letterView) Parts(ctx context.Context, r sqldb.Reader, t guard.Thing, to guard.Recipient) ([]guard.Part, error) {
	l, err := v.in.letter(ctx, r, t.ID)
	if err != nil || l.Org != to.Org || l.Person != to.Person {
		return nil, orElse(err, notFound())
	}
	switch l.Kind {
	case LetterSitrep:
		s, err := v.in.Sitrep(ctx, r, l.About)
		return []guard.Part{{Ref: "sitrep", Marking: s.Marking, Chosen: true, Audience: l.Audience, Exercise: s.Exercise}}, err
	case LetterTransfer, LetterBench:
		p, err := v.in.Package(ctx, r, l.About)
		if l.Kind == LetterBench {
			return v.notice(ctx, r, l, p.Exercise), err
		}
		return []guard.Part{{Ref: "package", Marking: p.Marking, Chosen: true, Audience: l.Audience, Exercise: p.Exercise}}, err
	case LetterPolice:
		c, err := crossing(ctx, r, l.About)
		if err != nil {
			return nil, err
		}
		return v.in.CrossingParts(ctx, r, c)
	case LetterConsent:
		i, err := get(ctx, r, l.About)
		return v.notice(ctx, r, l, i.Exercise), err
	case LetterOversight, LetterOwner, LetterAlarm, LetterRecalled, LetterRecalledOversight:
	}
	c, err := crossing(ctx, r, l.About)
	return v.notice(ctx, r, l, c.Exercise), err
}

// notice is a letter that says that something happened, and nothing of an incident.
func (v letterView) notice(ctx context.Context, r sqldb.Reader, l Letter, exercise bool) []guard.Part {
	role := ""
	switch l.Kind {
	case LetterOversight, LetterRecalledOversight, LetterBench:
		role = guard.RoleOversight
	case LetterAlarm:
		role = guard.RoleDutyLead
	case LetterPolice, LetterOwner, LetterRecalled, LetterConsent, LetterTransfer, LetterSitrep:
	}
	p, err := v.in.Guard.Person(ctx, r, l.Person)
	if err != nil || !p.Active || role != "" && !slices.Contains(p.Roles, role) {
		return nil // he has left, or has another task
	}
	return []guard.Part{{Ref: "notice", Owner: l.Org, Owned: true, Marking: tlp.Green, Exercise: exercise}}
}

// CrossingParts are the lines of a crossing for the release gate: chosen for the police
// under the mandate. A recalled one has none.
func (in *Incidents) CrossingParts(ctx context.Context, r sqldb.Reader, c Crossing) (parts []guard.Part, err error) {
	if !c.Open() {
		return nil, nil
	}
	lines, err := in.CrossingLines(ctx, r, c.ID)
	for _, l := range lines {
		parts = append(parts, guard.Part{
			Ref: strconv.FormatInt(l.Entry, 10), Owner: l.Owner, Owned: true, Marking: l.Marking, Chosen: true, Audience: c.Audience, Exercise: c.Exercise,
		})
	}
	return parts, err
}

// Render implements guard.Closure.
func (v letterView) Render(ctx context.Context, r sqldb.Reader, t guard.Thing, to guard.Recipient, cleared []guard.Part) (view guard.View, err error) {
	l, err := v.in.letter(ctx, r, t.ID)
	if err != nil {
		return view, err
	}
	view = guard.View{ContentType: "text/plain; charset=utf-8", MessageID: l.UID + "@" + v.in.MailDomain}
	own, err := v.in.Guard.Organisation(ctx, r, guard.OwnOrg)
	if err != nil {
		return view, err
	}
	var body string
	switch l.Kind {
	case LetterSitrep:
		view.Subject, body, err = v.sitrep(ctx, r, l)
	case LetterConsent:
		view.Subject, body = v.consent(l, to)
	case LetterTransfer, LetterBench:
		view, body, err = v.packageMail(ctx, r, l, to, view)
	case LetterPolice, LetterOversight, LetterOwner, LetterAlarm, LetterRecalled, LetterRecalledOversight:
		view.Subject, body, err = v.crossing(ctx, r, l, to, cleared)
	}
	view.Body = []byte(body + "\n\n" + own.Name + "\n")
	return view, err
}

// consent words the question to an owner.
func (v letterView) consent(l Letter, to guard.Recipient) (subject, body string) {
	words, number := v.in.speak(to.Language), v.in.Number(l.About)
	return "[" + number + "] " + words.Say("incident.letter.consent.subject"),
		words.Say("incident.letter.consent.text", "Number", number, "URL", v.in.PublicURL+"/portal/consents")
}

// crossing words a letter about a crossing. Only what is sealed shows lines.
func (v letterView) crossing(ctx context.Context, r sqldb.Reader, l Letter, to guard.Recipient, cleared []guard.Part) (subject, body string, err error) {
	c, err := crossing(ctx, r, l.About)
	if err != nil {
		return "", "", err
	}
	words, key, number := v.in.speak(to.Language), "incident.letter."+strings.ReplaceAll(string(l.Kind), "-", "_"), v.in.CrossingNumber(c.ID)
	url := v.in.PublicURL + "/portal/crossings/" + number
	if l.Org == guard.OwnOrg || l.Kind == LetterOversight || l.Kind == LetterRecalledOversight || l.Kind == LetterAlarm {
		url = v.in.PublicURL + "/incident/crossings/" + number
	}
	body = words.Say(key+".text", "Number", number, "URL", url, "At", c.At, "Due", c.ReviewDue)
	if l.Kind == LetterPolice && to.Channel == guard.BySealedMail {
		text, err := v.lines(ctx, r, c, to, cleared)
		if err != nil {
			return "", "", err
		}
		body += "\n\n" + text
	}
	return "[" + number + "] " + words.Say(key+".subject"), body, nil
}

// lines writes the lines of a crossing that were cleared.
func (v letterView) lines(ctx context.Context, r sqldb.Reader, c Crossing, to guard.Recipient, cleared []guard.Part) (string, error) {
	lines, err := v.in.CrossingLines(ctx, r, c.ID)
	if err != nil {
		return "", err
	}
	words := v.in.speak(to.Language)
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n%s\n", c.Why, c.Citation)
	for _, l := range lines {
		if !slices.ContainsFunc(cleared, func(p guard.Part) bool { return p.Ref == strconv.FormatInt(l.Entry, 10) }) {
			continue
		}
		o, err := v.in.Guard.Organisation(ctx, r, l.Owner)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&b, "\n%s · %s · %s\n%s\n", words.Time(l.At), o.Name, l.Marking, l.Text)
		if l.Observables != "" {
			fmt.Fprintf(&b, "%s\n", l.Observables)
		}
	}
	return b.String(), nil
}

// CrossingDoc is a crossing as the police reads it.
type CrossingDoc struct {
	Number   string            `json:"number"`
	At       time.Time         `json:"at"`
	Why      string            `json:"why,omitempty"`
	Citation string            `json:"citation,omitempty"`
	Closed   time.Time         `json:"closed,omitzero"`
	Lines    []CrossingDocLine `json:"lines,omitempty"`
}

// CrossingDocLine is a line of it.
type CrossingDocLine struct {
	At          time.Time         `json:"at"`
	Owner       string            `json:"owner"`
	Kind        Kind              `json:"kind"`
	Marking     string            `json:"marking"`
	Text        string            `json:"text"`
	Observables string            `json:"observables,omitempty"`
	Files       []CrossingDocFile `json:"files,omitempty"`
}

// CrossingDocFile is a file of a line; ID is its place among the files of the crossing.
type CrossingDocFile struct {
	Place int    `json:"place"`
	Name  string `json:"name"`
	Size  int64  `json:"size"`
}

// CrossingDocOf writes a crossing for the police, of the lines whose refs were cleared.
func (in *Incidents) CrossingDocOf(ctx context.Context, r sqldb.Reader, c Crossing, cleared map[string]bool) (d CrossingDoc, err error) {
	d = CrossingDoc{Number: in.CrossingNumber(c.ID), At: c.At, Closed: c.RecalledAt}
	if !c.Open() {
		return d, nil
	}
	d.Why, d.Citation = c.Why, c.Citation
	lines, err := in.CrossingLines(ctx, r, c.ID)
	if err != nil {
		return d, err
	}
	files, err := in.CrossingFiles(ctx, r, c.ID)
	if err != nil {
		return d, err
	}
	for _, l := range lines {
		if !cleared[strconv.FormatInt(l.Entry, 10)] {
			continue
		}
		o, err := in.Guard.Organisation(ctx, r, l.Owner)
		if err != nil {
			return d, err
		}
		one := CrossingDocLine{At: l.At, Owner: o.Name, Kind: l.Kind, Marking: l.Marking.String(), Text: l.Text, Observables: l.Observables}
		for i, f := range files {
			if f.Entry == l.Entry {
				one.Files = append(one.Files, CrossingDocFile{i + 1, f.Name, f.Size})
			}
		}
		d.Lines = append(d.Lines, one)
	}
	return d, nil
}
