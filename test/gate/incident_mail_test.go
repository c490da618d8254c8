package gate

import (
	"fmt"
	"mime"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"almenara.example/internal/foundation/mail/mailtest"
	"almenara.example/internal/foundation/pgp"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/guard"
	"almenara.example/internal/incident"
	"almenara.example/test/house"
	"almenara.example/tlp"
)

// mails waits until n mails have left since the last time, moving the clock, and returns
// them.
func (p *parties) mails(n int) []mailtest.Received {
	p.t.Helper()
	deadline := time.After(30 * time.Second)
	for tick := time.NewTicker(20 * time.Millisecond); ; {
		p.Clock.Advance(31 * time.Second)
		p.must(p.in.SendMails(p.t.Context()))
		if all := p.Mail.Received(); len(all) >= p.read+n {
			tick.Stop()
			if len(all) > p.read+n {
				p.t.Fatalf("got %d mails, want %d:\n%s", len(all)-p.read, n, all[len(all)-1].Data)
			}
			all = all[p.read:]
			p.read += n
			return all
		}
		select {
		case <-tick.C:
		case <-deadline:
			p.t.Fatalf("got %d mails, want %d", len(p.Mail.Received())-p.read, n)
		}
	}
}

// waiting waits until so many news were heard of and wait to be told.
func (p *parties) waiting(n int64) {
	p.t.Helper()
	deadline := time.After(30 * time.Second)
	for tick := time.NewTicker(20 * time.Millisecond); ; {
		have, _, err := sqldb.One(p.t.Context(), p.App.Acts().Reader(), sqldb.Int64, `select count(*) from incident_news where mail_id = 0`)
		p.must(err)
		if have == n {
			tick.Stop()
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			p.t.Fatalf("%d news wait, want %d", have, n)
		}
	}
}

func to(all []mailtest.Received, address string) string {
	for _, m := range all {
		if m.To == address {
			return strings.ReplaceAll(folded.ReplaceAllString(string(m.Data), ""), "=3D", "=")
		}
	}
	return ""
}

var messageID = regexp.MustCompile(`(?im)^Message-ID: <([^>]+)>`)

// reply is a mail that answers one of ours.
func reply(from, ours, words string) string {
	id := messageID.FindStringSubmatch(ours)[1]
	return fmt.Sprintf("From: Somebody <%s>\r\nTo: csirt@csirt.example\r\nSubject: Re: it\r\nMessage-ID: <%d@%s>\r\nIn-Reply-To: <%s>\r\nDate: Tue, 17 Nov 2026 07:00:00 +0000\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n%s\r\n",
		from, len(words), strings.Split(from, "@")[1], id, words)
}

// signed is such a mail with a detached signature.
func signed(t *testing.T, key *pgp.Team, at time.Time, plain string) string {
	t.Helper()
	head, body, _ := strings.Cut(plain, "Content-Type: text/plain; charset=utf-8\r\n\r\n")
	content := "Content-Type: text/plain; charset=utf-8\r\n\r\n" + body
	sig, err := key.Sign([]byte(content), at.Add(-time.Second))
	if err != nil {
		t.Fatal(err)
	}
	return head + "Content-Type: multipart/signed; boundary=B; micalg=pgp-sha512; protocol=\"application/pgp-signature\"\r\n\r\n--B\r\n" + content +
		"\r\n--B\r\nContent-Type: application/pgp-signature\r\n\r\n" + string(sig) + "\r\n--B--\r\n"
}

func (p *parties) arrives(raw string) incident.Post {
	p.t.Helper()
	_, err := p.App.Receiving().AcceptRaw(p.t.Context(), "desk", []byte(raw))
	p.must(err)
	all, err := p.in.Posts(p.t.Context(), p.App.Acts().Reader(), incident.ViewerOf(p.desk), "", 0, 1)
	p.must(err)
	if len(all) != 1 {
		p.t.Fatal("the mail is not about an incident")
	}
	return all[0]
}

// lacks wants none of the words in a text, has all of them.
func (p *parties) says(what, text string, has, lacks []string) {
	p.t.Helper()
	for _, w := range has {
		if !strings.Contains(text, w) {
			p.t.Errorf("%s does not say %q:\n%s", what, w, text)
		}
	}
	for _, w := range lacks {
		if strings.Contains(text, w) {
			p.t.Errorf("%s says %q:\n%s", what, w, text)
		}
	}
}

func TestWhoTakesPartByMailGetsWhatOthersSeeAndAnswersByMail(t *testing.T) {
	p := openParties(t)
	ctx, reader := t.Context(), p.App.Acts().Reader()
	const water, station = "watch@faro.example", "desk@police.example"
	first := p.mails(2) // AMBER: only that there is something
	p.says("the first mail", to(first, water), []string{"[" + p.number + "]", "/portal/incidents/" + p.number}, []string{"control system"})
	v, err := p.in.Incident(ctx, reader, incident.ViewerOf(p.desk), p.i.ID)
	p.must(err)
	p.must(p.in.ChangeHead(ctx, p.desk, p.i.ID, incident.Head{Title: v.Title, Severity: v.Severity, Marking: tlp.Green, Version: v.Version}))

	both := guard.Circle{Orgs: []int64{p.faro, p.police}}
	p.must(p.App.Warn().Stop(ctx, house.Lead(), "both at once"))
	p.write(p.desk, incident.NewEntry{Marking: tlp.Green, Text: "The valve is closed.", To: both, Files: []incident.NewFile{{Name: "valve.txt", Body: []byte("a drawing")}}})
	p.write(p.desk, incident.NewEntry{Marking: tlp.Green, Text: "The pump runs.", To: both})
	p.waiting(4)
	p.must(p.App.Warn().Resume(ctx, house.Lead(), "go on"))
	got := p.mails(2) // bundled
	ours := to(got, station)
	p.says("the mail", ours, []string{"control system", "The valve is closed.", "The pump runs.", "valve.txt", "References: <" + strings.ToLower(p.number) + ".incident@"}, nil)
	p.says("the subject", header(ours, "Subject"), []string{"[TLP:GREEN]", "[" + p.number + "] A control system"}, nil)
	p.write(p.desk, incident.NewEntry{Marking: tlp.Amber, Text: "The name of the suspect.", To: guard.Circle{Orgs: []int64{p.police}}})
	p.says("a mail above GREEN", to(p.mails(1), station), []string{"/portal/incidents/"}, []string{"suspect"})
	p.write(p.desk, incident.NewEntry{Marking: tlp.Green, Text: "to the desk"})

	// A plain reply waits for a person; it is filed with what it answers.
	p.write(p.desk, incident.NewEntry{Marking: tlp.Green, Text: "Who has been on site?", To: both})
	asked := to(p.mails(2), station)
	post := p.arrives(reply(station, asked, "Two officers, since 06:40."))
	if post.State != incident.PostWaits || post.Org != p.police || post.Incident != p.i.ID {
		t.Fatalf("got %+v, want a reply of the police that waits", post)
	}
	_, err = p.in.FilePost(ctx, p.desk, post.ID, 0)
	p.must(err)
	p.get(p.as(p.ana), "/portal/incidents/"+p.number, 200, []string{"Two officers, since 06:40.", "Policía"}, nil)
	p.says("the mail about it", to(p.mails(1), water), []string{"Two officers", "Polic=C3=ADa"}, nil)
	if _, err := p.in.FilePost(ctx, p.desk, post.ID, 0); err == nil {
		t.Error("a mail was filed twice")
	}
	stranger := p.arrives(reply("nobody@nowhere.example", asked, "I know something"))
	if stranger.State != incident.PostWaits || stranger.Org != 0 || stranger.Why == "" {
		t.Errorf("a stranger's mail: %+v", stranger)
	}
	p.must(p.in.DismissPost(ctx, p.desk, stranger.ID, "spam"))

	// What the sender's own key signed is filed by itself, and answers the question.
	key, err := pgp.Generate(filepath.Join(t.TempDir(), "key"), "Water", water, p.Clock.Now().Add(-time.Hour))
	p.must(err)
	cs, err := p.App.Constituency().Contacts(ctx, reader, p.faro)
	p.must(err)
	armor, err := key.Public().Armor()
	p.must(err)
	_, err = p.App.Guard().AddKey(ctx, guard.LocalOperator(), cs[0].Person, []byte(armor))
	p.must(err)
	q := p.write(p.desk, incident.NewEntry{
		Kind: incident.Question, Marking: tlp.AmberStrict, Text: "Is it safe?", To: guard.Circle{Orgs: []int64{p.faro}}, Task: &incident.NewTask{Org: p.faro, Due: p.Clock.Now().Add(24 * time.Hour)},
	})
	sealed := to(p.mails(1), water)
	p.says("a sealed mail", sealed, []string{"BEGIN PGP MESSAGE"}, []string{"safe"})
	post = p.arrives(signed(t, key, p.Clock.Now(), reply(water, sealed, "It stands still.")))
	if post.State != incident.PostFiled || post.Entry == 0 {
		t.Fatalf("got %+v, want it filed by itself", post)
	}
	task, err := p.in.Task(ctx, reader, incident.ViewerOf(p.desk), q.ID)
	if err != nil || task.State != incident.Answered || task.Answer != post.Entry {
		t.Errorf("the question is %s, answered by %d (%v)", task.State, task.Answer, err)
	}
	p.get(p.as(p.chief), "/portal/incidents/"+p.number, 200, nil, []string{"It stands still."})
	changed := strings.Replace(signed(t, key, p.Clock.Now(), reply(water, asked, "We know nothing of it")), "nothing of it", "everything here", 1)
	if post := p.arrives(changed); post.State != incident.PostWaits {
		t.Errorf("a changed mail was filed by itself: %+v", post)
	}

	// Nothing leaves while sending is stopped; whoever is removed gets nothing more.
	p.must(p.App.Warn().Stop(ctx, house.Lead(), "exercise of the button"))
	p.write(p.desk, incident.NewEntry{Marking: tlp.Green, Text: "held back", To: both})
	p.waiting(2)
	p.must(p.in.SendMails(ctx))
	ps, err := p.in.Participants(ctx, reader, p.i.ID, false)
	p.must(err)
	for _, one := range ps {
		if one.Org == p.police {
			p.must(p.in.RemoveParticipant(ctx, p.desk, p.i.ID, one.ID, "done"))
		}
	}
	p.must(p.App.Warn().Resume(ctx, house.Lead(), "go on"))
	p.says("what was held back", to(p.mails(1), water), []string{"BEGIN PGP MESSAGE"}, nil)
	v, err = p.in.Incident(ctx, reader, incident.ViewerOf(p.desk), p.i.ID)
	p.must(err)
	p.must(p.in.Close(ctx, p.desk, p.i.ID, incident.Resolved, "The valve was changed.", v.Version))
	if m := p.mails(1); m[0].To != water {
		t.Errorf("the end was told to %s", m[0].To)
	}
	p.must(p.in.SendMails(ctx))
	if n := len(p.Mail.Received()); n != p.read {
		t.Errorf("%d mails more than once", n-p.read)
	}
}

func header(raw, name string) string {
	for line := range strings.SplitSeq(strings.ReplaceAll(raw, "\r\n ", " "), "\r\n") {
		if v, ok := strings.CutPrefix(line, name+": "); ok {
			if d, err := new(mime.WordDecoder).DecodeHeader(v); err == nil {
				return d
			}
			return v
		}
	}
	return ""
}
