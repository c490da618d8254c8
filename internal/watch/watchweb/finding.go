package watchweb

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"almenara.example/internal/constituency"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/web"
	"almenara.example/internal/guard"
	"almenara.example/internal/watch"
)

// findingPage is what the page of one finding shows.
type findingPage struct {
	Facts     web.Facts
	Story     web.Timeline
	Why       web.List
	WhyAnswer string
	Sightings web.List
	Notices   *web.Timeline
}

// sightingsShown is how many sightings a finding's page lists.
const sightingsShown = 100

// finding is GET /watch/findings/{number}.
func (p *Web) finding(w http.ResponseWriter, r *http.Request) error {
	a := askerOf(r)
	f, src, err := p.findingOf(r, a)
	if err != nil {
		return err
	}
	var data findingPage
	if data.Facts, err = p.facts(r, a, f, src); err != nil {
		return err
	}
	if data.Story, err = p.story(r, a, f); err != nil {
		return err
	}
	data.Why, data.WhyAnswer = p.why(a, f)
	if data.Sightings, err = p.sightings(r, a, f); err != nil {
		return err
	}
	if data.Notices, err = p.notices(r, a, f); err != nil {
		return err
	}
	audience, err := p.audience(r, a, f, src)
	if err != nil {
		return err
	}
	number := p.watch.Number(f.ID)
	page := web.Page{
		Title: p.what(f) + " · " + place(f), Number: number, Room: room,
		Crumbs:  []web.Link{a.crumb("watch.findings.title", "/watch/findings")},
		Badges:  []web.Badge{a.severity(f.Severity), a.state(f.State)},
		Marking: marking(src), Exercise: f.Flags&watch.Exercise != 0 || src.Exercise, Audience: &audience,
		Topics: []string{"watch.findings-changed", "watch.delivery-taken"}, Data: data,
	}
	if f.Flags&watch.Verified != 0 {
		page.Badges = append(page.Badges, web.Badge{Tone: "ok", Icon: "check", Word: a.say("watch.word.verified")})
	}
	if f.Flags&watch.WeakKey != 0 {
		page.Badges = append(page.Badges, web.Badge{Tone: "medium", Icon: "key", Word: a.say("watch.word.weak_key")})
	}
	p.offer(a, f, number, &page)
	return p.site.Page(w, r, http.StatusOK, "watch/finding", page)
}

// findingOf finds what the address names, as the asker's organisation may see it.
func (p *Web) findingOf(r *http.Request, a asker) (f watch.Finding, src watch.Source, err error) {
	number, err := clean("number", r.PathValue("number"))
	if err != nil {
		return f, src, err
	}
	if f, err = p.watch.Finding(r.Context(), p.read, number, a.actor.Org); err != nil {
		if fault.CodeOf(err) == fault.Invalid { // what has not the form of a number is not there
			err = fault.Wrap(fault.NotFound, "watch.finding.none", nil, err)
		}
		return f, src, err
	}
	st, _ := p.watch.StreamOf(f.Stream)
	src, err = p.watch.Source(r.Context(), p.read, st.Source)
	return f, src, err
}

// offer puts the verbs that the asker may do on a finding's page: the one that is
// due first.
func (p *Web) offer(a asker, f watch.Finding, number string, page *web.Page) {
	for _, v := range verbs() {
		if v.to == f.State || v.to == watch.Open && f.State == watch.Open || !a.Can(v.permission) {
			continue
		}
		if v.to == watch.Closed && f.State != watch.Open {
			continue
		}
		act := web.Action{Label: a.say(v.key), Icon: v.icon, URL: address("/watch/findings/decide", "to", v.to.String(), "id", number)}
		if page.Primary == nil {
			act.Tone = "primary"
			page.Primary = &act
			continue
		}
		page.Actions = append(page.Actions, act)
	}
	for _, e := range p.elsewhere {
		if a.Can(e.Permission) {
			page.Actions = append(page.Actions, web.Action{Label: a.say(e.Key), Icon: e.Icon, URL: address(e.URL, "id", number)})
		}
	}
	if f.Flags&watch.Verified == 0 && a.Can("watch.verify_finding") {
		page.Actions = append(page.Actions, web.Action{
			Label: a.say("watch.verb.verify"), Icon: "check", URL: findingURL(number) + "/verify",
		})
	}
}

func (p *Web) facts(r *http.Request, a asker, f watch.Finding, src watch.Source) (web.Facts, error) {
	opened, err := p.watch.Delivery(r.Context(), p.read, f.OpenedBy)
	if err != nil {
		return web.Facts{}, err
	}
	number, seen := p.watch.Number(f.ID), int64(f.Seen)
	items := []web.Fact{
		{Label: a.say("watch.label.organisation"), Cell: p.organisation(a, f.Org, f.Level)},
		{Label: a.say("watch.label.ip"), Cell: p.filterCell(addrText(f), "ip")},
		{Label: a.say("watch.label.port"), Cell: web.Code(port(f))},
		{Label: a.say("watch.label.host"), Cell: p.filterCell(f.Host, "host")},
		{Label: a.say("watch.label.asn"), Cell: web.Code(asn(f.ASN))},
		{Label: a.say("watch.label.country"), Cell: web.Text(f.CC)},
		{Label: a.say("watch.label.class"), Cell: web.Cell{Text: joinNonEmpty(" · ", f.Class.Taxonomy, f.Class.Type, f.Class.Identifier)}},
		{Label: a.say("watch.label.kind"), Cell: web.Anchor(p.kind(f), address("/watch/findings", "kind", p.kind(f)))},
		{Label: a.say("watch.label.source"), Cell: web.Anchor(src.Name, address("/watch/findings", "source", src.Name))},
		{Label: a.say("watch.label.first"), Cell: a.seen(f.First)},
		{Label: a.say("watch.label.last"), Cell: a.seen(f.Last)},
		{Label: a.say("watch.label.seen"), Cell: web.Cell{Count: &seen}},
		{Label: a.say("watch.label.opened_by"), Cell: web.Anchor(opened.FileName, deliveryURL(opened.ID))},
		{Label: a.say("watch.label.number"), Cell: web.Cell{Text: number, Mono: true, Copy: true}},
	}
	if a.Can("ledger.read") {
		items = append(items, web.Fact{Label: a.say("watch.label.record"), Cell: web.Anchor(
			a.say("watch.finding.record"), address("/ledger", "subject", "finding:"+strconv.FormatInt(f.ID, 10)))})
	}
	return web.Facts{Title: a.say("watch.finding.facts"), Items: items}, nil
}

// seen is when something was seen: the day alone for what is dated to the day,
// which says nothing of an hour.
func (a asker) seen(t time.Time) web.Cell {
	if onDay(t) {
		return web.Text(a.day(t))
	}
	return web.Exactly(t)
}

// day is a time's date: of what is dated to the day, that day for every reader, also
// where midnight UTC is the evening before.
func (a asker) day(t time.Time) string {
	if onDay(t) {
		return a.words.In(time.UTC).Date(t)
	}
	return a.words.Date(t)
}

// onDay tells whether a time is the beginning of a day in UTC: reports that name
// only a day are kept so.
func onDay(t time.Time) bool { return !t.IsZero() && t.Equal(t.UTC().Truncate(24*time.Hour)) }

// filterCell is a value that leads to everything with that value.
func (p *Web) filterCell(value, name string) web.Cell {
	c := web.Cell{Text: value, Mono: true, Copy: value != ""}
	if value != "" {
		c.URL = address("/watch/findings", name, value)
	}
	return c
}

func addrText(f watch.Finding) string {
	if !f.IP.IsValid() {
		return ""
	}
	return f.IP.String()
}

func asn(n uint32) string {
	if n == 0 {
		return ""
	}
	return "AS" + strconv.FormatUint(uint64(n), 10)
}

func joinNonEmpty(sep string, parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), sep)
}

// story is the life of a finding, newest first.
func (p *Web) story(r *http.Request, a asker, f watch.Finding) (web.Timeline, error) {
	life, err := p.watch.Life(r.Context(), p.read, f)
	if err != nil {
		return web.Timeline{}, err
	}
	t := web.Timeline{Title: a.say("watch.finding.life")}
	for _, c := range slices.Backward(life) {
		t.Moments = append(t.Moments, p.moment(a, c))
	}
	return t, nil
}

func (p *Web) moment(a asker, c watch.Change) web.Moment {
	m := web.Moment{
		At: c.At, Machine: true, What: a.say("watch.change." + string(c.Kind)), Detail: cause(a, c.Cause),
	}
	switch c.Kind {
	case watch.ChangeByPerson, watch.ChangeVerified:
		m.Machine = false
		if c.Kind == watch.ChangeByPerson {
			m.What = a.say("watch.change.to." + c.To.String())
		}
		if a.Can("ledger.read") && c.Order > 0 {
			m.URL = "/ledger/" + strconv.FormatInt(c.Order, 10)
		}
	case watch.ChangeWorse:
		b := a.severity(c.Severity)
		m.Badge = &b
	case watch.ChangeMatched:
		if o, ok := p.constituency.Index().Org(c.Org); ok {
			m.Detail = joinNonEmpty(" ", m.Detail, a.say("watch.change.now_of", "Name", o.Name))
		}
	}
	if c.Delivery != 0 {
		m.URL = deliveryURL(c.Delivery)
	}
	if c.From != c.To && c.To != 0 {
		b := a.state(c.To)
		m.Badge = &b
	}
	return m
}

// cause is a catalogue key for what the machine did, or a person's own words.
func cause(a asker, text string) string {
	if strings.HasPrefix(text, "watch.cause.") {
		return a.say(text)
	}
	return text
}

// why shows the candidates of the look-up that named the organisation.
func (p *Web) why(a asker, f watch.Finding) (web.List, string) {
	ex := p.watch.Why(f)
	list := web.List{
		ID: "why", Caption: a.say("watch.finding.why"), Total: web.Total{Hide: true},
		Columns: []web.Column{
			{Label: a.say("watch.label.rule")},
			{Label: a.say("watch.label.organisation")},
			{Label: a.say("watch.label.valid")},
			{Label: a.say("watch.label.origin"), Narrow: true},
			{Label: a.say("watch.label.verdict")},
		},
		Empty: web.Empty{Title: a.say("watch.finding.why.none"), Why: a.say("watch.finding.why.none.why")},
	}
	for _, c := range ex.Tried {
		v := web.Badge{Tone: "muted", Word: a.say("watch.verdict." + c.Verdict.String())}
		if c.Verdict == constituency.Taken {
			v.Tone = "ok"
		}
		list.Rows = append(list.Rows, web.Row{Cells: []web.Cell{
			{Text: a.say("watch.rule." + c.Rule.String()), Sub: candidateLength(a, c)},
			p.organisation(a, c.Org, uint8(constituency.Operator)),
			{Text: a.validity(c.From, c.To)},
			{Text: a.say("watch.origin." + c.Source.String())},
			web.Marked(v),
		}})
	}
	day := a.words.Date(ex.Day.Time())
	answer := a.say("watch.finding.why.nobody", "Day", day)
	if o, ok := p.constituency.Index().Org(ex.Match.Org); ok {
		answer = a.say("watch.finding.why.answer", "Day", day, "Name", o.Name, "Rule", a.say("watch.rule."+ex.Match.Rule.String()))
	}
	if ex.Match.Org != f.Org {
		answer += " " + a.say("watch.finding.why.changed")
	}
	return list, answer
}

func candidateLength(a asker, c constituency.Candidate) string {
	if c.Rule == constituency.RuleCIDR || c.Rule == constituency.RuleNetworkPrefix {
		return a.say("watch.finding.why.bits", "Bits", c.Bits)
	}
	return ""
}

// validity says from when to when.
func (a asker) validity(from, to constituency.Day) string {
	begin, end := a.words.Date(from.Time()), a.words.Date(to.Time())
	switch {
	case from <= constituency.Always && to >= constituency.Forever:
		return a.say("watch.page.always")
	case to >= constituency.Forever:
		return a.say("watch.page.since", "Day", begin)
	case from <= constituency.Always:
		return a.say("watch.page.until", "Day", end)
	}
	return a.say("watch.page.from_to", "From", begin, "To", end)
}

func (p *Web) sightings(r *http.Request, a asker, f watch.Finding) (web.List, error) {
	list := web.List{
		ID: "sightings", Caption: a.say("watch.finding.sightings"),
		Columns: []web.Column{
			{Label: a.say("watch.label.day")}, {Label: a.say("watch.label.delivery")}, {Label: a.say("watch.label.raw")},
		},
		Empty: web.Empty{Title: a.say("watch.finding.sightings.none"), Why: a.say("watch.finding.sightings.none.why")},
	}
	ss, err := p.watch.Sightings(r.Context(), p.read, f, sightingsShown)
	if fault.CodeOf(err) == fault.NotFound { // the deliveries' bytes are gone by retention
		return list, nil
	}
	if err != nil {
		return list, err
	}
	raw := a.Can("watch.read_raw")
	for _, s := range ss {
		row := web.Row{Cells: []web.Cell{
			web.OnDay(s.Delivery.Observed), web.Anchor(s.Delivery.FileName, deliveryURL(s.Delivery.ID)), {},
		}}
		if raw {
			row.Cells[2] = web.Anchor(a.say("watch.finding.raw.show"), address(findingURL(p.watch.Number(f.ID))+"/raw",
				"delivery", strconv.FormatInt(s.Delivery.ID, 10), "at", strconv.FormatInt(s.Offset, 10)))
		}
		list.Rows = append(list.Rows, row)
	}
	list.Total = web.Total{N: int64(len(ss)), AtLeast: len(ss) >= sightingsShown}
	return list, nil
}

func (p *Web) notices(r *http.Request, a asker, f watch.Finding) (*web.Timeline, error) {
	if p.stories == nil {
		return nil, nil
	}
	moments, err := p.stories.OfFinding(r.Context(), p.read, f.ID, a.Viewer, a.words)
	if err != nil {
		return nil, err
	}
	return &web.Timeline{
		Title: a.say("watch.finding.notices"), Moments: moments,
		Empty: web.Empty{Title: a.say("watch.finding.notices.none"), Why: a.say("watch.finding.notices.none.why")},
	}, nil
}

func (p *Web) audience(r *http.Request, a asker, f watch.Finding, src watch.Source) (web.Audience, error) {
	orgs, err := p.watch.WhoCanSee(r.Context(), p.read, f)
	if err != nil {
		return web.Audience{}, err
	}
	out := web.Audience{Marking: marking(src), Summary: a.say("watch.finding.audience", "Count", len(orgs)), Note: a.say("watch.finding.audience.note")}
	for _, o := range orgs {
		m := web.Member{Name: o.Name}
		switch o.ID {
		case f.Org:
			m.Why = a.say("watch.finding.audience.owner")
		case guard.OwnOrg:
			m.Why = a.say("watch.finding.audience.desk")
		}
		if a.Can("constituency.read") {
			m.URL = organisationURL(o.ID)
		}
		out.Members = append(out.Members, m)
	}
	return out, nil
}
