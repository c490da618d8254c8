package incidentweb

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"almenara.example/internal/foundation/web"
	"almenara.example/internal/guard"
	"almenara.example/internal/incident"
	"almenara.example/tlp"
)

// story is one entry in an incident's story.
type story struct {
	ID      int64
	URL     string
	Kind    web.Badge
	Who     string // whose word
	By      string
	At      time.Time
	Marking string
	Text    string
	Gone    string // why it was taken back
	Changed bool
	Machine bool
	From    string // number of the merged incident it comes from
	Sees    string // who can see it, in a line
	State   *web.Badge
	Due     time.Time
	Files   []web.Link
	Sights  []string
	Gap     string // how much time had passed before it, when that is long
}

// gapFrom is how long a silence must be to be shown.
const gapFrom = 6 * time.Hour

// known are names that were looked up for a page already.
type known struct {
	circles map[guard.Audience]string
	authors map[string]string
}

// story reads what happened, as far as the reader may see it, and how secret it is.
func (p *Pages) story(r *http.Request, i *incident.Incident) (out []story, strictest tlp.Marking, err error) {
	ctx, db, v := r.Context(), p.in.Acts.Reader(), viewer(r)
	entries, err := p.in.Story(ctx, db, v, i.ID)
	if err != nil {
		return nil, i.Marking, err
	}
	parts, err := p.partsOf(r, i)
	if err != nil {
		return nil, i.Marking, err
	}
	names := known{map[guard.Audience]string{}, map[string]string{}}
	var ids []int64
	strictest = i.Marking
	for k := range entries {
		e := &entries[k]
		ids = append(ids, e.ID)
		strictest = tlp.Strictest(strictest, e.Marking)
		s, err := p.storyOf(r, e, parts, names)
		if err != nil {
			return nil, strictest, err
		}
		if e.Incident != i.ID {
			s.From = p.in.Number(e.Incident)
		}
		if k > 0 && e.At.Sub(entries[k-1].At) >= gapFrom {
			s.Gap = web.PrinterOf(ctx).Age(e.At.Sub(entries[k-1].At))
		}
		out = append(out, s)
	}
	slices.Reverse(out) // the newest is what somebody who comes back looks for
	return out, strictest, p.in.MarkSeen(ctx, v, ids)
}

// parts are what hangs on the entries of an incident.
type parts struct {
	files  map[int64][]incident.File
	sights map[int64][]incident.Sight
	tasks  map[int64]incident.Task
}

func (p *Pages) partsOf(r *http.Request, i *incident.Incident) (out parts, err error) {
	ctx, db, v := r.Context(), p.in.Acts.Reader(), viewer(r)
	out = parts{map[int64][]incident.File{}, map[int64][]incident.Sight{}, map[int64]incident.Task{}}
	fs, err := p.in.Files(ctx, db, v, i.ID)
	if err != nil {
		return out, err
	}
	for _, f := range fs {
		out.files[f.Entry] = append(out.files[f.Entry], f)
	}
	ss, err := p.in.Observables(ctx, db, v, i.ID)
	if err != nil {
		return out, err
	}
	for _, s := range ss {
		out.sights[s.Entry] = append(out.sights[s.Entry], s)
	}
	ts, err := p.in.Tasks(ctx, db, v, i.ID)
	for _, t := range ts {
		out.tasks[t.Entry] = t
	}
	return out, err
}

func (p *Pages) storyOf(r *http.Request, e *incident.Entry, has parts, names known) (s story, err error) {
	s = story{
		ID: e.ID, URL: "/incident/entries/" + number(e.ID), Who: p.orgName(e.Owner), By: e.By, At: e.At, Marking: e.Marking.String(), Text: e.Text,
		Changed: e.Version > 1, Machine: !strings.HasPrefix(e.Author, "person:"), Kind: kindBadge(r, e.Kind),
	}
	if s.By == "" {
		by, ok := names.authors[e.Author]
		if !ok {
			by = p.who(r, e.Author)
			names.authors[e.Author] = by
		}
		s.By = by
	}
	if !e.RetractedAt.IsZero() {
		s.Gone, s.Text = e.Retracted, ""
		return s, nil
	}
	sees, ok := names.circles[e.Audience]
	if !ok {
		c, err := p.in.Guard.CircleOf(r.Context(), p.in.Acts.Reader(), e.Audience)
		if err != nil {
			return s, err
		}
		sees = p.circleLine(r, c)
		names.circles[e.Audience] = sees
	}
	s.Sees = sees
	for _, f := range has.files[e.ID] {
		s.Files = append(s.Files, web.Link{Label: f.Name, URL: "/incident/files/" + number(f.ID) + "/view"})
	}
	for _, o := range has.sights[e.ID] {
		s.Sights = append(s.Sights, o.Defanged())
	}
	if t, ok := has.tasks[e.ID]; ok {
		b := taskBadge(r, &t)
		s.State, s.Due = &b, t.Due
	}
	return s, nil
}

// circleLine names who sees an entry, in one line.
func (p *Pages) circleLine(r *http.Request, c guard.Circle) string {
	var names []string
	for _, org := range c.Orgs {
		if org != guard.OwnOrg {
			names = append(names, p.orgName(org))
		}
	}
	for _, id := range c.Persons {
		names = append(names, p.personName(r, id))
	}
	if len(names) == 0 {
		return web.Say(r, "incident.desk.audience.desk")
	}
	if len(c.Orgs) > 0 && c.Orgs[0] == guard.OwnOrg {
		return web.Say(r, "incident.desk.audience.desk_and", "Names", strings.Join(names, ", "))
	}
	return strings.Join(names, ", ")
}

func kindBadge(r *http.Request, k incident.Kind) web.Badge {
	icon := map[incident.Kind]string{
		incident.Note: "edit", incident.Call: "phone", incident.Status: "info", incident.Decision: "flag", incident.Observable: "search",
		incident.FileEntry: "copy", incident.TaskEntry: "check", incident.Question: "question", incident.Measure: "lock",
	}[k]
	return web.Badge{Tone: "muted", Icon: icon, Word: web.Say(r, "incident.desk.kind."+string(k))}
}

func taskBadge(r *http.Request, t *incident.Task) web.Badge {
	b := web.Badge{Tone: "open", Word: web.Say(r, "incident.desk.task."+string(t.State))}
	if t.State.Ended() || t.State == incident.Active {
		b.Tone, b.Icon = "ok", "check"
	}
	return b
}
