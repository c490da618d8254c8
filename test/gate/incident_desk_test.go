package gate

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"almenara.example/internal/guard"
	"almenara.example/internal/incident"
	"almenara.example/test/house"
	"almenara.example/tlp"
)

// Whoever loses a race keeps his words, whatever the form and whatever happened
// meanwhile, and sees what stands now where he typed something else.
func TestWhatWasTypedOnAnEntryStaysWhenSomebodyWasFaster(t *testing.T) {
	p := openParties(t)
	who := p.Person(guard.OwnOrg, guard.RoleDutyLead)
	desk, ana := p.as(who), p.as(p.ana)
	both := guard.Circle{Orgs: []int64{p.faro}}
	task := p.write(p.desk, incident.NewEntry{Kind: incident.TaskEntry, Marking: tlp.Amber, Text: "Cut the remote access", Task: &incident.NewTask{Org: guard.OwnOrg}})
	ask := func(org int64) incident.Entry {
		return p.write(p.desk, incident.NewEntry{
			Kind: incident.Question, Marking: tlp.Amber, Text: "Is it off?", To: both, Task: &incident.NewTask{Org: org, Due: p.Clock.Now().Add(time.Hour)},
		})
	}
	asked, answered, gone := ask(p.faro), ask(p.faro), p.write(p.desk, incident.NewEntry{Marking: tlp.Amber, Text: "A mistake"})
	_, err := p.in.AnswerQuestion(t.Context(), p.desk, answered.ID, incident.NewEntry{Kind: incident.Note, Owner: p.faro, By: "Ana", Marking: tlp.Amber, Text: "yes"})
	p.must(err)
	p.must(p.in.Retract(t.Context(), p.desk, gone.ID, 1, "mistake"))
	own := p.write(guard.ActorOf(p.ana), incident.NewEntry{Marking: tlp.Amber, Text: "We saw a login"})
	entry := func(e incident.Entry) string { return fmt.Sprintf("/incident/entries/%d", e.ID) }
	ref := func(e incident.Entry) string { return "/portal/entries/" + p.in.Ref(e.ID) }
	one := "/incident/incidents/" + p.number
	const differs, kept = "Somebody was faster: what differs", "What you typed"
	for _, c := range []struct {
		who        func(*http.Request)
		path, form string
		status     int
		says       []string
	}{
		{desk, entry(task) + "/edit", "text=Cut+it+tonight&version=9", 409, []string{"Somebody changed this meanwhile", "Cut it tonight", differs, "<bdi>Cut the remote access</bdi>"}},
		{desk, entry(task) + "/share", "marking=TLP:GREEN&reason=they+help&version=9", 409, []string{"they help", differs, "TLP:GREEN"}},
		{desk, entry(task) + "/retract", "reason=wrong+company&version=9", 409, []string{"wrong company"}},
		{desk, entry(task) + "/task", "state=done&result=the+cable+is+out&version=9", 409, []string{"the cable is out", differs}},
		{desk, entry(answered) + "/answer", "text=They+say+that+it+is+off&by=Ana+Mar", 409, []string{"They say that it is off", "Ana Mar", kept}},
		{desk, entry(gone) + "/edit", "text=It+was+no+mistake&version=1", 409, []string{"It was no mistake", kept}},
		{desk, one + "/edit", "title=Another+title&severity=low&marking=TLP:AMBER&version=9", 409, []string{"Another title", differs, "A control system is reached from outside"}},
		{desk, one + "/close", "state=resolved&resolution=all+is+well+again&version=9", 409, []string{"all is well again"}},
		{desk, one + "/participants", "organisation=Polic%C3%ADa&role=police&note=x", 422, []string{"Policía"}},
		{desk, one + "/split", "title=The+other+half&reason=two+things&entry=999999", 0, []string{"The other half", "two things"}},
		{desk, "/incident/entries/999999/answer", "text=nobody+will+read+this", 404, []string{"nobody will read this", kept}},
		{ana, ref(own) + "/edit", "text=We+saw+two+logins&version=9", 409, []string{"We saw two logins", differs, "<bdi>We saw a login</bdi>"}},
		{ana, ref(own) + "/share", "marking=TLP:GREEN&reason=it+helps+others&version=9", 409, []string{"it helps others"}},
		{ana, ref(own) + "/retract", "reason=it+was+a+test&version=9", 409, []string{"it was a test"}},
		{ana, ref(answered) + "/answer", "text=It+is+off+since+six", 409, []string{"It is off since six", kept}},
		{ana, ref(task) + "/task", "state=done&result=not+mine+to+do&version=1", 404, []string{"not mine to do", kept}},
		{func(*http.Request) {}, entry(asked) + "/answer", "text=I+was+signed+out+meanwhile", 401, []string{"I was signed out meanwhile", kept}},
	} {
		a := p.Ask(http.MethodPost, c.path, strings.NewReader(c.form), c.who, house.Outside, house.Form)
		if c.status == 0 {
			c.status = a.Status
		}
		p.judge("POST "+c.path+" "+c.form, a, c.status, c.says, nil)
	}
	signedOut := p.Ask(http.MethodPost, entry(asked)+"/answer", strings.NewReader("text=a+word"), house.Outside, house.Form, house.Header("Referer", p.URL+entry(asked)))
	p.judge("signed out", signedOut, 401, []string{"/sign-in?next=" + url.QueryEscape(entry(asked))}, nil)

	p.removed(ana)
	p.must(p.in.Close(t.Context(), p.desk, p.i.ID, incident.Resolved, "over", p.version()))
	p.post(desk, one+"/entries", "kind=note&text=One+thing+more&marking=TLP:AMBER", 409, []string{"One thing more", "It must be reopened first"}, nil) // a late word is not lost
}

// removed takes the company out while somebody of it writes.
func (p *parties) removed(ana func(*http.Request)) {
	p.t.Helper()
	ps, err := p.in.Participants(p.t.Context(), p.App.Acts().Reader(), p.i.ID, false)
	p.must(err)
	for _, one := range ps {
		if one.Org == p.faro {
			p.must(p.in.RemoveParticipant(p.t.Context(), p.desk, p.i.ID, one.ID, "over"))
		}
	}
	p.post(ana, "/portal/incidents/"+p.number+"/write", "kind=note&text=We+found+the+file&marking=TLP:AMBER", 404, []string{"We found the file", "What you typed"}, []string{"A control system"})
}

func (p *parties) version() int64 {
	i, err := p.in.Incident(p.t.Context(), p.App.Acts().Reader(), incident.ViewerOf(p.desk), p.i.ID)
	p.must(err)
	return i.Version
}

func TestMergingTwiceDoesNotTakeApart(t *testing.T) {
	p := openParties(t)
	desk := p.as(p.Person(guard.OwnOrg, guard.RoleDutyLead))
	other, err := p.in.OpenNew(t.Context(), p.desk, incident.Incident{Title: "The same again", Severity: incident.High, Marking: tlp.Amber})
	p.must(err)
	merge := "/incident/incidents/" + p.in.Number(other.ID) + "/merge"
	p.post(desk, merge, "into="+p.number+"&reason=the+same", 303, nil, nil)
	p.post(desk, merge, "into="+p.number+"&reason=the+same", 409, nil, nil)
	p.post(desk, merge, "reason=not+the+same", 303, nil, nil)
}

func TestASplitIsUndoneFromItsPage(t *testing.T) {
	p := openParties(t)
	desk := p.as(p.Person(guard.OwnOrg, guard.RoleDutyLead))
	moved := p.write(p.desk, incident.NewEntry{Marking: tlp.Amber, Text: "Another plant, too"})
	here := "/incident/incidents/" + p.number
	p.get(desk, here, 200, []string{here + "/split"}, []string{here + "/unsplit"})
	p.get(desk, here+"/split", 200, []string{"Title of the new incident", "Another plant, too", "their milestones, go with them"}, nil)
	there := p.goes(desk, here+"/split", url.Values{"title": {"The other half"}, "reason": {"two things"}, "entry": {fmt.Sprint(moved.ID)}})
	p.get(desk, there, 200, []string{there + "/unsplit", "Another plant, too"}, nil)
	p.get(desk, there+"/unsplit", 200, []string{"Exactly what was split off goes back"}, nil)
	grown, err := p.in.Numbered(t.Context(), p.App.Acts().Reader(), incident.ViewerOf(p.desk), there[strings.LastIndex(there, "/")+1:])
	p.must(err)
	late, err := p.in.AddEntry(t.Context(), p.desk, grown.ID, incident.NewEntry{Kind: incident.Note, Marking: tlp.Amber, Text: "One thing more"})
	p.must(err)
	p.post(desk, there+"/unsplit", "reason=one+thing", 409, []string{"one thing", "Merge it into " + p.number + " instead"}, nil)
	p.goes(desk, there+"/split", url.Values{"title": {"A third"}, "reason": {"three things"}, "entry": {fmt.Sprint(late.ID)}})
	p.goes(desk, there+"/unsplit", url.Values{"reason": {"one thing"}})
	p.get(desk, here, 200, []string{"Another plant, too"}, nil)
	p.post(desk, there+"/unsplit", "reason=again", 409, []string{"brought back already"}, nil)
	p.get(desk, there, 200, []string{"one thing"}, []string{"Another plant, too", there + "/unsplit"})
}

func TestWhatIsOpenIsNotMergedIntoWhatIsClosed(t *testing.T) {
	p := openParties(t)
	desk := p.as(p.Person(guard.OwnOrg, guard.RoleDutyLead))
	other, err := p.in.OpenNew(t.Context(), p.desk, incident.Incident{Title: "The same again", Severity: incident.High, Marking: tlp.Amber})
	p.must(err)
	p.must(p.in.Close(t.Context(), p.desk, p.i.ID, incident.Resolved, "over", p.version()))
	merge := "/incident/incidents/" + p.in.Number(other.ID) + "/merge"
	p.post(desk, merge, "into="+p.number+"&reason=the+same", 409, []string{"Reopen " + p.number + " first"}, nil)
	p.get(desk, "/incident/incidents?state=open", 200, []string{p.in.Number(other.ID)}, nil)
}
