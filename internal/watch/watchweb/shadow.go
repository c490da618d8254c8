package watchweb

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"almenara.example/internal/constituency"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/web"
	"almenara.example/internal/watch"
)

func shadowURL(source int64) string { return "/watch/shadow/" + strconv.FormatInt(source, 10) }

// shadows is GET /watch/shadow: the sources whose findings nobody was told of.
func (p *Web) shadows(w http.ResponseWriter, r *http.Request) error {
	a := askerOf(r)
	if err := checkQuery(r); err != nil {
		return err
	}
	mode := watch.Mode(r.URL.Query().Get("mode"))
	if mode != "" {
		if _, err := watch.ParseMode(string(mode)); err != nil {
			return err
		}
	}
	srcs, err := p.watch.Sources(r.Context(), p.read)
	if err != nil {
		return err
	}
	list := web.List{
		ID: "shadow", Caption: a.say("watch.shadow.sources"), Live: true,
		Columns: []web.Column{
			{Label: a.say("watch.label.source")},
			{Label: a.say("watch.label.mode")},
			{Label: a.say("watch.label.recipients"), Num: true},
			{Label: a.say("watch.label.findings"), Num: true},
		},
		Filters: web.Sift(r, web.Field{Name: "mode", Label: a.say("watch.label.mode"), Type: "select", Options: modeOptions(a, true)}),
		Empty:   web.Empty{Title: a.say("watch.shadow.none"), Why: a.say("watch.shadow.none.why")},
	}
	for _, s := range srcs {
		if mode != "" && s.Mode != mode {
			continue
		}
		lines, _, err := p.watch.Shadow(r.Context(), p.read, s)
		if err != nil {
			return err
		}
		if len(lines) == 0 {
			continue
		}
		var findings int64
		for _, l := range lines {
			findings += int64(l.Findings)
		}
		badge := a.mode(s.Mode)
		list.Rows = append(list.Rows, web.Row{URL: shadowURL(s.ID), Cells: []web.Cell{
			web.Anchor(s.Name, shadowURL(s.ID)), web.Marked(badge), web.Number(recipients(lines), shadowURL(s.ID)), web.Number(findings, shadowURL(s.ID)),
		}})
	}
	list.Total = web.Total{N: int64(len(list.Rows))}
	if len(list.Filters.Chips) == 0 {
		list.Filters.Clear = ""
	}
	return p.site.Page(w, r, http.StatusOK, "watch/list", web.Page{
		Title: a.say("watch.shadow.title"), Lead: a.say("watch.shadow.lead"), Room: room, Marking: marking(srcs...),
		Topics: []string{"watch"}, Data: list,
	})
}

// recipients counts whom lines would tell: nobody is no recipient.
func recipients(lines []watch.WouldTell) (n int64) {
	for _, l := range lines {
		if l.Org != 0 {
			n++
		}
	}
	return n
}

func (p *Web) sourceOf(r *http.Request) (watch.Source, error) {
	id, err := number64(r.PathValue("source"), "watch.page.no_source")
	if err != nil {
		return watch.Source{}, err
	}
	return p.watch.Source(r.Context(), p.read, id)
}

// shadow is GET /watch/shadow/{source}: exactly what would go to whom.
func (p *Web) shadow(w http.ResponseWriter, r *http.Request) error {
	a := askerOf(r)
	src, err := p.sourceOf(r)
	if err != nil {
		return err
	}
	lines, upTo, err := p.watch.Shadow(r.Context(), p.read, src)
	if err != nil {
		return err
	}
	badge := a.mode(src.Mode)
	page := web.Page{
		Title: src.Name, Lead: a.say("watch.shadow.lead." + string(src.Mode)), Room: room, Marking: marking(src), Exercise: src.Exercise,
		Badges: []web.Badge{badge}, Crumbs: []web.Link{a.crumb("watch.shadow.title", "/watch/shadow")}, Topics: []string{"watch"},
		Data: p.shadowList(a, r.URL, src, lines),
	}
	if len(lines) > 0 {
		if a.Can("watch.accept_preview") {
			page.Primary = &web.Action{
				Label: a.say("watch.shadow.accept"), URL: address(shadowURL(src.ID)+"/accept", "upto", strconv.FormatInt(upTo, 10)), Icon: "outbound", Tone: "primary",
			}
		}
		page.Actions = append(page.Actions, web.Action{Label: "CSV", URL: shadowURL(src.ID) + "/csv", Icon: "download"})
	}
	page.Actions = append(page.Actions, p.modeActions(a, src)...)
	return p.site.Page(w, r, http.StatusOK, "watch/list", page)
}

// shadowPerPage is how many recipients one page of the report shows.
const shadowPerPage = 200

func (p *Web) shadowList(a asker, u *url.URL, src watch.Source, lines []watch.WouldTell) web.List {
	list := web.List{
		ID: "would", Caption: a.say("watch.shadow.would"), Live: true, Total: web.Total{N: int64(len(lines))},
		Columns: []web.Column{
			{Label: a.say("watch.label.organisation")},
			{Label: a.say("watch.label.level")},
			{Label: a.say("watch.label.contact")},
			{Label: a.say("watch.label.findings"), Num: true},
		},
		Empty: web.Empty{Title: a.say("watch.shadow.nothing"), Why: a.say("watch.shadow.nothing.why")},
	}
	from, _ := strconv.Atoi(u.Query().Get("after")) // anything else starts at the first
	from = min(max(from, 0), len(lines))
	if from > 0 {
		list.Newer = web.With(u, "after", "")
	}
	if rest := lines[from:]; len(rest) > shadowPerPage {
		list.Older = web.With(u, "after", strconv.Itoa(from+shadowPerPage))
		lines = rest[:shadowPerPage]
	} else {
		lines = rest
	}
	for _, l := range lines {
		to := address(shadowURL(src.ID)+"/findings", "organisation", strconv.FormatInt(l.Org, 10), "level", l.Level.String())
		row := web.Row{URL: to, Cells: []web.Cell{
			p.organisation(a, l.Org, uint8(constituency.Operator)), web.Text(a.level(l.Level)), web.Code(l.Contact), web.Number(int64(l.Findings), to),
		}}
		switch {
		case l.Org == 0:
			row.Tone = "muted"
			row.Cells[2] = web.Text(a.say("watch.shadow.nobody"))
		case l.Contact == "":
			row.Tone = "critical"
			row.Cells[2] = web.Text(a.say("watch.shadow.no_contact"))
		}
		list.Rows = append(list.Rows, row)
	}
	return list
}

// shadowFindings is GET /watch/shadow/{source}/findings?organisation=…&level=…
func (p *Web) shadowFindings(w http.ResponseWriter, r *http.Request) error {
	a := askerOf(r)
	src, err := p.sourceOf(r)
	if err != nil {
		return err
	}
	org, err := queryNumber(r, "organisation")
	if err != nil {
		return err
	}
	level := slices.Index(levels(), r.URL.Query().Get("level"))
	if level < 0 {
		return fault.New(fault.Invalid, "watch.page.bad_address", nil)
	}
	page, err := p.pageOf(r, a)
	if err != nil {
		return err
	}
	l, err := p.watch.ListUntold(r.Context(), p.read, src.ID, org, uint8(level), page)
	if err != nil {
		return err
	}
	list := p.listOf(r, a, l)
	list.ID, list.Caption = "findings", a.say("watch.shadow.findings")
	list.Empty = web.Empty{Title: a.say("watch.shadow.nothing"), Why: a.say("watch.shadow.nothing.why")}
	name := a.say("watch.word.level.unrouted")
	if o, ok := p.constituency.Index().Org(org); ok {
		name = o.Name
	}
	return p.site.Page(w, r, http.StatusOK, "watch/list", web.Page{
		Title: a.say("watch.shadow.for", "Name", name), Room: room, Wide: true, Marking: marking(src),
		Crumbs: []web.Link{a.crumb("watch.shadow.title", "/watch/shadow"), {Label: src.Name, URL: shadowURL(src.ID)}}, Data: list,
	})
}

// shadowCSV is GET /watch/shadow/{source}/csv: a line for every finding and whom it
// would be told to.
func (p *Web) shadowCSV(w http.ResponseWriter, r *http.Request) error {
	a := askerOf(r)
	src, err := p.sourceOf(r)
	if err != nil {
		return err
	}
	lines, _, err := p.watch.Shadow(r.Context(), p.read, src)
	if err != nil {
		return err
	}
	contact := map[int64]string{}
	for _, l := range lines {
		contact[l.Org] = l.Contact
	}
	out := web.NewCSV(w, "shadow-"+src.Name+".csv")
	_ = out.Row(append([]string{"source", "mode", "contact"}, csvHead()...)...) // what goes wrong shows at the end
	err = p.watch.EachUntold(r.Context(), p.read, src.ID, a.actor.Org, func(f watch.Finding) error {
		return out.Row(append([]string{src.Name, string(src.Mode), contact[f.Org]}, p.csvRow(f)...)...)
	})
	return p.endCSV(r, out, err)
}

// askAccept is GET /watch/shadow/{source}/accept?upto=…: what releasing would tell.
func (p *Web) askAccept(w http.ResponseWriter, r *http.Request) error {
	upTo, err := queryNumber(r, "upto")
	if err != nil {
		return err
	}
	return p.showAccept(w, r, upTo, "", nil)
}

func (p *Web) showAccept(w http.ResponseWriter, r *http.Request, upTo int64, reason string, failed error) error {
	a := askerOf(r)
	src, err := p.sourceOf(r)
	if err != nil {
		return err
	}
	lines, newest, err := p.watch.Shadow(r.Context(), p.read, src)
	if err != nil {
		return err
	}
	if len(lines) == 0 {
		return fault.New(fault.Conflict, "watch.preview.nothing", nil)
	}
	if upTo != newest { // more came since the preview that was looked at
		return fault.New(fault.Conflict, "watch.shadow.moved", nil)
	}
	var told, nobody, silent int64
	for _, l := range lines {
		switch {
		case l.Org == 0:
			nobody += int64(l.Findings)
		case l.Contact == "":
			silent += int64(l.Findings)
		default:
			told += int64(l.Findings)
		}
	}
	c := web.Confirm{
		Title: a.say("watch.shadow.accept.title", "Name", src.Name), Text: a.say("watch.shadow.accept.text." + string(src.Mode)),
		Action: shadowURL(src.ID) + "/accept", Verb: a.say("watch.shadow.accept"), NeedReason: true, Reason: reason, Cancel: shadowURL(src.ID),
		Hidden: []web.Hidden{{Name: "upto", Value: strconv.FormatInt(upTo, 10)}},
		Effects: []web.Effect{
			{Count: recipients(lines), What: a.say("watch.shadow.accept.recipients", "Count", recipients(lines)), URL: shadowURL(src.ID)},
			{Count: told, What: a.say("watch.shadow.accept.told", "Count", told), URL: shadowURL(src.ID)},
		},
	}
	if silent > 0 {
		c.Effects = append(c.Effects, web.Effect{Count: silent, What: a.say("watch.shadow.accept.silent", "Count", silent), Tone: "critical"})
	}
	if nobody > 0 {
		c.Effects = append(c.Effects, web.Effect{Count: nobody, What: a.say("watch.shadow.accept.nobody", "Count", nobody)})
	}
	return p.confirm(w, r, web.Page{
		Title: c.Title, Room: room, Marking: marking(src),
		Crumbs: []web.Link{a.crumb("watch.shadow.title", "/watch/shadow"), {Label: src.Name, URL: shadowURL(src.ID)}},
		Data:   confirmPage{Confirm: c},
	}, failed)
}

// accept is POST /watch/shadow/{source}/accept.
func (p *Web) accept(w http.ResponseWriter, r *http.Request) error {
	if err := web.Parse(r); err != nil {
		return err
	}
	src, err := p.sourceOf(r)
	if err != nil {
		return err
	}
	upTo, err := number64(r.PostForm.Get("upto"), "watch.delivery.none")
	if err != nil {
		return err
	}
	reason := r.PostForm.Get("reason")
	if err := needReason(reason); err != nil {
		return p.showAccept(w, r, upTo, reason, err)
	}
	if err := p.watch.AcceptPreview(r.Context(), askerOf(r).actor, src.ID, upTo, reason); err != nil {
		return err
	}
	p.site.Redirect(w, r, shadowURL(src.ID), web.Flash{Key: "watch.shadow.accepted"})
	return nil
}
