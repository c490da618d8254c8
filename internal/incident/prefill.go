package incident

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/guard"
	"almenara.example/regime"
)

// source gathers what documents are filled from. It sees with the eyes of the
// organisation whose duty it is: what is hidden from it does not get into what it
// files.
type source struct {
	values map[string]string
}

func (s *source) set(name, value string) {
	if value != "" {
		s.values[name] = value
	}
}

// prefill answers the fields that the incident can answer, as an organisation sees it.
func (in *Incidents) prefill(ctx context.Context, r sqldb.Reader, i *Incident, party int64, law *regime.Regime, fields []regime.Field) (map[string]string, error) {
	s := source{map[string]string{}}
	in.fromHead(&s, i)
	if err := in.fromOrg(ctx, r, &s, party); err != nil {
		return nil, err
	}
	if err := in.fromServices(ctx, r, &s, i, party); err != nil {
		return nil, err
	}
	known, err := in.standing(ctx, r, i.ID, party)
	if err != nil {
		return nil, err
	}
	for event, at := range times(law, known) {
		s.set("incident."+string(event), at.UTC().Format(time.RFC3339))
	}
	if err := in.fromStory(ctx, r, &s, i, Viewer{Org: party}); err != nil {
		return nil, err
	}
	out := map[string]string{}
	for _, f := range fields {
		if v := s.values[f.Prefill]; v != "" && checkAnswer(f, v) == nil {
			out[f.ID] = v
		}
	}
	return out, nil
}

// fromHead takes what everybody who takes part sees.
func (in *Incidents) fromHead(s *source, i *Incident) {
	s.set("incident.number", in.Number(i.ID))
	s.set("incident.title", i.Title)
	s.set("incident.severity", string(i.Severity))
	s.set("incident.countries", strings.Join(i.Countries, "\n"))
	s.set("incident.cross_border", yesNo(len(i.Countries) > 1))
	s.set("incident.ongoing", yesNo(i.State == Open))
	s.set("incident.cause", i.Class)
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// fromOrg takes what is known of the organisation itself.
func (in *Incidents) fromOrg(ctx context.Context, r sqldb.Reader, s *source, org int64) error {
	o, err := in.Guard.Organisation(ctx, r, org)
	if err != nil {
		return err
	}
	s.set("operator.name", o.Name)
	cs, err := in.Constituency.Contacts(ctx, r, org)
	if err != nil {
		return err
	}
	if len(cs) > 0 {
		s.set("operator.contact", strings.Join(strings.Fields(cs[0].Name+" "+cs[0].Phone+" "+cs[0].Email), " "))
	}
	standing, err := in.Constituency.Standing(ctx, r, org)
	if err != nil {
		return err
	}
	var names []string
	for _, v := range standing.Services {
		names = append(names, v.Name)
	}
	s.set("services.names", strings.Join(names, "\n"))
	if standing.Population > 0 {
		s.set("services.people_affected", strconv.FormatInt(standing.Population, 10))
	}
	return nil
}

// fromServices takes what the incident says of the organisation's own services, before
// what the directory says in general.
func (in *Incidents) fromServices(ctx context.Context, r sqldb.Reader, s *source, i *Incident, org int64) error {
	services, err := in.Services(ctx, r, Viewer{Org: org}, i.ID)
	var names []string
	people := int64(0)
	for _, v := range services {
		if v.Org == org {
			names = append(names, v.Name)
			people += v.People
		}
	}
	s.set("services.names", strings.Join(names, "\n"))
	if people > 0 {
		s.set("services.people_affected", strconv.FormatInt(people, 10))
	}
	return err
}

// fromStory takes summary, measures and indicators from the organisation's own entries
// and the desk's, as far as the organisation may see them: what others told it in
// confidence is not reported for it.
func (in *Incidents) fromStory(ctx context.Context, r sqldb.Reader, s *source, i *Incident, v Viewer) error {
	entries, err := in.Story(ctx, r, v, i.ID)
	if err != nil {
		return err
	}
	sent, err := sqldb.All(ctx, r, sqldb.Int64, `select entry_id from incident_filing where incident_id = $1 and entry_id > 0`, i.ID)
	if err != nil {
		return err
	}
	var summary, measures []string
	own := map[int64]bool{}
	for _, e := range entries {
		if slices.Contains(sent, e.ID) { // that something was reported is no news of the incident
			continue
		}
		if !e.RetractedAt.IsZero() || e.Source == FromMachine || e.Owner != v.Org && e.Owner != guard.OwnOrg {
			continue
		}
		own[e.ID] = true
		switch e.Kind {
		case Status:
			s.set("incident.impact", e.Text)
			summary = append(summary, e.Text)
		case Measure:
			measures = append(measures, e.Text)
		case Note, Call, Decision, Observable, TaskEntry, FileEntry, Question:
		}
	}
	s.set("incident.summary", strings.Join(summary, "\n\n"))
	s.set("incident.measures", strings.Join(measures, "\n\n"))
	sights, err := in.Observables(ctx, r, v, i.ID)
	if err != nil {
		return err
	}
	var lines []string
	for _, x := range sights {
		if own[x.Entry] && len(lines) < 200 {
			lines = append(lines, x.Defanged())
		}
	}
	s.set("incident.indicators", strings.Join(lines, "\n"))
	return nil
}
