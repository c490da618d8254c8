package gate

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"almenara.example/internal/duty"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/foundation/sqldb/sqldbtest"
	"almenara.example/internal/guard"
	"almenara.example/internal/incident"
	"almenara.example/internal/ledger"
	"almenara.example/tlp"
)

// named is a reply with a subject of its own and a file.
func named(from, ours, subject, words, file, body string) string {
	id := messageID.FindStringSubmatch(ours)[1]
	return fmt.Sprintf("From: <%s>\r\nTo: csirt@csirt.example\r\nSubject: %s\r\nMessage-ID: <%s@reply.example>\r\nIn-Reply-To: <%s>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=B\r\n\r\n"+
		"--B\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n%s\r\n--B\r\nContent-Type: text/plain\r\nContent-Disposition: attachment; filename=%q\r\n\r\n%s\r\n--B--\r\n",
		from, subject, file, id, words, file, body)
}

// What answers a mail to named persons is for those of the desk who are named, before
// it is filed and afterwards; the others learn that something waits, and for whom.
func TestAReplyToNamedPersonsIsReadByThemAlone(t *testing.T) {
	for name, db := range map[string]func(testing.TB) sqldb.Config{
		"sqlite":   func(testing.TB) sqldb.Config { return sqldb.Config{} },
		"postgres": sqldbtest.Postgres,
	} {
		t.Run(name, func(t *testing.T) {
			p := openParties(t, db(t))
			p.mails(2)
			one, officer, lead := p.Person(guard.OwnOrg, guard.RoleWatchOfficer), p.Person(guard.OwnOrg, guard.RoleWatchOfficer), p.Person(guard.OwnOrg, guard.RoleDutyLead)
			entitled, other, chief := p.as(one), p.as(officer), p.as(lead)
			source, err := p.App.Guard().AddPerson(t.Context(), guard.LocalOperator(), guard.NewPerson{
				Org: p.police, Name: "Inspector", Email: "inspector@police.example", Language: "en", Roles: []string{guard.RoleContact},
			})
			p.must(err)
			p.write(guard.ActorOf(one), incident.NewEntry{Marking: tlp.Red, Text: "Who is the source?", To: guard.Circle{Persons: []int64{source.ID}}})
			ours := to(p.mails(1), source.Email)
			first := p.arrives(named(source.Email, ours, "About Marta", "Marta met them.", "marta.txt", "her address"))
			second := p.arrives(named(source.Email, ours, "An entirely different matter", "Nobody came, and it is much longer than the other one was.", "x.csv", "1,2,3,4"))
			page := func(post incident.Post) string { return fmt.Sprintf("/incident/mail/%d", post.ID) }
			secret := []string{"Marta", "marta", "different matter", "Nobody came", "x.csv"}

			p.get(entitled, "/incident/mail", 200, []string{"About Marta", "Marta met them", "different matter", "TLP:RED"}, nil)
			p.get(entitled, page(first), 200, []string{"Marta met them", "marta.txt", "TLP:RED"}, nil)
			for _, who := range []func(*http.Request){other, chief} {
				p.get(who, "/incident/mail", 200, []string{source.Email, p.number, "For others"}, secret)
				p.get(who, page(first), 200, []string{source.Email, one.Name, "None of them is on duty"}, append(secret, "/raw"))
				p.get(who, "/incident/search?q=marta", 200, nil, []string{"Marta met", "marta.txt"})
				for _, part := range []string{"/raw", "/files/1", "/files/9", "/files/1/view", "/files/1/image"} {
					p.get(who, page(first)+part, 403, nil, secret)
				}
				p.post(who, page(first)+"/file", "number="+p.number, 403, nil, secret)
				p.post(who, page(first)+"/dismiss", "reason=no", 403, nil, secret)
			}
			p.judge("the call", p.Ask("GET", "/api/v1/incident/mail", nil, other), 200, []string{`"shut":true`}, secret)
			p.sameFor(other, page(first), page(second))

			p.takes(entitled, page(first))
			p.opens(chief, other, lead, one, page(first))

			p.post(entitled, page(first)+"/file", "number="+p.number, 303, nil, nil)
			p.get(entitled, "/incident/mail?state=filed", 200, []string{"Marta met them"}, nil)
			p.get(other, "/incident/mail?state=filed", 200, []string{p.number}, secret)
			p.get(other, "/incident/incidents/"+p.number, 200, nil, secret)
			p.post(entitled, page(second)+"/dismiss", "reason=not+ours", 303, nil, nil)
			p.get(other, "/incident/mail?state=all", 200, nil, secret)
		})
	}
}

var mailNumber = regexp.MustCompile(`/incident/mail/\d+`)

// sameFor wants two pages to be the same but for their own addresses.
func (p *parties) sameFor(who func(*http.Request), a, b string) {
	p.t.Helper()
	text := func(path string) string {
		return mailNumber.ReplaceAllString(plain(p.get(who, path, 200, nil, nil).Body, nil), "(mail)")
	}
	if text(a) != text(b) {
		p.t.Errorf("%s and %s differ for somebody who may read neither", a, b)
	}
}

// takes wants the mail and its file as they arrived, to be saved, and that it is
// recorded.
func (p *parties) takes(who func(*http.Request), page string) {
	p.t.Helper()
	for path, want := range map[string]string{"/raw": "Subject: About Marta", "/files/1": "her address"} {
		a := p.get(who, page+path, 200, []string{want}, nil)
		if d, policy := a.Header.Get("Content-Disposition"), a.Header.Get("Content-Security-Policy"); !strings.HasPrefix(d, "attachment") ||
			!strings.Contains(policy, "sandbox") || a.Header.Get("Content-Type") != "application/octet-stream" {
			p.t.Errorf("%s comes as %v", path, a.Header)
		}
	}
	p.get(who, page+"/files/1/view", 200, []string{"<pre", "her address", "TLP:RED"}, nil)
	p.get(who, page+"/files/1/image", 404, nil, nil)
	p.get(who, page+"/files/2", 404, nil, nil)
	taken, err := ledger.Entries(p.t.Context(), p.App.Acts().Reader(), ledger.Query{Verb: "incident.take_post"})
	p.must(err)
	if len(taken) != 4 {
		p.t.Errorf("%d takings are recorded, want 4", len(taken))
	}
}

// opens lets the duty lead read it while none of the named is on duty, with a reason
// that is recorded, and nobody else.
func (p *parties) opens(lead, officer func(*http.Request), who, named guard.Person, page string) {
	p.t.Helper()
	p.post(officer, page+"/open", "reason=it+burns", 403, nil, []string{"Marta met"})
	p.post(lead, page+"/open", "reason=", 422, nil, []string{"Marta met"})
	shifts, err := p.App.Duty().AddShifts(p.t.Context(), p.desk, duty.NewShift{Person: named.ID, Begins: p.Clock.Now().Add(-time.Hour), Ends: p.Clock.Now().Add(time.Hour)})
	p.must(err)
	p.get(lead, page, 200, []string{"Call one of them"}, []string{"Open it all the same"})
	p.post(lead, page+"/open", "reason=it+burns", 409, []string{"on duty"}, []string{"Marta met"})
	p.must(p.App.Duty().RemoveShift(p.t.Context(), p.desk, shifts[0].ID, shifts[0].Version))
	p.get(lead, page, 200, []string{"Open it all the same"}, nil)
	p.post(lead, page+"/open", "reason=a+plant+is+at+risk", 303, nil, nil)
	p.get(lead, page, 200, []string{"Marta met them"}, nil)
	p.get(officer, page, 200, nil, []string{"Marta met them"})
	opened, err := ledger.Entries(p.t.Context(), p.App.Acts().Reader(), ledger.Query{Verb: "incident.open_mail"})
	p.must(err)
	if len(opened) != 1 || opened[0].Reason != "a plant is at risk" || opened[0].Actor != guard.ActorOf(who).ID {
		p.t.Errorf("the opening is recorded as %+v", opened)
	}
}
