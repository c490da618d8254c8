package incident

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"almenara.example/internal/act"
	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/guard"
	"almenara.example/internal/outbound"
	"almenara.example/tlp"
)

// mayRead is the condition on a post p that a viewer of the desk ($1 organisation, $2
// person) may read it: whoever sees every entry that it answers, and the one that was
// made of it; and whom a duty lead's opening named. TLP:RED goes to named persons, and
// so does the answer to it, before anybody has filed it.
const mayRead = `(not exists (select 1 from incident_post_entry a where a.post_id = p.id
			and not exists (select 1 from incident_entry e where e.id = a.entry_id and ` + maySee + `))
		and (p.entry_id = 0 or exists (select 1 from incident_entry e where e.id = p.entry_id and ` + maySee + `))
	or exists (select 1 from incident_post_opened o where o.post_id = p.id and o.person_id = $2))`

func postSubject(id int64) string { return fmt.Sprintf("incident-post:%d", id) }

func scanSeenPost(r sqldb.Row) (p Post, err error) {
	var open bool
	if p, err = scanPost(also{r, []any{&open}}); err == nil && !open {
		p = p.shut()
	}
	return p, err
}

// also scans more columns behind those that somebody asks for.
type also struct {
	sqldb.Row
	more []any
}

// Scan implements sqldb.Row.
func (a also) Scan(to ...any) error { return a.Row.Scan(slices.Concat(to, a.more)...) }

const seenPost = `select ` + postColumns + `, case when ` + mayRead + ` then 1 else 0 end from incident_post p where `

// shut is what somebody may know of a mail who may not read it: that it is there, about
// which incident, from whom, and since when.
func (p Post) shut() Post {
	return Post{ID: p.ID, Incident: p.Incident, Org: p.Org, Person: p.Person, State: p.State, From: p.From, ReceivedAt: p.ReceivedAt, DecidedAt: p.DecidedAt, Shut: true}
}

// Post returns a mail that came in, as far as a viewer of the desk may read it; NotFound
// when there is none.
func (in *Incidents) Post(ctx context.Context, r sqldb.Reader, v Viewer, id int64) (Post, error) {
	p, ok, err := sqldb.One(ctx, r, scanSeenPost, seenPost+`p.id = $3`, v.Org, v.Person, id)
	if err == nil && (!ok || !v.Desk()) {
		return Post{}, fault.New(fault.NotFound, "incident.post.none", nil)
	}
	return p, err
}

// Posts lists mails that came in, newest first, before an id (0: all), each as far as a
// viewer of the desk may read it; an empty state lists all.
func (in *Incidents) Posts(ctx context.Context, r sqldb.Reader, v Viewer, s PostState, before int64, limit int) ([]Post, error) {
	if before == 0 {
		before = 1 << 62
	}
	if !v.Desk() {
		return nil, nil
	}
	return sqldb.All(ctx, r, scanSeenPost, seenPost+`($3 = '' or p.state = $3) and p.id < $4 order by p.id desc limit $5`,
		v.Org, v.Person, string(s), before, min(limit, 1000))
}

// readablePost is a mail whose words the viewer may read; who may not is told that it
// waits for others.
func (in *Incidents) readablePost(ctx context.Context, r sqldb.Reader, v Viewer, id int64) (Post, error) {
	p, err := in.Post(ctx, r, v, id)
	if err == nil && p.Shut {
		err = fault.New(fault.Denied, "incident.post.shut", nil)
	}
	return p, err
}

// noteTold notes what a mail that came in answers: all entries that our mails told of
// which it names.
func (in *Incidents) noteTold(ctx context.Context, tx *act.Tx, post int64, mails []int64) error {
	for _, m := range mails {
		if _, err := tx.ExecContext(ctx, `insert into incident_post_entry (post_id, entry_id)
			select distinct cast($1 as bigint), n.entry_id from incident_news n where n.mail_id = $2 and n.entry_id <> 0
			on conflict (post_id, entry_id) do nothing`, post, m); err != nil {
			return err
		}
	}
	return nil
}

// Handlers lists who of the desk may read a mail and decide about it, by name of the
// verb; those on duty first. OnDuty tells whether one of them is.
func (in *Incidents) Handlers(ctx context.Context, r sqldb.Reader, id int64) (who []guard.Person, onDuty bool, err error) {
	named, err := sqldb.All(ctx, r, sqldb.Int64, `select distinct a.person_id from guard_audience_person a join incident_entry e on e.audience_id = a.audience_id
		where e.id in (select entry_id from incident_post_entry where post_id = $1 union select entry_id from incident_post where id = $1) order by 1`, id)
	if err != nil {
		return nil, false, err
	}
	now, err := in.onDuty(ctx, r)
	if err != nil {
		return nil, false, err
	}
	for _, person := range named {
		one, err := in.Guard.Person(ctx, r, person)
		if err != nil {
			return nil, false, err
		}
		p, err := in.Post(ctx, r, Viewer{Org: guard.OwnOrg, Person: person}, id)
		if err != nil {
			return nil, false, err
		}
		if one.Org != guard.OwnOrg || !one.Active || p.Shut || !in.Acts.May(ctx, act.Call{Actor: guard.ActorOf(one), Verb: "incident.file_mail", Purpose: purpose}) {
			continue
		}
		if slices.Contains(now, person) {
			who, onDuty = slices.Insert(who, 0, one), true
		} else {
			who = append(who, one)
		}
	}
	return who, onDuty, nil
}

// onDuty lists the persons on duty now; nobody where no roster is kept.
func (in *Incidents) onDuty(ctx context.Context, r sqldb.Reader) ([]int64, error) {
	if in.OnDuty == nil {
		return nil, nil
	}
	return in.OnDuty(ctx, r, in.Acts.Clock().Now())
}

// OpenPost lets a duty lead read a mail that waits for persons of whom none is on duty.
// The reason stands in the record of actions, where oversight reads it.
func (in *Incidents) OpenPost(ctx context.Context, actor act.Actor, id int64, reason string) error {
	reason = clean(reason)
	if err := checkText("reason", reason, MaxReason, true); err != nil {
		return err
	}
	v := ViewerOf(actor)
	call := act.Call{Actor: actor, Verb: "incident.open_mail", Subject: postSubject(id), Purpose: purpose, Reason: reason}
	return in.Acts.Do(ctx, call, func(ctx context.Context, tx *act.Tx) error {
		p, err := in.Post(ctx, tx, v, id)
		switch {
		case err != nil:
			return err
		case !p.Shut:
			return nil
		case p.State != PostWaits:
			return fault.New(fault.Conflict, "incident.post.decided", nil)
		case v.Person == 0:
			return fault.New(fault.Denied, "incident.post.shut", nil)
		}
		if _, onDuty, err := in.Handlers(ctx, tx, id); err != nil || onDuty {
			return orElse(err, fault.New(fault.Conflict, "incident.post.somebody", nil))
		}
		tx.Fact(postArrived())
		_, err = tx.ExecContext(ctx, `insert into incident_post_opened (post_id, person_id, at) values ($1, $2, $3)`, id, v.Person, clock.Micros(tx.Now()))
		return err
	})
}

// PostMarking is the strictest marking of what a mail answers; unmarked when it answers
// nothing in particular. It is for whoever may read the mail.
func (in *Incidents) PostMarking(ctx context.Context, r sqldb.Reader, id int64) (strictest tlp.Marking, err error) {
	all, err := sqldb.All(ctx, r, sqldb.Text, `select distinct e.marking from incident_entry e join incident_post_entry a on a.entry_id = e.id where a.post_id = $1`, id)
	for _, text := range all {
		m, err := tlp.Parse(text)
		if err != nil {
			return tlp.Red, err
		}
		strictest = max(strictest, m)
	}
	return strictest, err
}

// PostPart is what somebody takes of a mail that came in: its bytes as they arrived, or
// one of its files.
type PostPart struct {
	Name, Type string
	Body       []byte
}

// TakePost hands out a mail as it arrived (file 0) or its file of a place, counted from
// 1, to whoever may read it. That he took it stands in the record of actions.
func (in *Incidents) TakePost(ctx context.Context, actor act.Actor, id int64, file int) (part PostPart, err error) {
	p, err := in.readablePost(ctx, in.read, ViewerOf(actor), id)
	if err != nil {
		return part, err
	}
	if file < 0 || file > len(p.Files) {
		return part, notFound()
	}
	if part, err = in.partOf(ctx, p, file); err != nil {
		return part, err
	}
	call := act.Call{Actor: actor, Verb: "incident.take_post", Subject: postSubject(id), Purpose: purpose}
	return part, in.Acts.Do(ctx, call, func(ctx context.Context, tx *act.Tx) error {
		_, err := in.readablePost(ctx, tx, ViewerOf(actor), id)
		tx.Detail(struct {
			File int `json:"file"`
		}{file})
		return err
	})
}

func (in *Incidents) partOf(ctx context.Context, p Post, file int) (PostPart, error) {
	raw, err := in.raw(ctx, p)
	if err != nil {
		return PostPart{}, err
	}
	if file == 0 {
		return PostPart{Name: fmt.Sprintf("mail-%d.eml", p.ID), Type: "message/rfc822", Body: raw}, nil
	}
	m, err := in.Outbound.Inside(raw, in.Acts.Clock().Now(), in.Outbound.ReadOptions(in.MailDomain))
	if err != nil {
		return PostPart{}, err
	}
	if file > len(m.Files) {
		return PostPart{}, notFound()
	}
	f, body, err := outbound.FileOf(m, file-1)
	return PostPart{Name: fileName(f.Name), Type: http.DetectContentType(body), Body: body}, err
}

// FilePost makes an entry of a mail that waits, by a person's word: in the incident that
// it is about, or in another one.
func (in *Incidents) FilePost(ctx context.Context, actor act.Actor, id, incident int64) (e Entry, err error) {
	first, err := in.readablePost(ctx, in.read, ViewerOf(actor), id)
	if err != nil {
		return e, err
	}
	if incident == 0 {
		incident = first.Incident
	}
	if incident == 0 {
		return e, fault.OnField("number", "incident.post.no_incident", nil)
	}
	files, err := in.attachments(ctx, first)
	if err != nil {
		return e, err
	}
	if err := errors.Join(checkFiles(files), in.keepFiles(ctx, files)); err != nil {
		return e, err
	}
	call := act.Call{Actor: actor, Verb: "incident.file_mail"}
	err = in.change(ctx, call, incident, "", func(ctx context.Context, tx *act.Tx, i *Incident) error {
		p, err := in.waitingPost(ctx, tx, ViewerOf(actor), id)
		if err != nil {
			return err
		}
		if p.Incident != i.ID { // filed elsewhere: what it answers is not there
			p.Incident, p.Mail = i.ID, 0
		}
		n, asked, err := in.entryOf(ctx, tx, i, &p)
		if err != nil {
			return err
		}
		if n.ReplyTo != 0 && actor.Kind != act.Machine { // opened by the duty lead, who does not see what it answers
			if _, err := in.Entry(ctx, tx, ViewerOf(actor), n.ReplyTo); fault.CodeOf(err) == fault.NotFound {
				n.ReplyTo, asked = 0, Entry{}
			} else if err != nil {
				return err
			}
		}
		n.Files = files
		if err := n.validate(tx.Now()); err != nil {
			return err
		}
		if e, err = in.fileEntry(ctx, tx, actor, i, n, asked); err != nil {
			return err
		}
		p.State, p.Entry = PostFiled, e.ID
		return in.decidePost(ctx, tx, p)
	})
	return e, err
}

// attachments reads the files of a mail.
func (in *Incidents) attachments(ctx context.Context, p Post) ([]NewFile, error) {
	if len(p.Files) == 0 || in.Receiving == nil {
		return nil, nil
	}
	raw, err := in.raw(ctx, p)
	if err != nil {
		return nil, err
	}
	m, err := in.Outbound.Inside(raw, in.Acts.Clock().Now(), in.Outbound.ReadOptions(in.MailDomain))
	if err != nil {
		return nil, err
	}
	return filesOf(m)
}

func (in *Incidents) raw(ctx context.Context, p Post) ([]byte, error) {
	if in.Receiving == nil {
		return nil, fault.New(fault.NotFound, "incident.post.none", nil)
	}
	incoming, err := outbound.IncomingByID(ctx, in.read, p.Incoming)
	if err != nil {
		return nil, err
	}
	return in.Receiving.Raw(ctx, incoming)
}

func (in *Incidents) waitingPost(ctx context.Context, r sqldb.Reader, v Viewer, id int64) (Post, error) {
	p, err := in.readablePost(ctx, r, v, id)
	if err == nil && p.State != PostWaits {
		err = fault.New(fault.Conflict, "incident.post.decided", nil)
	}
	return p, err
}

func (in *Incidents) decidePost(ctx context.Context, tx *act.Tx, p Post) error {
	tx.Fact(postArrived())
	_, err := tx.ExecContext(ctx, `update incident_post set state = $1, incident_id = $2, mail_id = $3, entry_id = $4, decided_at = $5, decided_by = $6
		where id = $7`, string(p.State), p.Incident, p.Mail, p.Entry, clock.Micros(tx.Now()), tx.Actor().ID, p.ID)
	return err
}

// DismissPost puts a mail away that needs no entry, and says why.
func (in *Incidents) DismissPost(ctx context.Context, actor act.Actor, id int64, reason string) error {
	reason = clean(reason)
	if err := checkText("reason", reason, MaxReason, true); err != nil {
		return err
	}
	call := act.Call{Actor: actor, Verb: "incident.dismiss_mail", Subject: postSubject(id), Purpose: purpose, Reason: reason}
	return in.Acts.Do(ctx, call, func(ctx context.Context, tx *act.Tx) error {
		p, err := in.waitingPost(ctx, tx, ViewerOf(actor), id)
		if err != nil {
			return err
		}
		p.State = PostDismissed
		return in.decidePost(ctx, tx, p)
	})
}
