package incident

import (
	"context"
	"fmt"
	"strings"

	"almenara.example/internal/foundation/i18n"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/guard"
	"almenara.example/tlp"
)

// mostAttached bounds the files of one mail, in bytes; larger ones are in the portal.
const mostAttached = 10 << 20

// Letters is the room's closure: what a mail to a participant shows.
func (in *Incidents) Letters() guard.Closure { return letters{in} }

type letters struct{ in *Incidents }

// inside reads what a mail is about, as far as its addressee may know at this moment.
func (in *Incidents) inside(ctx context.Context, r sqldb.Reader, mail int64, to guard.Recipient) (i Incident, es []Entry, whats map[string]bool, err error) {
	v := Viewer{Org: to.Org, Person: to.Person}
	m, err := in.Mail(ctx, r, mail)
	if err != nil {
		return i, nil, nil, err
	}
	if m.Org != to.Org {
		return i, nil, nil, notFound()
	}
	if i, err = in.Incident(ctx, r, v, m.Incident); err != nil {
		return i, nil, nil, err
	}
	all, err := sqldb.All(ctx, r, scanNews, `select `+newsColumns+` from incident_news n where n.mail_id = $1 order by n.id`, mail)
	if err != nil {
		return i, nil, nil, err
	}
	whats = map[string]bool{}
	for _, n := range all {
		if n.entry == 0 {
			whats[n.what] = true
		}
	}
	es, err = sqldb.All(ctx, r, scanEntry, `select `+entryColumns+` from incident_entry e where `+maySee+`
		and e.id in (select entry_id from incident_news where mail_id = $3) order by e.at, e.id`, v.Org, v.Person, mail)
	if err == nil && len(es) == 0 && len(whats) == 0 {
		err = notFound() // nothing is left to tell
	}
	return i, es, whats, err
}

func entryRef(e *Entry) string { return fmt.Sprintf("entry:%d", e.ID) }

// Parts implements guard.Closure: the head, which whoever takes part has for his own, and
// each entry.
func (l letters) Parts(ctx context.Context, r sqldb.Reader, t guard.Thing, to guard.Recipient) ([]guard.Part, error) {
	i, es, _, err := l.in.inside(ctx, r, t.ID, to)
	if err != nil {
		return nil, ignoreNotFound(err)
	}
	parts := []guard.Part{{Ref: "head", Owner: to.Org, Owned: true, Marking: i.Marking, Exercise: i.Exercise}}
	for k := range es {
		e := &es[k]
		parts = append(parts, guard.Part{
			Ref: entryRef(e), Owner: e.Owner, Owned: true, Chosen: true, Marking: e.Marking, Audience: e.Audience, Exercise: e.Exercise,
		})
	}
	return parts, nil
}

// letter is a mail being written.
type letter struct {
	in    *Incidents
	r     sqldb.Reader
	v     Viewer
	p     *i18n.Printer
	b     strings.Builder
	files []guard.File
	size  int64
}

func (l *letter) line(key string, pairs ...any) { l.b.WriteString(l.p.Say(key, pairs...) + "\n") }

// Render implements guard.Closure: the mail in the recipient's language, from the cleared
// parts only.
func (l letters) Render(ctx context.Context, r sqldb.Reader, t guard.Thing, to guard.Recipient, cleared []guard.Part) (v guard.View, err error) {
	in := l.in
	i, es, whats, err := in.inside(ctx, r, t.ID, to)
	if err != nil {
		return v, err
	}
	ok := map[string]bool{}
	for _, p := range cleared {
		ok[p.Ref] = true
	}
	w := &letter{in: in, r: r, v: Viewer{Org: to.Org, Person: to.Person}, p: in.Catalogue.Printer(to.Language).In(in.Zone)}
	w.line("incident.mail.greeting", "Organisation", in.orgName(to.Org))
	v = guard.View{ContentType: "text/plain; charset=utf-8", MessageID: in.messageID(t.ID), References: []string{in.threadID(i.ID)}}
	number := in.Number(i.ID)
	v.Subject = w.p.Say("incident.mail.subject.plain", "Number", number)
	if to.Channel == guard.ByMinimalMail {
		w.line("incident.mail.minimal", "Team", in.orgName(guard.OwnOrg), "Number", number)
	} else {
		if ok["head"] && i.Marking.AtMost(tlp.Green) { // a subject is never sealed
			v.Subject = w.p.Say("incident.mail.subject", "Number", number, "Title", i.Title)
		}
		if err := w.body(ctx, &i, es, whats, ok); err != nil {
			return v, err
		}
	}
	w.line("incident.mail.link", "URL", in.PublicURL+"/portal/incidents/"+number)
	w.line("incident.mail.sign", "Team", in.orgName(guard.OwnOrg))
	v.Body, v.Files = []byte(w.b.String()), w.files
	return v, nil
}

// body is all that a mail says when it may say something.
func (w *letter) body(ctx context.Context, i *Incident, es []Entry, whats, ok map[string]bool) error {
	if ok["head"] {
		w.line("incident.mail.about", "Number", w.in.Number(i.ID), "Title", i.Title, "Marking", i.Marking.String())
		if whats[newsJoined] {
			w.line("incident.mail.joined", "Lead", w.in.orgName(i.Lead))
		}
		if whats[newsClosed] && i.State != Open {
			w.line("incident.mail.closed."+string(i.State), "Resolution", i.Resolution)
		}
	}
	for k := range es {
		if ok[entryRef(&es[k])] {
			if err := w.entry(ctx, &es[k]); err != nil {
				return err
			}
		}
	}
	w.line("incident.mail.reply")
	return nil
}

// entry writes one entry with what hangs on it.
func (w *letter) entry(ctx context.Context, e *Entry) error {
	who := w.in.orgName(e.Owner)
	if e.By != "" {
		who += " (" + e.By + ")"
	}
	w.line("incident.mail.entry", "Kind", w.p.Say("incident.mail.kind."+string(e.Kind)), "Who", who, "Time", w.p.Time(e.At), "Marking", e.Marking.String())
	if !e.RetractedAt.IsZero() {
		w.line("incident.mail.gone", "Why", e.Retracted)
		return nil
	}
	w.b.WriteString("\n" + e.Text + "\n")
	if t, ok, err := sqldb.One(ctx, w.r, scanTask, `select `+taskColumns+` from incident_task t where t.entry_id = $1`, e.ID); err != nil {
		return err
	} else if ok {
		w.task(&t)
	}
	ss, err := sqldb.All(ctx, w.r, scanSight, `select `+sightColumns+` from incident_observable o where o.entry_id = $1 order by o.id`, e.ID)
	if err != nil {
		return err
	}
	for _, s := range ss {
		w.b.WriteString("  " + s.Defanged() + "\n")
	}
	return w.attach(ctx, e)
}

func (w *letter) task(t *Task) {
	if t.Org != 0 && !t.Due.IsZero() {
		w.line("incident.mail.owes", "Who", w.in.orgName(t.Org), "Time", w.p.Time(t.Due))
	}
	w.line("incident.mail.state", "State", w.p.Say("incident.mail.task."+string(t.State)))
	if t.Result != "" {
		w.b.WriteString("\n" + t.Result + "\n")
	}
}

// attach adds an entry's files while there is room, and names the others.
func (w *letter) attach(ctx context.Context, e *Entry) error {
	fs, err := sqldb.All(ctx, w.r, scanFile, `select f.id, f.entry_id, f.blob, f.name, f.type, f.size from incident_file f where f.entry_id = $1 order by f.id`, e.ID)
	if err != nil {
		return err
	}
	for _, f := range fs {
		if w.size+f.Size > mostAttached {
			w.line("incident.mail.file", "Name", f.Name)
			continue
		}
		_, body, err := w.in.File(ctx, w.r, w.v, f.ID)
		if err != nil {
			return err
		}
		w.size += f.Size
		w.files = append(w.files, guard.File{Name: f.Name, ContentType: "application/octet-stream", Body: body})
	}
	return nil
}

func (in *Incidents) orgName(id int64) string {
	o, _ := in.Constituency.Index().Org(id)
	return o.Name
}

// messageID is a mail's Message-ID: derived, so that a repetition is the same message.
func (in *Incidents) messageID(mail int64) string {
	return strings.ToLower(in.MailNumbers.Format(uint64(mail))) + "@" + in.MailDomain
}

// threadID is the Message-ID under which all mails about an incident hang together.
func (in *Incidents) threadID(incident int64) string {
	return strings.ToLower(in.Number(incident)) + threadMark + "@" + in.MailDomain
}

const threadMark = ".incident"
