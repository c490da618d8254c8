package incident

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"almenara.example/internal/act"
	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/message"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/foundation/text"
	"almenara.example/internal/guard"
	"almenara.example/internal/outbound"
	"almenara.example/tlp"
)

// PostClass says who speaks in a mail that came in.
type PostClass string

// The classes.
const (
	PostReply      PostClass = "reply"
	PostAuto       PostClass = "auto-reply" // a machine answers by itself
	PostReport     PostClass = "report"     // a mail server speaks of a delivery (RFC 3464)
	PostLoop       PostClass = "loop"       // our own mail came back
	PostUnreadable PostClass = "unreadable"
)

// PostState says what became of a mail that came in.
type PostState string

// The states.
const (
	PostWaits     PostState = "waiting" // for a person at the desk
	PostFiled     PostState = "filed"   // it is an entry
	PostNoted     PostState = "noted"   // it needs nobody
	PostDismissed PostState = "dismissed"
)

// Post is what came in by mail about an incident.
type Post struct {
	ID         int64
	Incoming   int64 // outbound's record, with the raw mail
	Incident   int64
	Mail       int64 // of ours, that it answers
	Org        int64
	Person     int64
	Class      PostClass
	State      PostState
	From       string
	Subject    string
	Words      string // the new words, without what is quoted
	Files      []PostFile
	Signature  outbound.Signature
	Signer     string
	Sealed     bool
	Why        string
	Entry      int64
	ReceivedAt time.Time
	DecidedAt  time.Time
	DecidedBy  string
	Shut       bool // whoever asked may not read it: only that it is there
}

// PostFile is an attachment: its bytes stay in the raw mail until it is filed.
type PostFile struct {
	Name string `json:"name"`
	Type string `json:"type"`
	Size int64  `json:"size"`
}

const postColumns = `id, incoming_id, incident_id, mail_id, org_id, person_id, class, state, from_address, subject, words, files, signature,
	signer, sealed, why, entry_id, received_at, decided_at, decided_by`

func scanPost(r sqldb.Row) (p Post, err error) {
	var files string
	var received, decided int64
	err = r.Scan(&p.ID, &p.Incoming, &p.Incident, &p.Mail, &p.Org, &p.Person, &p.Class, &p.State, &p.From, &p.Subject, &p.Words, &files, &p.Signature,
		&p.Signer, &p.Sealed, &p.Why, &p.Entry, &received, &decided, &p.DecidedBy)
	if err != nil {
		return p, err
	}
	p.ReceivedAt, p.DecidedAt = clock.FromMicros(received), clock.FromMicros(decided)
	if files != "" {
		err = json.Unmarshal([]byte(files), &p.Files)
	}
	return p, err
}

// Claims tells whether a mail that came in is about an incident: it answers a mail of ours
// about one, or answers none of ours and names an incident's number.
func (in *Incidents) Claims(ctx context.Context, r sqldb.Reader, raw []byte) (bool, error) {
	m, err := message.Parse(raw, in.Outbound.ReadOptions(in.MailDomain))
	if err != nil {
		return false, nil //nolint:nilerr // what cannot be read is nobody's in particular
	}
	mail, incident, ours, err := in.thread(ctx, r, m)
	if err != nil || mail.ID != 0 || incident != 0 {
		return err == nil, err
	}
	if ours {
		return false, nil
	}
	incident, err = in.numberIn(ctx, r, m)
	return incident != 0, err
}

// thread finds what a mail answers by Message-IDs. ours tells whether it answers something
// of ours at all.
func (in *Incidents) thread(ctx context.Context, r sqldb.Reader, m *message.Message) (mail Mail, incident int64, ours bool, err error) {
	for _, id := range m.Answers() {
		local, domain, _ := strings.Cut(id, "@")
		if !strings.EqualFold(domain, in.MailDomain) {
			continue
		}
		ours = true
		if number, root := strings.CutSuffix(strings.ToLower(local), threadMark); root && incident == 0 {
			if incident, err = in.exists(ctx, r, number); err != nil {
				return mail, 0, true, err
			}
		}
		if n, err := in.MailNumbers.Parse(local); err == nil && mail.ID == 0 && strings.HasPrefix(strings.ToLower(local), "m-") {
			if mail, err = in.Mail(ctx, r, int64(n)); err != nil && fault.CodeOf(err) != fault.NotFound {
				return mail, 0, true, err
			}
		}
	}
	if mail.ID != 0 {
		incident = mail.Incident
	}
	return mail, incident, ours, nil
}

// mailsNamed lists the mails of ours that a mail answers, or answers an answer to: what
// it says may be about any of them.
func (in *Incidents) mailsNamed(m *message.Message) (out []int64) {
	for _, id := range m.Answers() {
		local, domain, _ := strings.Cut(id, "@")
		if n, err := in.MailNumbers.Parse(local); err == nil && strings.EqualFold(domain, in.MailDomain) && !slices.Contains(out, int64(n)) {
			out = append(out, int64(n))
		}
	}
	return out
}

// numberIn is the first incident that a mail names.
func (in *Incidents) numberIn(ctx context.Context, r sqldb.Reader, m *message.Message) (int64, error) {
	for _, number := range m.Seen[:min(len(m.Seen), 20)] {
		if id, err := in.exists(ctx, r, number); err != nil || id != 0 {
			return id, err
		}
	}
	return 0, nil
}

// exists returns the incident of a number, 0 when there is none.
func (in *Incidents) exists(ctx context.Context, r sqldb.Reader, number string) (int64, error) {
	id, err := in.Numbers.Parse(number)
	if err != nil {
		return 0, nil //nolint:nilerr // no number
	}
	i, err := get(ctx, r, int64(id))
	if fault.CodeOf(err) == fault.NotFound {
		return 0, nil
	}
	return i.ID, err
}

// Received files a mail about an incident, within the act that takes it in. A reply that
// the sender's own key signed becomes an entry by itself; what else somebody wrote waits
// for a person. It implements outbound.Receiver.
func (in *Incidents) Received(ctx context.Context, _ *act.Tx, from outbound.Incoming, raw []byte) error {
	call := act.Call{Actor: act.MachineActor("incident.mail"), Verb: "incident.take_mail", Subject: fmt.Sprintf("incoming:%d", from.ID), Purpose: purpose}
	return in.Acts.Do(ctx, call, func(ctx context.Context, tx *act.Tx) error {
		_, known, err := sqldb.One(ctx, tx, sqldb.Int64, `select id from incident_post where incoming_id = $1`, from.ID)
		if err != nil || known {
			return err
		}
		x := &arrival{in: in, tx: tx, actor: call.Actor, post: Post{Incoming: from.ID, ReceivedAt: from.ReceivedAt, State: PostWaits, Class: PostReply}}
		if err := x.read(ctx, raw); err != nil {
			return err
		}
		return x.file(ctx)
	})
}

// arrival is one mail being filed.
type arrival struct {
	in    *Incidents
	tx    *act.Tx
	actor act.Actor
	post  Post
	msg   *message.Message
	mail  Mail
	ours  []int64 // all mails of ours that it names
	part  bool    // the claimed sender takes part
}

// read takes the mail apart and finds out what it is about and who speaks.
func (x *arrival) read(ctx context.Context, raw []byte) (err error) {
	opt := x.in.Outbound.ReadOptions(x.in.MailDomain)
	if x.msg, err = message.Parse(raw, opt); err != nil {
		return err // Claims has read it
	}
	x.post.From, x.post.Subject = text.Clean(x.msg.From.Email, 300), text.Clean(x.msg.Subject, 300)
	if x.mail, x.post.Incident, _, err = x.in.thread(ctx, x.tx, x.msg); err != nil {
		return err
	}
	x.ours = x.in.mailsNamed(x.msg)
	if x.post.Mail = x.mail.ID; x.post.Incident == 0 {
		if x.post.Incident, err = x.in.numberIn(ctx, x.tx, x.msg); err != nil {
			return err
		}
	}
	if err := x.sender(ctx); err != nil {
		return err
	}
	if err := x.open(ctx); err != nil {
		return err
	}
	x.classify()
	x.post.Words = text.Clean(x.msg.Words, MaxText/2)
	for _, f := range x.msg.Files[:min(len(x.msg.Files), 50)] {
		x.post.Files = append(x.post.Files, PostFile{text.Clean(f.Name, 200), text.Clean(f.Type, 100), f.Size})
	}
	return nil
}

// sender finds the contact whose address the mail claims to come from, before all one who
// takes part. An address proves nothing.
func (x *arrival) sender(ctx context.Context) error {
	ps, err := x.in.Guard.ByEmail(ctx, x.tx, x.msg.From.Email)
	if err != nil {
		return err
	}
	for _, p := range ps {
		part, err := takesPart(ctx, x.tx, x.post.Incident, Viewer{p.Org, p.ID})
		if err != nil {
			return err
		}
		part = part && p.Org != guard.OwnOrg
		if x.post.Person == 0 || part && !x.part {
			x.post.Person, x.post.Org, x.part = p.ID, p.Org, part
		}
	}
	return nil
}

func (x *arrival) open(ctx context.Context) error {
	opt := x.in.Outbound.ReadOptions(x.in.MailDomain)
	o, err := x.in.Outbound.Open(ctx, x.tx, x.in.Guard, x.msg, x.tx.Now(), outbound.Opening{Sender: x.post.Person, Roots: x.in.MailRoots, Options: opt})
	if err != nil {
		return err
	}
	x.msg, x.post.Sealed, x.post.Signature, x.post.Signer = o.Message, o.Sealed, o.Signature, text.Clean(o.Signer, 300)
	switch {
	case o.Shut:
		x.post.Why = "incident.post.why.not_opened"
	case o.Unreadable != "":
		x.post.Class, x.post.Why = PostUnreadable, o.Unreadable
	}
	return nil
}

// classify says what is to happen with the mail.
func (x *arrival) classify() {
	p := &x.post
	switch {
	case p.Class == PostUnreadable:
	case x.msg.Class == message.AutoReply:
		p.Class, p.State, p.Why = PostAuto, PostNoted, "incident.post.why.auto"
	case x.msg.Class == message.Loop:
		p.Class, p.State, p.Why = PostLoop, PostNoted, "incident.post.why.loop"
	case x.msg.Class == message.DeliveryReport:
		p.Class, p.State, p.Why = PostReport, PostNoted, "incident.post.why.delayed"
		if x.msg.Report != nil && x.msg.Report.Failed() {
			p.Why = "incident.post.why.bounced"
		}
	case !x.part:
		p.Why = cmp.Or(p.Why, "incident.post.why.stranger")
	}
}

// file keeps the mail and does what follows from it by itself.
func (x *arrival) file(ctx context.Context) (err error) {
	in, tx, p := x.in, x.tx, &x.post
	if p.ID, err = tx.Next(ctx, "incident.post"); err != nil {
		return err
	}
	if p.Class == PostReport && p.Why == "incident.post.why.bounced" && x.mail.State == MailSent {
		if err := setMail(ctx, tx, x.mail.ID, MailBounced, p.Why); err != nil {
			return err
		}
	}
	if p.Incident != 0 {
		i, err := get(ctx, tx, p.Incident)
		if err != nil {
			return err
		}
		if i.Exercise {
			tx.MarkExercise()
		}
		if err := x.fileByItself(ctx, &i); err != nil {
			return err
		}
	}
	if err := insertPost(ctx, tx, *p); err != nil {
		return err
	}
	if err := in.noteTold(ctx, tx, p.ID, x.ours); err != nil {
		return err
	}
	tx.Fact(postArrived())
	if p.Class != PostReply {
		return nil
	}
	return outbound.OfferKey(ctx, in.Guard, x.msg, p.Person)
}

// fileByItself holds the rule: a reply that a current key of the very sender signed, who
// takes part. What the room refuses waits for a person.
func (x *arrival) fileByItself(ctx context.Context, i *Incident) error {
	p := &x.post
	if p.Class != PostReply || p.Signature != outbound.SignedGood || !x.part || p.Why != "" {
		return nil
	}
	files, err := filesOf(x.msg)
	if err != nil {
		return err
	}
	n, asked, err := x.in.entryOf(ctx, x.tx, i, p)
	if err != nil {
		return err
	}
	n.Files = files
	if err := n.validate(x.tx.Now()); fault.CodeOf(err) == fault.Invalid { // too long, too many files
		p.Why = "incident.post.why.too_much"
		return nil
	}
	if err := x.in.keepFiles(ctx, n.Files); err != nil {
		return err
	}
	e, err := x.in.fileEntry(ctx, x.tx, x.actor, i, n, asked)
	p.State, p.Entry = PostFiled, e.ID
	return err
}

// filesOf decodes the attachments of a mail.
func filesOf(m *message.Message) (out []NewFile, err error) {
	for k := range m.Files {
		f, body, err := outbound.FileOf(m, k)
		if err != nil {
			return nil, err
		}
		if len(body) > 0 {
			out = append(out, NewFile{Name: f.Name, Body: body})
		}
	}
	return out, nil
}

// entryOf makes an entry of a mail: the word of the sender's organisation, where it takes
// part. It is seen by whoever sees the one entry that it answers; else by the desk and
// that organisation. asked is a question that it answers.
func (in *Incidents) entryOf(ctx context.Context, r sqldb.Reader, i *Incident, p *Post) (n NewEntry, asked Entry, err error) {
	n = NewEntry{Kind: Note, Marking: i.Marking, At: p.ReceivedAt, Text: p.Words, Source: FromMail, SourceID: p.ID, By: p.From}
	if text.Blank(n.Text) {
		n.Text = p.Subject
	}
	v := Viewer{Org: p.Org, Person: p.Person}
	part, err := takesPart(ctx, r, i.ID, v)
	if err != nil || !part || v.Desk() {
		return n, asked, err
	}
	n.Owner = p.Org
	one, err := in.Guard.Person(ctx, r, p.Person)
	if err != nil {
		return n, asked, err
	}
	n.By = cmp.Or(one.Name, p.From)
	answered, several, err := in.answeredBy(ctx, r, v, p.Mail)
	if err != nil || answered.ID == 0 {
		n.Marking = max(n.Marking, several)
		return n, asked, err
	}
	n.ReplyTo, n.Marking = answered.ID, max(i.Marking, answered.Marking)
	c, err := in.Guard.CircleOf(ctx, r, answered.Audience)
	if err != nil {
		return n, asked, err
	}
	if n.To, err = in.stillHere(ctx, r, i.ID, c); err != nil {
		return n, asked, err
	}
	t, err := in.Task(ctx, r, v, answered.ID)
	if err == nil && t.Kind == Question && t.State == Asked && t.Org == p.Org {
		asked = answered
	}
	return n, asked, ignoreNotFound(err)
}

func ignoreNotFound(err error) error {
	if fault.CodeOf(err) == fault.NotFound {
		return nil
	}
	return err
}

// answeredBy is the one entry that a mail of ours told of, as far as whoever answers may
// see it now; the zero entry when it told of none or several, and then the strictest
// marking among them, below TLP:RED, which is for named persons.
func (in *Incidents) answeredBy(ctx context.Context, r sqldb.Reader, v Viewer, mail int64) (e Entry, several tlp.Marking, err error) {
	if mail == 0 {
		return e, several, nil
	}
	told, err := sqldb.All(ctx, r, sqldb.Int64, `select distinct entry_id from incident_news where mail_id = $1 and entry_id <> 0`, mail)
	if err != nil {
		return e, several, err
	}
	for _, id := range told {
		one, err := in.Entry(ctx, r, v, id)
		if fault.CodeOf(err) == fault.NotFound {
			continue
		}
		if err != nil {
			return e, several, err
		}
		several = max(several, min(one.Marking, tlp.AmberStrict))
		if one.Source == FromMachine && one.ReplyTo != 0 { // who answers a reminder answers the question
			if one, err = in.Entry(ctx, r, v, one.ReplyTo); err != nil {
				return e, several, err
			}
		}
		if len(told) == 1 && one.RetractedAt.IsZero() {
			e = one
		}
	}
	return e, several, nil
}

// fileEntry puts the entry of a mail into an incident, inside an open act.
func (in *Incidents) fileEntry(ctx context.Context, tx *act.Tx, actor act.Actor, i *Incident, n NewEntry, asked Entry) (Entry, error) {
	if asked.ID != 0 {
		n.ReplyTo = asked.ID
		return in.answer(ctx, tx, actor, i, asked, n)
	}
	return in.addEntry(ctx, tx, actor, i, n)
}

func insertPost(ctx context.Context, tx *act.Tx, p Post) error {
	files, err := json.Marshal(p.Files)
	if err != nil {
		return fmt.Errorf("keep attachments: %w", err)
	}
	_, err = tx.ExecContext(ctx, `insert into incident_post (`+postColumns+`)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, 0, '')`,
		p.ID, p.Incoming, p.Incident, p.Mail, p.Org, p.Person, string(p.Class), string(p.State), p.From, p.Subject, p.Words, string(files),
		string(p.Signature), p.Signer, p.Sealed, p.Why, p.Entry, clock.Micros(p.ReceivedAt))
	return err
}
