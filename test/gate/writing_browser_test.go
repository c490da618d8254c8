package gate

import (
	"fmt"
	"testing"

	"almenara.example/internal/guard"
	"almenara.example/internal/incident"
	"almenara.example/test/browser"
	"almenara.example/tlp"
)

// What is typed stays in the browser until it was sent, and not for TLP:RED; a click
// too many does nothing; who was too slow sees what differs.
func TestWhatIsTypedStaysInTheBrowser(t *testing.T) {
	p := openParties(t)
	p.mails(2)
	lead := p.Person(guard.OwnOrg, guard.RoleDutyLead)
	one := p.Person(guard.OwnOrg, guard.RoleWatchOfficer)
	tab := browser.New(t).Tab(t)
	tab.Viewport(1280, 900)
	session := func(person int64) {
		c := p.SignIn(person)
		tab.Cookie(p.URL, c.Name, c.Value)
	}
	session(lead.ID)
	page := p.URL + "/incident/incidents/" + p.number
	const field, kept = "textarea[name=text]", `Object.keys(localStorage).filter((k) => k.startsWith("alm-draft:")).length`
	tab.Go(page)
	tab.Fill(field, "The pump stands still since two")
	tab.WaitFor(kept + " === 1")
	tab.Allow("beforeunload")
	tab.Go(p.URL + "/incident/incidents")
	tab.Go(page)
	tab.WaitFor(`document.querySelector("` + field + `").value === "The pump stands still since two"`)
	tab.WaitText(".alm-draft", "is back")
	tab.Screenshot("draft-is-back")
	session(one.ID) // somebody else at the same machine
	tab.Go(page)
	if got := browser.Eval[string](tab, `document.querySelector("`+field+`").value`); got != "" {
		t.Errorf("somebody else is shown %q", got)
	}
	session(lead.ID)
	tab.Go(page)
	tab.WaitText(".alm-draft", "is back")
	before := p.count("incident_entry")
	tab.Follow("form[action$='/entries'] button[value=write], form[action$='/entries'] button.btn-primary")
	tab.WaitFor(kept + " === 0")
	if n := p.count("incident_entry") - before; n != 1 {
		t.Errorf("it was written %d times", n)
	}
	tab.Fill(field, "For named persons alone")
	tab.WaitFor(kept + " === 1")
	browser.Eval[bool](tab, `(() => { const m = document.querySelector("select[name=marking]"); m.value = "TLP:RED"; m.dispatchEvent(new Event("input", { bubbles: true })); return true; })()`)
	tab.WaitFor(kept + " === 0")

	e := p.write(p.desk, incident.NewEntry{Marking: tlp.Amber, Text: "The valve is shut.\nNobody is hurt."})
	u := fmt.Sprintf("%s/incident/entries/%d", p.URL, e.ID)
	tab.Go(u)
	p.must(p.in.EditEntry(t.Context(), p.desk, e.ID, 1, "The valve is open.\nNobody is hurt."))
	browser.Eval[bool](tab, `document.querySelector("form[action$='/edit']").closest("details").open = true`)
	tab.Fill("form[action$='/edit'] textarea", "The valve is shut since 02:10.\nOne person is hurt.")
	tab.Follow("form[action$='/edit'] button[type=submit]")
	tab.WaitText(".alm-differs", "The valve is open.")
	tab.Screenshot("too-slow-wide")
	tab.Viewport(360, 800)
	tab.Screenshot("too-slow-narrow")

	source, err := p.App.Guard().AddPerson(t.Context(), guard.LocalOperator(), guard.NewPerson{
		Org: p.police, Name: "Inspector", Email: "inspector@police.example", Language: "en", Roles: []string{guard.RoleContact},
	})
	p.must(err)
	p.write(guard.ActorOf(one), incident.NewEntry{Marking: tlp.Red, Text: "Who is the source?", To: guard.Circle{Persons: []int64{source.ID}}})
	post := p.arrives(named(source.Email, to(p.mails(1), source.Email), "About Marta", "Marta met them.", "marta.txt", "her address"))
	tab.Go(fmt.Sprintf("%s/incident/mail/%d", p.URL, post.ID))
	tab.Screenshot("mail-for-others-narrow")
	tab.Viewport(1280, 900)
	tab.Go(p.URL + "/incident/mail")
	tab.Screenshot("mails-for-others")
	tab.Go(fmt.Sprintf("%s/incident/mail/%d", p.URL, post.ID))
	tab.Screenshot("mail-for-others-wide")
	session(one.ID)
	tab.Go(fmt.Sprintf("%s/incident/mail/%d", p.URL, post.ID))
	tab.Screenshot("mail-for-named")
}
