package gate

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"almenara.example/internal/guard"
	"almenara.example/internal/incident"
	"almenara.example/tlp"
)

func TestAnOperatorSaysHowItsServiceFaresAndThatItIsVerified(t *testing.T) {
	p := openParties(t)
	ctx, ana, chief := t.Context(), p.as(p.ana), p.as(p.chief)
	page := "/portal/incidents/" + p.number + "/recovery"
	power, err := p.in.AddService(ctx, p.desk, p.i.ID, incident.NewService{
		Org: p.faro, Name: "Power feed", Marking: tlp.Amber, Now: incident.NewStep{State: incident.Down, At: p.Clock.Now().Add(-3 * time.Hour)},
	})
	p.must(err)
	hidden, err := p.in.AddService(ctx, p.desk, p.i.ID, incident.NewService{Name: "Secret service", Marking: tlp.Amber, Now: incident.NewStep{State: incident.Down}})
	p.must(err)
	p.get(ana, page, 200, []string{"Power feed", "down"}, []string{"Secret", "Policía"})
	p.get(chief, page, 200, []string{"No service that you can see"}, []string{"Power feed", "Secret", "Aguas"})
	p.get(p.contact(p.ribera), page, 404, nil, []string{"Power feed"})

	p.post(ana, page+"/services", "name=&state=down&marking=TLP:AMBER", 422, []string{"This cannot be empty."}, nil)
	p.post(ana, page+"/services", "name=Pumps&state=degraded&quality=half&marking=TLP:AMBER", 422, []string{"from 1 to 99", "Pumps"}, nil)
	p.post(ana, page+"/services", "name=Pumps&state=degraded&quality=40&people=2000&marking=TLP:AMBER", 303, nil, nil)
	all, err := p.in.Services(ctx, p.App.Acts().Reader(), incident.Viewer{Org: p.faro}, p.i.ID)
	p.must(err)
	pumps := all[len(all)-1]
	p.must(p.in.SetNeeds(ctx, p.desk, pumps.ID, []int64{power.ID, hidden.ID}, 2000, 1))
	p.get(ana, page, 200, []string{"Waits for Power feed, which is down.", "Power feed must come first."}, []string{"Secret"})
	speaking := func(lang string) func(*http.Request) {
		return func(r *http.Request) {
			ana(r)
			r.AddCookie(&http.Cookie{Name: p.App.Site().CookieName("lang"), Value: lang})
		}
	}
	p.get(speaking("es"), page, 200, []string{"Espera a Power feed, que está caído.", "Recuperación"}, nil)
	p.get(speaking("fr"), page, 200, []string{"Attend Power feed, en panne.", "Rétablissement"}, nil)

	one := "/portal/entries/" + p.in.Ref(pumps.Entry)
	p.post(chief, one+"/service", "state=restored&version=1", 404, nil, nil)
	p.post(ana, one+"/service", "state=restored&version=7", 409, []string{"Somebody changed this meanwhile"}, nil)
	p.post(ana, one+"/service", "state=restored&version=1", 303, nil, nil)
	p.get(ana, "/portal/incidents/"+p.number, 200, []string{"Does Pumps work again?"}, nil)
	p.get(ana, page, 200, []string{"We checked: it works again"}, nil)
	err = p.in.SetService(ctx, p.desk, pumps.ID, incident.NewStep{State: incident.Verified, Version: 2})
	if err == nil {
		t.Error("the desk verified what only the operator can")
	}
	p.post(ana, one+"/verified", "version=2", 303, nil, nil)
	p.get(ana, page, 200, []string{"verified by its operator"}, []string{"We checked: it works again"})
	p.must(p.in.SignOff(ctx, p.desk, pumps.ID, 3))
	p.get(ana, page, 200, []string{"closed by the team"}, nil)
}

func TestMilestonesAndWhatIsAskedForAreSeenByThoseToWhomTheyAreShown(t *testing.T) {
	p := openParties(t)
	ctx, ana, chief := t.Context(), p.as(p.ana), p.as(p.chief)
	page := "/portal/incidents/" + p.number + "/recovery"
	due := p.Clock.Now().Add(2 * time.Hour)
	m, err := p.in.AddMilestone(ctx, p.desk, p.i.ID, incident.NewMilestone{Title: "Pressure is back", Org: p.faro, Due: due, Marking: tlp.Amber, To: guard.Circle{Orgs: []int64{p.faro}}})
	p.must(err)
	p.get(ana, page, 200, []string{"Pressure is back", "ahead", "Move it"}, nil)
	p.get(chief, page, 200, nil, []string{"Pressure"})
	one := "/portal/entries/" + p.in.Ref(m.ID)
	p.post(chief, one+"/reached", "version=1", 404, nil, nil)
	p.post(ana, one+"/moved", "due="+due.Add(time.Hour).Format("2006-01-02T15:04")+"&version=1", 422, []string{"This cannot be empty."}, nil)
	p.post(ana, one+"/moved", "due="+due.Add(time.Hour).Format("2006-01-02T15:04")+"&reason=a+valve+is+late&version=1", 303, nil, nil)
	p.Clock.Advance(9 * time.Hour)
	p.get(ana, page, 200, []string{"a valve is late", "was due", "missed"}, nil)
	p.post(ana, one+"/reached", "result=by+the+night+shift&version=2", 303, nil, nil)
	p.get(ana, page, 200, []string{"reached late", "by the night shift"}, nil)

	asked, err := p.in.AskResource(ctx, p.desk, p.i.ID, incident.NewEntry{Marking: tlp.Amber, Text: "Two mobile pumps", To: guard.Circle{Orgs: []int64{p.faro}}})
	p.must(err)
	err = p.in.SetResource(ctx, p.desk, asked.ID, incident.ResourceOffered, p.police, 1) // would show the police to the company
	if err == nil || !strings.Contains(err.Error(), "giver") {
		t.Errorf("a giver who does not see what is asked for: %v", err)
	}
	give := "/portal/entries/" + p.in.Ref(asked.ID) + "/resource"
	p.post(chief, give, "state=offered&version=1", 404, nil, nil)
	p.post(ana, give, "state=delivered&version=1", 409, []string{"This cannot be said of it now."}, nil)
	p.get(ana, page, 200, []string{"Two mobile pumps", "We can give it"}, nil)
	p.post(ana, give, "state=offered&version=1", 303, nil, nil)
	p.get(ana, page, 200, []string{"offered"}, []string{"We can give it"})
	p.post(ana, page+"/resources", "text=&marking=TLP:AMBER", 422, []string{"This cannot be empty."}, nil)
	p.post(ana, page+"/resources", "text=Water+trucks&marking=TLP:AMBER&org="+p.uid(p.police), 422, []string{"Choose only among"}, nil)
	p.post(ana, page+"/resources", "text=Water+trucks&marking=TLP:AMBER", 303, nil, nil)
	p.get(chief, page, 200, nil, []string{"trucks", "pumps"})
}
