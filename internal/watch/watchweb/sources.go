package watchweb

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/text"
	"almenara.example/internal/foundation/web"
	"almenara.example/internal/watch"
	"almenara.example/tlp"
)

func sourceURL(id int64) string { return "/watch/sources/" + strconv.FormatInt(id, 10) }

func needReason(reason string) error {
	if text.Blank(reason) {
		return fault.OnField("reason", "watch.reason.empty", nil)
	}
	return nil
}

// setUp refuses whoever may neither read watch nor set feeds up.
func setUp(a asker) error {
	if a.Can("watch.read") || a.Can("watch.change_source") {
		return nil
	}
	return fault.New(fault.Denied, "fault.denied", nil)
}

// sources is GET /watch/sources.
func (p *Web) sources(w http.ResponseWriter, r *http.Request) error {
	a := askerOf(r)
	if err := setUp(a); err != nil {
		return err
	}
	if err := checkQuery(r); err != nil {
		return err
	}
	srcs, err := p.watch.Sources(r.Context(), p.read)
	if err != nil {
		return err
	}
	list := web.List{
		ID: "sources", Caption: a.say("watch.sources.title"), Live: true,
		Columns: []web.Column{
			{Label: a.say("watch.label.source")},
			{Label: a.say("watch.label.mode")},
			{Label: a.say("watch.label.marking")},
			{Label: a.say("watch.label.mapping"), Narrow: true},
			{Label: a.say("watch.label.rhythm")},
			{Label: a.say("watch.label.last_taken")},
			{Label: a.say("watch.label.state")},
		},
		Filters: web.Sift(r, web.Field{Name: "late", Label: a.say("watch.label.state"), Type: "select", Options: []web.Option{
			{Label: a.say("watch.page.any")}, {Value: "yes", Label: a.say("watch.source.late")},
		}}),
		Empty: web.Empty{Title: a.say("watch.sources.none"), Why: a.say("watch.sources.none.why")},
	}
	if len(list.Filters.Chips) == 0 {
		list.Filters.Clear = ""
	}
	page := web.Page{
		Title: a.say("watch.sources.title"), Lead: a.say("watch.sources.lead"), Room: room, Marking: marking(srcs...), Topics: []string{"watch"},
	}
	if a.Can("watch.add_source") {
		page.Primary = &web.Action{Label: a.say("watch.source.add"), URL: "/watch/sources/new", Icon: "plus", Tone: "primary"}
		list.Empty.Do = page.Primary
	}
	now := p.acts.Clock().Now()
	for _, s := range srcs {
		if late := s.Late(now) > 0; late || r.URL.Query().Get("late") == "" {
			list.Rows = append(list.Rows, p.sourceRow(a, s, now))
		}
	}
	list.Total = web.Total{N: int64(len(list.Rows))}
	page.Data = list
	return p.site.Page(w, r, http.StatusOK, "watch/list", page)
}

func (p *Web) sourceRow(a asker, s watch.Source, now time.Time) web.Row {
	mode, late := a.mode(s.Mode), p.lateBadge(a, s, now)
	row := web.Row{URL: sourceURL(s.ID), Cells: []web.Cell{
		web.Anchor(s.Name, sourceURL(s.ID)), web.Marked(mode), web.Text(marking(s)), web.Code(s.Mapping), web.Text(a.rhythm(s.Rhythm)),
		web.Ago(s.LastTaken), web.Marked(late),
	}}
	if s.Late(now) > 0 {
		row.Tone = "critical"
	}
	return row
}

// lateBadge says whether a source keeps its rhythm.
func (p *Web) lateBadge(a asker, s watch.Source, now time.Time) web.Badge {
	switch by := s.Late(now); {
	case by > 0:
		return web.Badge{Tone: "critical", Icon: "clock", Word: a.say("watch.source.late_by", "Age", a.words.Age(by))}
	case s.Rhythm == 0:
		return web.Badge{Tone: "muted", Word: a.say("watch.source.no_rhythm")}
	}
	return web.Badge{Tone: "ok", Word: a.say("watch.source.in_time")}
}

func (a asker) rhythm(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return a.say("watch.source.every", "Age", a.words.Age(d))
}

// source is GET /watch/sources/{source}.
func (p *Web) source(w http.ResponseWriter, r *http.Request) error {
	a := askerOf(r)
	if err := setUp(a); err != nil {
		return err
	}
	src, err := p.sourceOf(r)
	if err != nil {
		return err
	}
	data := sourcePage{Facts: p.sourceFacts(a, src)}
	if a.Can("watch.read") {
		if data.List, err = p.newestOf(r, a, src); err != nil {
			return err
		}
	}
	now := p.acts.Clock().Now()
	page := web.Page{
		Title: src.Name, Room: room, Badges: []web.Badge{a.mode(src.Mode), p.lateBadge(a, src, now)}, Marking: marking(src), Exercise: src.Exercise,
		Crumbs: []web.Link{a.crumb("watch.sources.title", "/watch/sources")}, Topics: []string{"watch"},
		Data: data,
	}
	if a.Can("watch.change_source") {
		page.Primary = &web.Action{Label: a.say("watch.source.change"), URL: sourceURL(src.ID) + "/change", Icon: "edit", Tone: "primary"}
	}
	page.Actions = p.modeActions(a, src)
	if a.Can("watch.read") {
		page.Actions = append(page.Actions, web.Action{Label: a.say("watch.source.preview"), URL: shadowURL(src.ID), Icon: "shadow"})
	}
	return p.site.Page(w, r, http.StatusOK, "watch/source", page)
}

type sourcePage struct {
	Facts web.Facts
	List  *web.List // nil for who may not read watch
}

// newestOf lists the newest deliveries of a source.
func (p *Web) newestOf(r *http.Request, a asker, src watch.Source) (*web.List, error) {
	ds, err := p.watch.Deliveries(r.Context(), p.read, watch.DeliveryFilter{Source: src.ID, Limit: 10})
	if err != nil {
		return nil, err
	}
	n, atLeast, err := p.watch.CountDeliveries(r.Context(), p.read, watch.DeliveryFilter{Source: src.ID})
	if err != nil {
		return nil, err
	}
	list := p.deliveryList(a, r, ds, nil)
	list.Caption, list.Total = a.say("watch.source.newest"), web.Total{N: n, AtLeast: atLeast}
	list.Downloads = []web.Action{{Label: a.say("watch.source.all_deliveries"), URL: address("/watch/deliveries", "source", src.Name), Icon: "delivery"}}
	list.Empty = web.Empty{Title: a.say("watch.source.no_deliveries"), Why: a.say("watch.source.no_deliveries.why")}
	return &list, nil
}

func (p *Web) sourceFacts(a asker, s watch.Source) web.Facts {
	keep := a.say("watch.source.for_ever")
	if s.Retention > 0 {
		keep = a.say("watch.source.days", "Count", s.Retention)
	}
	absent := int64(s.AbsentAfter)
	items := []web.Fact{
		{Label: a.say("watch.label.marking"), Cell: web.Text(marking(s))},
		{Label: a.say("watch.label.mapping"), Cell: web.Anchor(s.Mapping, "/watch/mappings")},
		{Label: a.say("watch.label.rhythm"), Cell: web.Text(a.rhythm(s.Rhythm))},
		{Label: a.say("watch.label.last_taken"), Cell: web.Exactly(s.LastTaken)},
		{Label: a.say("watch.label.retention"), Cell: web.Text(keep)},
		{Label: a.say("watch.label.absent_after"), Cell: web.Cell{Count: &absent}},
		{Label: a.say("watch.label.added_at"), Cell: web.Exactly(s.AddedAt)},
	}
	if a.Can("watch.read") {
		items = append(items, web.Fact{Label: a.say("watch.label.findings"), Cell: web.Anchor(
			a.say("watch.source.findings"), address("/watch/findings", "source", s.Name))})
	}
	return web.Facts{Title: a.say("watch.finding.facts"), Items: items}
}

// modeActions are the other modes that the asker may choose.
func (p *Web) modeActions(a asker, s watch.Source) (out []web.Action) {
	if !a.Can("watch.set_mode") {
		return nil
	}
	for _, m := range modes() {
		if m != s.Mode {
			out = append(out, web.Action{Label: a.say("watch.mode.to." + string(m)), URL: address(sourceURL(s.ID)+"/mode", "to", string(m))})
		}
	}
	return out
}

func modes() []watch.Mode { return []watch.Mode{watch.Shadow, watch.Hold, watch.Live} }

func modeOptions(a asker, any bool) (out []web.Option) {
	if any {
		out = append(out, web.Option{Label: a.say("watch.page.any")})
	}
	for _, m := range modes() {
		out = append(out, web.Option{Value: string(m), Label: a.mode(m).Word, Hint: a.say("watch.mode.hint." + string(m))})
	}
	return out
}

// askMode is GET /watch/sources/{source}/mode?to=live.
func (p *Web) askMode(w http.ResponseWriter, r *http.Request) error {
	m, err := watch.ParseMode(r.URL.Query().Get("to"))
	if err != nil {
		return err
	}
	return p.showMode(w, r, m, "", nil)
}

func (p *Web) showMode(w http.ResponseWriter, r *http.Request, m watch.Mode, reason string, failed error) error {
	a := askerOf(r)
	src, err := p.sourceOf(r)
	if err != nil {
		return err
	}
	lines, _, err := p.watch.Shadow(r.Context(), p.read, src)
	if err != nil {
		return err
	}
	var untold int64
	for _, l := range lines {
		untold += int64(l.Findings)
	}
	title := a.say("watch.mode.title", "Name", src.Name, "Mode", a.mode(m).Word)
	return p.confirm(w, r, web.Page{
		Title: title, Room: room, Marking: marking(src),
		Crumbs: []web.Link{a.crumb("watch.sources.title", "/watch/sources"), {Label: src.Name, URL: sourceURL(src.ID)}},
		Data: confirmPage{Confirm: web.Confirm{
			Title: title, Text: a.say("watch.mode.text." + string(m)), Action: sourceURL(src.ID) + "/mode", Verb: a.say("watch.mode.to." + string(m)),
			NeedReason: true, Reason: reason, Cancel: sourceURL(src.ID),
			Hidden:  []web.Hidden{{Name: "to", Value: string(m)}, {Name: "version", Value: strconv.FormatInt(src.Version, 10)}},
			Effects: []web.Effect{{Count: untold, What: a.say("watch.mode.untold", "Count", untold), URL: shadowURL(src.ID)}},
		}},
	}, failed)
}

// setMode is POST /watch/sources/{source}/mode.
func (p *Web) setMode(w http.ResponseWriter, r *http.Request) error {
	if err := web.Parse(r); err != nil {
		return err
	}
	src, err := p.sourceOf(r)
	if err != nil {
		return err
	}
	m, err := watch.ParseMode(r.PostForm.Get("to"))
	if err != nil {
		return err
	}
	reason := r.PostForm.Get("reason")
	if err := needReason(reason); err != nil {
		return p.showMode(w, r, m, reason, err)
	}
	version, err := number64(r.PostForm.Get("version"), "watch.page.no_source")
	if err != nil {
		return err
	}
	if err := p.watch.SetMode(r.Context(), askerOf(r).actor, src.ID, version, m, reason); err != nil {
		return err
	}
	p.site.Redirect(w, r, sourceURL(src.ID), web.Flash{Key: "watch.mode.done", Args: map[string]any{"Name": src.Name}})
	return nil
}

// newSource is GET /watch/sources/new.
func (p *Web) newSource(w http.ResponseWriter, r *http.Request) error {
	return p.showNewSource(w, r, nil, nil)
}

func (p *Web) showNewSource(w http.ResponseWriter, r *http.Request, typed func(string) string, failed error) error {
	a := askerOf(r)
	fields := []web.Field{
		{Name: "name", Label: a.say("watch.label.name"), Required: true, Why: a.say("watch.source.name.why"), Example: "shadowserver", Mono: true},
		{Name: "mode", Label: a.say("watch.label.mode"), Type: "radio", Required: true, Options: modeOptions(a, false)},
	}
	fields[1].Options[0].Selected = true
	form := web.Form{
		Action: "/watch/sources", Submit: a.say("watch.source.add"), Cancel: "/watch/sources",
		Fields: append(fields, p.settingFields(a, watch.Source{Mapping: watch.SchemaShadowserver, AbsentAfter: 1, Rhythm: 24 * time.Hour})...),
	}
	if typed != nil {
		form.Fill(typed)
	}
	return p.form(w, r, web.Page{
		Title: a.say("watch.source.add"), Room: room, Crumbs: []web.Link{a.crumb("watch.sources.title", "/watch/sources")},
	}, form, failed)
}

// settingFields ask for what a person decides about a source.
func (p *Web) settingFields(a asker, s watch.Source) []web.Field {
	marks := []web.Option{{Label: a.say("watch.source.unmarked"), Selected: !s.Marking.Marked()}}
	for _, m := range tlp.All() {
		marks = append(marks, web.Option{Value: m.String(), Label: m.String(), Selected: m == s.Marking})
	}
	return []web.Field{
		{Name: "marking", Label: a.say("watch.label.marking"), Type: "select", Options: marks, Why: a.say("watch.source.marking.why")},
		{Name: "mapping", Label: a.say("watch.label.mapping"), Value: s.Mapping, Required: true, Mono: true, Why: a.say("watch.source.mapping.why"), Example: "shadowserver"},
		{Name: "rhythm", Label: a.say("watch.source.rhythm_hours"), Type: "number", Value: strconv.Itoa(int(s.Rhythm / time.Hour)), Why: a.say("watch.source.rhythm.why"), Example: "24"},
		{Name: "retention", Label: a.say("watch.source.retention_days"), Type: "number", Value: strconv.Itoa(s.Retention), Why: a.say("watch.source.retention.why"), Example: "365"},
		{Name: "absent_after", Label: a.say("watch.label.absent_after"), Type: "number", Value: strconv.Itoa(s.AbsentAfter), Why: a.say("watch.source.absent_after.why"), Example: "1"},
	}
}

// settingsOf reads those fields; what is no number is a fault on its field.
func settingsOf(r *http.Request) (s watch.SourceSettings, err error) {
	var parts []fault.Error
	number := func(name string, otherwise int) int {
		text := strings.TrimSpace(r.PostForm.Get(name))
		if text == "" {
			return otherwise
		}
		n, err := strconv.Atoi(text)
		if err != nil {
			parts = append(parts, *fault.OnField(name, "watch.page.no_number", fault.Args{"Value": clipped(text)}))
		}
		return n
	}
	text := func(name string) string {
		v, err := clean(name, r.PostForm.Get(name))
		if err != nil {
			parts = append(parts, *fault.Of(err))
		}
		return v
	}
	s.Rhythm = time.Duration(min(number("rhythm", 0), 100_000)) * time.Hour
	s.Retention, s.AbsentAfter = number("retention", 0), number("absent_after", 1)
	s.Mapping, s.Mode = text("mapping"), watch.Mode(text("mode"))
	if m := text("marking"); m != "" {
		if s.Marking, err = tlp.Parse(m); err != nil {
			parts = append(parts, *fault.OnField("marking", "watch.page.marking", fault.Args{"Value": m}))
		}
	}
	return s, fault.Join("watch.source.invalid", parts)
}

// clipped cuts what was typed to what may be shown back in a sentence.
func clipped(s string) string {
	if r := []rune(s); len(r) > 40 {
		return string(r[:40]) + "…"
	}
	return s
}

// addSource is POST /watch/sources.
func (p *Web) addSource(w http.ResponseWriter, r *http.Request) error {
	if err := web.Parse(r); err != nil {
		return err
	}
	s, err := settingsOf(r)
	var src watch.Source
	if err == nil {
		src, err = p.watch.AddSource(r.Context(), askerOf(r).actor, strings.TrimSpace(r.PostForm.Get("name")), s)
	}
	if err != nil && shownAgain(err) {
		return p.showNewSource(w, r, r.PostForm.Get, err)
	}
	if err != nil {
		return err
	}
	p.site.Redirect(w, r, sourceURL(src.ID), web.Flash{Key: "watch.source.added", Args: map[string]any{"Name": src.Name}})
	return nil
}

// askChange is GET /watch/sources/{source}/change.
func (p *Web) askChange(w http.ResponseWriter, r *http.Request) error {
	return p.showChange(w, r, nil, nil)
}

func (p *Web) showChange(w http.ResponseWriter, r *http.Request, typed func(string) string, failed error) error {
	a := askerOf(r)
	src, err := p.sourceOf(r)
	if err != nil {
		return err
	}
	version := strconv.FormatInt(src.Version, 10)
	form := web.Form{
		Action: sourceURL(src.ID) + "/change", Submit: a.say("watch.source.save"), Cancel: sourceURL(src.ID), Fields: p.settingFields(a, src),
	}
	if typed != nil {
		version = typed("version") // whoever was overtaken stays overtaken
		form.Fill(typed)
	}
	form.Hidden = []web.Hidden{{Name: "version", Value: version}}
	return p.form(w, r, web.Page{
		Title: a.say("watch.source.change"), Lead: src.Name, Room: room, Marking: marking(src),
		Crumbs: []web.Link{a.crumb("watch.sources.title", "/watch/sources"), {Label: src.Name, URL: sourceURL(src.ID)}},
	}, form, failed)
}

// changeSource is POST /watch/sources/{source}/change.
func (p *Web) changeSource(w http.ResponseWriter, r *http.Request) error {
	if err := web.Parse(r); err != nil {
		return err
	}
	src, err := p.sourceOf(r)
	if err != nil {
		return err
	}
	version, err := number64(r.PostForm.Get("version"), "watch.page.no_source")
	if err != nil {
		return err
	}
	s, err := settingsOf(r)
	if err == nil {
		s.Mode = src.Mode
		err = p.watch.ChangeSource(r.Context(), askerOf(r).actor, src.ID, version, s)
	}
	if err != nil && shownAgain(err) {
		return p.showChange(w, r, r.PostForm.Get, err)
	}
	if err != nil {
		return err
	}
	p.site.Redirect(w, r, sourceURL(src.ID), web.Flash{Key: "watch.source.saved"})
	return nil
}
