package gate

import (
	"fmt"
	"testing"

	"almenara.example/internal/guard"
	"almenara.example/internal/incident"
	"almenara.example/tlp"
)

func TestWhatWasTypedOnAnEntryStaysWhenSomebodyWasFaster(t *testing.T) {
	p := openParties(t)
	desk := p.as(p.Person(guard.OwnOrg, guard.RoleDutyLead))
	e, err := p.in.AddEntry(t.Context(), p.desk, p.i.ID, incident.NewEntry{
		Kind: incident.TaskEntry, Marking: tlp.Amber, Text: "Cut the remote access", Task: &incident.NewTask{Org: guard.OwnOrg},
	})
	p.must(err)
	page := fmt.Sprintf("/incident/entries/%d", e.ID)
	for _, c := range []struct{ path, form, typed string }{
		{"/edit", "text=Cut+it+tonight&version=9", "Cut it tonight"},
		{"/share", "marking=TLP:AMBER&reason=they+help&version=9", "they help"},
		{"/retract", "reason=wrong+company&version=9", "wrong company"},
		{"/task", "state=done&result=the+cable+is+out&version=9", "the cable is out"},
	} {
		p.post(desk, page+c.path, c.form, 409, []string{"Somebody changed this meanwhile", c.typed}, nil)
	}
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
