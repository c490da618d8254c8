package incident

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"almenara.example/internal/foundation/i18n"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/guard"
	"almenara.example/tlp"
)

// situation is what one part of the room knows for a situation report. Words of others
// that are marked above TLP:GREEN are never in it: the desk sums those up itself.
type situation struct {
	Happened, Affected, Doing, Needed []string
	People                            int64 // -1 not known
	Untold                            int64 // who depend on what is not in it
	Marking                           tlp.Marking
}

// situationOf is asked about one incident as far as a viewer sees it.
type situationOf func(ctx context.Context, r sqldb.Reader, v Viewer, i *Incident, words *i18n.Printer) (situation, error)

// situations lists the parts of the room that fill in a situation report.
func (in *Incidents) situations() []situationOf {
	return []situationOf{in.situationOfHead, in.situationOfStory, in.situationOfTasks, in.situationOfServices, in.situationOfClocks}
}

// DraftSitrep fills in a report with what is known: head, what was said as status and
// decision, who is affected, tasks and questions. The last version lends its press lines.
func (in *Incidents) DraftSitrep(ctx context.Context, r sqldb.Reader, v Viewer, incident int64, language string) (s Sitrep, err error) {
	i, err := in.Incident(ctx, r, v, incident)
	if err != nil {
		return s, err
	}
	words := in.speak(language)
	s = Sitrep{Incident: incident, Exercise: i.Exercise, Language: words.Lang(), Title: i.Title, AsOf: in.Acts.Clock().Now(), People: -1, Floor: i.Marking}
	if err := in.fillIn(ctx, r, v, &i, words, &s); err != nil {
		return s, err
	}
	s.Marking = s.Floor
	if last, err := in.Sitreps(ctx, r, incident, i.Exercise); err != nil {
		return s, err
	} else if len(last) > 0 {
		s.Version, s.Press = last[0].Version, last[0].Press
	}
	if s.Press == "" {
		s.Press = words.Say("incident.sitrep.draft.press", "At", words.Date(i.OpenedAt))
	}
	return s, nil
}

// fillIn asks every part of the room.
func (in *Incidents) fillIn(ctx context.Context, r sqldb.Reader, v Viewer, i *Incident, words *i18n.Printer, s *Sitrep) error {
	add := func(to *string, lines []string) {
		for _, l := range lines {
			if len(*to)+len(l) < maxSection-1 {
				*to = strings.TrimPrefix(*to+"\n"+l, "\n")
			}
		}
	}
	for _, ask := range in.situations() {
		one, err := ask(ctx, r, v, i, words)
		if err != nil {
			return err
		}
		add(&s.Happened, one.Happened)
		add(&s.Affected, one.Affected)
		add(&s.Doing, one.Doing)
		add(&s.Needed, one.Needed)
		s.People, s.Untold = max(s.People, one.People), s.Untold+one.Untold
		if one.Marking.Marked() {
			s.Floor = tlp.Strictest(s.Floor, one.Marking)
		}
	}
	return nil
}

// DraftNational fills in the national picture: a line or two for each incident. With no
// incidents named, those that are open and grave.
func (in *Incidents) DraftNational(ctx context.Context, r sqldb.Reader, v Viewer, about []int64, exercise bool, language string) (s Sitrep, err error) {
	words := in.speak(language)
	s = Sitrep{Exercise: exercise, Language: words.Lang(), Title: words.Say("incident.sitrep.draft.national"), AsOf: in.Acts.Clock().Now(), People: -1, Floor: tlp.Clear}
	if len(about) == 0 {
		if about, err = in.graveOnes(ctx, r, v, exercise); err != nil {
			return s, err
		}
	}
	for _, id := range about[:min(len(about), maxNational)] {
		i, err := in.Incident(ctx, r, v, id)
		if err != nil {
			return s, err
		}
		one, err := in.DraftSitrep(ctx, r, v, id, language)
		if err != nil {
			return s, err
		}
		if last, err := in.Sitreps(ctx, r, id, i.Exercise); err != nil {
			return s, err
		} else if len(last) > 0 {
			one = last[0]
		}
		s.Floor = tlp.Strictest(s.Floor, strongest(one.Marking, i.Marking))
		s.About = append(s.About, id)
		head := in.Number(id) + " · " + i.Title
		s.Happened = lineTo(s.Happened, head+": "+firstLine(one.Happened))
		s.Affected = lineTo(s.Affected, in.Number(id)+": "+firstLine(one.Affected))
		s.Doing = lineTo(s.Doing, in.Number(id)+": "+firstLine(one.Doing))
		s.Needed = lineTo(s.Needed, in.Number(id)+": "+firstLine(one.Needed))
		if one.People >= 0 {
			s.People = max(s.People, 0) + one.People
		}
	}
	s.Marking = s.Floor
	last, err := in.Sitreps(ctx, r, 0, exercise)
	if len(last) > 0 {
		s.Version, s.Press = last[0].Version, last[0].Press
	}
	return s, err
}

func strongest(a, b tlp.Marking) tlp.Marking {
	if !a.Marked() {
		return b
	}
	return tlp.Strictest(a, b)
}

func firstLine(s string) string {
	first, _, _ := strings.Cut(s, "\n")
	return excerpt(first)
}

// lineTo adds a line where there is still room; a heading alone says nothing.
func lineTo(s, line string) string {
	if strings.HasSuffix(line, ": ") || len(s)+len(line) >= maxSection-1 {
		return s
	}
	return strings.TrimPrefix(s+"\n"+line, "\n")
}

func (in *Incidents) graveOnes(ctx context.Context, r sqldb.Reader, v Viewer, exercise bool) (out []int64, err error) {
	for _, severity := range []Severity{Critical, High} {
		found, err := in.List(ctx, r, v, Filter{State: Open, Severity: severity, Exercise: exercise, Limit: maxNational})
		if err != nil {
			return nil, err
		}
		for _, i := range found {
			out = append(out, i.ID)
		}
	}
	return out, nil
}

// situationOfHead: what it is, since when, who is affected.
func (in *Incidents) situationOfHead(ctx context.Context, r sqldb.Reader, _ Viewer, i *Incident, words *i18n.Printer) (s situation, err error) {
	s.People = -1
	s.Happened = []string{words.Say("incident.sitrep.draft.head", "Title", i.Title, "At", words.Time(i.OpenedAt), "Severity", words.Say("incident.sitrep.severity."+string(i.Severity)))}
	if i.State != Open {
		s.Happened = append(s.Happened, words.Say("incident.sitrep.draft.closed", "At", words.Time(i.ClosedAt), "How", firstLine(i.Resolution)))
	}
	ps, err := in.Participants(ctx, r, i.ID, false)
	if err != nil {
		return s, err
	}
	var names []string
	for _, p := range ps {
		if p.Role != "affected" {
			continue
		}
		o, err := in.Guard.Organisation(ctx, r, p.Org)
		if err != nil {
			return s, err
		}
		names = append(names, o.Name)
	}
	if len(names) > 0 {
		s.Affected = []string{strings.Join(slices.Compact(names), ", ")}
	}
	return s, nil
}

// situationOfStory: the newest words of the desk's own about the state, and what others
// said for the community.
func (in *Incidents) situationOfStory(ctx context.Context, r sqldb.Reader, v Viewer, i *Incident, words *i18n.Printer) (s situation, err error) {
	s.People = -1
	es, err := in.Story(ctx, r, v, i.ID)
	if err != nil {
		return s, err
	}
	slices.Reverse(es)
	said, decided := 0, 0
	for _, e := range es {
		own := e.Owner == guard.OwnOrg && e.Marking != tlp.Red
		if e.Source == FromMachine || !e.RetractedAt.IsZero() || !own && tlp.Strictest(e.Marking, tlp.Green) != tlp.Green {
			continue
		}
		line := words.Clock(e.At) + " " + excerpt(e.Text)
		switch {
		case e.Kind == Status && said < 3:
			said++
			s.Happened = append(s.Happened, line)
		case e.Kind == Decision && decided < 3:
			decided++
			s.Doing = append(s.Doing, line)
		default:
			continue
		}
		if s.Marking.Marked() {
			s.Marking = tlp.Strictest(s.Marking, e.Marking)
		} else {
			s.Marking = e.Marking
		}
	}
	return s, nil
}

// situationOfTasks: what is being done and what is asked, of the desk's own entries.
func (in *Incidents) situationOfTasks(ctx context.Context, r sqldb.Reader, v Viewer, i *Incident, words *i18n.Printer) (s situation, err error) {
	s.People = -1
	ts, err := in.Tasks(ctx, r, v, i.ID)
	if err != nil {
		return s, err
	}
	for _, t := range ts {
		if t.State.Ended() || len(s.Doing)+len(s.Needed) >= 10 {
			continue
		}
		e, err := in.Entry(ctx, r, v, t.Entry)
		if err != nil {
			return s, err
		}
		if e.Owner != guard.OwnOrg || e.Marking == tlp.Red {
			continue
		}
		line := excerpt(e.Text)
		if !t.Due.IsZero() {
			line = fmt.Sprintf("%s (%s)", line, words.Time(t.Due))
		}
		if t.Kind == Question {
			s.Needed = append(s.Needed, line)
		} else {
			s.Doing = append(s.Doing, line)
		}
		s.Marking = strongest(s.Marking, e.Marking)
	}
	return s, nil
}

// situationOfServices: what is down and how many depend on it, as far as the desk may
// pass it on.
func (in *Incidents) situationOfServices(ctx context.Context, r sqldb.Reader, v Viewer, i *Incident, words *i18n.Printer) (s situation, err error) {
	s.People = -1
	services, err := in.Services(ctx, r, v, i.ID)
	if err != nil {
		return s, err
	}
	for _, one := range services {
		e, err := in.Entry(ctx, r, v, one.Entry)
		if err != nil {
			return s, err
		}
		own := e.Owner == guard.OwnOrg && e.Marking != tlp.Red
		switch {
		case one.State == Restored || one.State == Verified:
			continue
		case !own && tlp.Strictest(e.Marking, tlp.Green) != tlp.Green:
			s.Untold += one.People
			continue
		}
		s.Affected = append(s.Affected, one.Name+": "+words.Say("incident.sitrep.service."+string(one.State)))
		if one.People > 0 {
			s.People = max(s.People, 0) + one.People
		}
		s.Marking = strongest(s.Marking, e.Marking)
	}
	return s, nil
}

// situationOfClocks: what is owed by law, the next first.
func (in *Incidents) situationOfClocks(ctx context.Context, r sqldb.Reader, v Viewer, i *Incident, words *i18n.Printer) (s situation, err error) {
	s.People = -1
	clocks, err := in.Clocks(ctx, r, v, i.ID)
	if err != nil {
		return s, err
	}
	slices.SortStableFunc(clocks, func(a, b Clock) int { return a.WarnAt.Compare(b.WarnAt) })
	for _, c := range clocks {
		if c.State != ClockRunning || c.WarnAt.IsZero() || len(s.Needed) == 4 {
			continue
		}
		_, stage, err := in.StageOf(&c)
		if err != nil {
			return s, err
		}
		who, _ := in.Constituency.Index().Org(c.OwedByOrg)
		s.Needed = append(s.Needed, words.Say("incident.sitrep.clock", "Stage", stage.Title.In(words.Lang()), "Regime", strings.ToUpper(c.Regime), "Who", who.Name, "At", words.Time(c.WarnAt)))
	}
	return s, nil
}
