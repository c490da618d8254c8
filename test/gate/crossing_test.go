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
	"almenara.example/tlp"
)

// danger is the nation of parties, with an incident in which the police takes no part.
func danger(t *testing.T) *parties {
	t.Helper()
	p := openParties(t)
	var err error
	p.i, err = p.in.OpenNew(t.Context(), p.desk, incident.Incident{Title: "A threat at the pumps", Severity: incident.Critical, Marking: tlp.Amber, Countries: []string{"XB"}})
	p.must(err)
	p.number = p.in.Number(p.i.ID)
	for _, org := range []int64{p.faro, p.ribera} {
		_, err := p.in.AddParticipant(t.Context(), p.desk, p.i.ID, incident.NewParticipant{Org: org, Role: "affected"})
		p.must(err)
	}
	return p
}

// goes posts a form and returns where it leads.
func (p *parties) goes(who func(*http.Request), path string, form url.Values) string {
	p.t.Helper()
	a := p.post(who, path, form.Encode(), 303, nil, nil)
	to, err := url.Parse(a.Header.Get("Location"))
	p.must(err)
	return to.Path
}

func TestDangerToLifeHandsThePoliceTheChosenLinesAndNothingElse(t *testing.T) {
	p := danger(t)
	lead, other := p.Person(guard.OwnOrg, guard.RoleDutyLead), p.Person(guard.OwnOrg, guard.RoleDutyLead)
	oversight := p.Person(guard.OwnOrg, guard.RoleOversight)
	faro := p.write(guard.ActorOf(p.ana), incident.NewEntry{Marking: tlp.AmberStrict, Text: "a man with a drill at the pump", Observables: []incident.NewObservable{{Value: "192.0.2.7"}},
		Files: []incident.NewFile{{Name: "gate.txt", Body: []byte("03:02 gate")}}})
	named := p.write(guard.ActorOf(lead), incident.NewEntry{Marking: tlp.Red, Text: "he named a worker"})
	p.write(guard.ActorOf(p.Person(p.ribera, guard.RoleContact)), incident.NewEntry{Marking: tlp.AmberStrict, Text: "our neighbouring basin", Observables: []incident.NewObservable{{Value: "192.0.2.7"}}})
	desk, chief, watch := p.as(lead), p.as(p.chief), p.as(oversight)
	page := "/incident/incidents/" + p.number
	p.get(desk, page, 200, []string{page + "/danger", page + "/packages", "States affected"}, nil)
	p.get(desk, page+"/danger", 200, []string{"a man with a drill", "Directive (EU) 2016/680", "Policía"}, nil)
	form := url.Values{"entry": {fmt.Sprint(faro.ID), fmt.Sprint(named.ID)}, "organisation": {fmt.Sprint(p.police)}, "ground": {"eu-led-10b"}, "owners_after": {"24"}}
	p.post(desk, page+"/danger", form.Encode(), 422, []string{"This cannot be empty."}, nil)
	form.Set("why", "a worker is threatened")
	form.Set("delay_reason", "he may be of the company")
	at := p.goes(desk, page+"/danger", form)
	number := at[strings.LastIndex(at, "/")+1:]
	p.get(desk, at, 200, []string{"a man with a drill", "Whom to call now", "waits for its review"}, []string{"neighbouring"})

	here := "/portal/crossings/" + number
	p.get(chief, "/portal/crossings", 200, []string{number}, []string{p.number})
	p.get(chief, here, 200, []string{"a man with a drill", "he named a worker", "192[.]0[.]2[.]7", "a worker is threatened", "TLP:RED"}, []string{"neighbouring", "Ribera", p.number, "A threat at the pumps"})
	p.get(chief, here+"/files/1", 200, []string{"03:02 gate"}, nil)
	p.get(chief, here+"/files/2", 404, nil, nil)
	p.get(chief, "/portal/incidents", 200, nil, []string{p.number, "pumps"})
	p.get(chief, "/portal/incidents/"+p.number, 404, nil, []string{"pumps"})
	p.get(p.as(p.ana), here, 404, nil, []string{"drill"})
	p.get(p.as(p.ana), "/portal/incidents/"+p.number, 200, nil, []string{"Policía"})

	p.get(watch, "/incident/crossings", 200, []string{number, "Policía"}, []string{"drill"})
	p.get(watch, at, 200, []string{"Aguas del Faro"}, []string{"drill", "he named"})
	p.get(watch, page, 403, nil, nil)
	p.post(desk, at+"/review", "verdict=approved&reason=mine", 403, nil, nil)
	p.post(desk, at+"/call", "about=confirm&outcome=reached&name=Chief&phone=1", 422, []string{"number of the directory"}, nil)
	p.get(p.as(other), "/", 200, []string{"waits for its review"}, nil)
	p.goes(p.as(other), at+"/review", url.Values{"verdict": {"objected"}, "reason": {"too much"}})
	p.get(chief, here, 200, []string{"Closed"}, []string{"drill", "he named", "a worker"})
	p.get(chief, here+"/files/1", 404, nil, []string{"gate"})
	p.get(desk, at, 200, []string{"objected", "too much", "Recalled"}, nil)
}

func TestOwnersConsentInThePortalAndPackagesAreHandedOut(t *testing.T) {
	p := danger(t)
	entry := p.write(guard.ActorOf(p.ana), incident.NewEntry{Marking: tlp.AmberStrict, Text: "the log of the pump"})
	mine := p.write(p.desk, incident.NewEntry{Marking: tlp.Green, Text: "an address of the neighbours attacks"})
	peer, err := p.App.Guard().AddOrganisation(t.Context(), guard.LocalOperator(), guard.NewOrganisation{Name: "CSIRT of Boreas", Kind: "peer", Country: "XB"})
	p.must(err)
	lead := p.Person(guard.OwnOrg, guard.RoleDutyLead)
	desk, ana := p.as(lead), p.as(p.ana)
	page := "/incident/incidents/" + p.number
	form := url.Values{"entry": {fmt.Sprint(entry.ID)}, "organisation": {fmt.Sprint(p.police)}, "do": {"make"}}
	p.get(desk, page+"/bench", 200, []string{"the log of the pump"}, nil)
	p.post(desk, page+"/bench", form.Encode(), 422, []string{"nobody consented"}, nil)
	form.Set("do", "ask")
	p.goes(desk, page+"/bench", form)
	a := p.get(ana, "/portal/consents", 200, []string{"the log of the pump", "Policía"}, nil)
	p.get(p.as(p.chief), "/portal/consents", 200, []string{"not asked anything"}, []string{"pump"})
	body := string(a.Body)
	ref := body[strings.Index(body, "/portal/consents/C-"):]
	ref = ref[:strings.IndexByte(ref, '"')]
	p.post(p.as(p.chief), ref, "consent=yes", 404, nil, nil)
	p.goes(ana, ref, url.Values{"consent": {"yes"}})
	form.Set("do", "make")
	p.goes(desk, page+"/bench", form)
	p.goes(desk, page+"/transfer", url.Values{"entry": {fmt.Sprint(mine.ID)}, "organisation": {fmt.Sprint(peer.ID)}, "restrictions": {"not for the press"}})
	p.get(desk, page+"/packages", 200, []string{"-bench-1.tar", "-transfer-1.tar", "consented", "in the portal", "CSIRT of Boreas", "offered"}, nil)
	p.get(desk, page+"/packages/1/file", 200, []string{"manifest.json", "the log of the pump"}, nil)
	p.get(desk, page+"/packages/1/signature", 200, []string{"almenara-package/1", "sha256 "}, nil)
	p.write(p.desk, incident.NewEntry{Marking: tlp.Green, Text: "a second address"})
	p.get(desk, page+"/transfers/1", 200, []string{"a second address", p.number}, []string{"an address of the neighbours"})
	p.goes(desk, page+"/transfers/1/answer", url.Values{"state": {"accepted"}, "said_by": {"Nora"}, "number": {"NB-7"}})
	p.get(desk, page+"/transfers/1", 200, []string{"accepted", "NB-7"}, nil)
}

func TestConsentIsTakenBackInThePortalAfterRemoval(t *testing.T) {
	p := danger(t)
	entry := p.write(guard.ActorOf(p.ana), incident.NewEntry{Marking: tlp.AmberStrict, Text: "the log of the pump"})
	ana, page := p.as(p.ana), "/incident/incidents/"+p.number
	desk := p.as(p.Person(guard.OwnOrg, guard.RoleDutyLead))
	form := url.Values{"entry": {fmt.Sprint(entry.ID)}, "organisation": {fmt.Sprint(p.police)}, "do": {"ask"}}
	p.goes(desk, page+"/bench", form)
	body := string(p.get(ana, "/portal/consents", 200, []string{"the log of the pump"}, nil).Body)
	ref := body[strings.Index(body, "/portal/consents/C-"):]
	ref = ref[:strings.IndexByte(ref, '"')]
	p.goes(ana, ref, url.Values{"consent": {"yes"}})
	p.removed(ana)
	p.get(ana, "/portal/incidents", 200, []string{"/portal/consents"}, []string{p.number})
	p.get(ana, "/portal/consents", 200, []string{"the log of the pump", p.number, "Take my consent back"}, []string{"A threat at the pumps"})
	p.get(p.as(p.Person(p.ribera, guard.RoleContact)), "/portal/consents", 200, []string{"not asked anything"}, []string{"pump"})
	p.goes(ana, ref, url.Values{"consent": {"no"}})
	p.get(ana, "/portal/consents", 200, []string{"You took your consent back"}, nil)
	form.Set("do", "make")
	p.post(desk, page+"/bench", form.Encode(), 422, []string{"nobody consented"}, nil)
	p.get(desk, page+"/packages", 200, []string{"taken back", "refused, or took the consent back"}, nil)

	// What an owner says on the phone the desk notes on that page.
	other := p.write(p.desk, incident.NewEntry{Marking: tlp.AmberStrict, Owner: p.ribera, By: "Ribera", Text: "the log of the weir"})
	word := url.Values{"entry": {fmt.Sprint(other.ID)}, "organisation": {fmt.Sprint(p.police)}, "said_by": {"Rosa"}, "strength": {"phone"}, "phone": {"+34 900 000 000"}, "given": {"yes"}}
	word.Del("said_by")
	p.post(desk, page+"/consents", word.Encode(), 422, []string{"<details class=\"alm-card\" open>", "This cannot be empty."}, nil)
	word.Set("said_by", "Rosa")
	p.goes(desk, page+"/consents", word)
	p.get(desk, page+"/packages", 200, []string{"consented", "Rosa"}, nil)
	word.Set("given", "no")
	p.goes(desk, page+"/consents", word)
	form.Set("entry", fmt.Sprint(other.ID))
	p.post(desk, page+"/bench", form.Encode(), 422, []string{"nobody consented"}, nil)
}

func TestApprovalIsOfferedToWhoSeesEveryLine(t *testing.T) {
	p := danger(t)
	lead, other := p.Person(guard.OwnOrg, guard.RoleDutyLead), p.Person(guard.OwnOrg, guard.RoleDutyLead)
	named := p.write(guard.ActorOf(lead), incident.NewEntry{Marking: tlp.Red, Text: "he named a worker"})
	at := p.goes(p.as(lead), "/incident/incidents/"+p.number+"/danger", url.Values{
		"entry": {fmt.Sprint(named.ID)}, "organisation": {fmt.Sprint(p.police)}, "ground": {"eu-led-10b"}, "owners_after": {"0"}, "why": {"a worker is threatened"},
	})
	p.get(p.as(other), at, 200, []string{`value="objected"`, "you may object"}, []string{`value="approved"`, "he named"})
	p.post(p.as(other), at+"/review", "verdict=approved&reason=fine", 403, []string{"vouches for every line"}, []string{"he named"})
	p.must(p.in.Share(t.Context(), guard.ActorOf(lead), named.ID, named.Version, tlp.Red, guard.Circle{Persons: []int64{other.ID}}, "he reviews it"))
	p.get(p.as(other), at, 200, []string{`value="approved"`, "he named a worker"}, nil)
	p.goes(p.as(other), at+"/review", url.Values{"verdict": {"approved"}, "reason": {"it was right"}})
}

func TestASituationReportIsWrittenPrintedAndReadAgain(t *testing.T) {
	p := danger(t)
	p.write(p.desk, incident.NewEntry{Kind: incident.Status, Marking: tlp.Amber, Text: "two pumps stand still"})
	desk := p.as(p.Person(guard.OwnOrg, guard.RoleDutyLead))
	page := "/incident/incidents/" + p.number
	p.get(desk, page+"/sitrep", 200, []string{"two pumps stand still", "What may be said publicly"}, nil)
	form := url.Values{"title": {"The pumps"}, "happened": {"Two pumps <b>stand</b> still"}, "people": {"12000"}, "press": {"Boil the water."}, "marking": {"TLP:AMBER"}, "last": {"0"}, "language": {"en"},
		"next": {p.Clock.Now().Add(6 * time.Hour).Format(time.RFC3339)}}
	at := p.goes(desk, page+"/sitrep", form)
	p.get(desk, at, 200, []string{"The pumps", "12,000 people", "Boil the water."}, nil)
	p.get(desk, at+"/print", 200, []string{"TLP:AMBER", "&lt;b&gt;stand", "Next report"}, []string{"<b>stand"})
	p.post(desk, page+"/sitrep", form.Encode(), 409, []string{"changed this meanwhile"}, nil)
	p.goes(desk, at+"/mail", url.Values{"to": {"desk@police.example"}})
	p.get(desk, "/incident/national/sitrep", 200, []string{p.number, "A threat at the pumps"}, nil)
	at = p.goes(desk, "/incident/national/sitrep", url.Values{"title": {"The country"}, "happened": {"One grave incident"}, "about": {p.number}, "marking": {"TLP:AMBER"}, "last": {"0"}})
	p.get(desk, at, 200, []string{"The country"}, nil)
	p.get(desk, at+"/print", 200, []string{p.number}, nil)
	p.get(p.as(p.ana), at, 403, nil, []string{"grave"})
}
