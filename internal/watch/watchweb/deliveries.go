package watchweb

import (
	"bytes"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"almenara.example/internal/foundation/blob"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/web"
	"almenara.example/internal/watch"
)

// deliveries is GET /watch/deliveries.
func (p *Web) deliveries(w http.ResponseWriter, r *http.Request) error {
	a := askerOf(r)
	if err := checkQuery(r); err != nil {
		return err
	}
	srcs, err := p.watch.Sources(r.Context(), p.read)
	if err != nil {
		return err
	}
	f, err := p.deliveryFilter(r, srcs)
	if err != nil {
		return err
	}
	ds, err := p.watch.Deliveries(r.Context(), p.read, f)
	if err != nil {
		return err
	}
	n, atLeast, err := p.watch.CountDeliveries(r.Context(), p.read, f)
	if err != nil {
		return err
	}
	list := p.deliveryList(a, r, ds, srcs)
	list.Total = web.Total{N: n, AtLeast: atLeast}
	list.Filters = p.deliveryFilters(r, a, srcs)
	list.Empty = web.Empty{Title: a.say("watch.deliveries.none"), Why: a.say("watch.deliveries.none.why")}
	if len(list.Filters.Chips) > 0 {
		list.Empty.Do = &web.Action{Label: a.say("watch.deliveries.clear"), URL: "/watch/deliveries"}
	}
	page := web.Page{
		Title: a.say("watch.deliveries.title"), Lead: a.say("watch.deliveries.lead"), Room: room, Wide: true,
		Marking: marking(srcs...), Topics: []string{"watch.delivery-taken"}, Data: list,
	}
	if a.Can("watch.deliver") && len(srcs) > 0 {
		page.Primary = &web.Action{Label: a.say("watch.upload.title"), URL: "/watch/deliveries/new", Icon: "upload", Tone: "primary"}
	}
	return p.site.Page(w, r, http.StatusOK, "watch/list", page)
}

func (p *Web) deliveryFilter(r *http.Request, srcs []watch.Source) (f watch.DeliveryFilter, err error) {
	q := r.URL.Query()
	f.State, f.Kind, f.Limit = watch.DeliveryState(q.Get("state")), q.Get("kind"), perPage+1
	if f.State != "" && !slices.Contains(deliveryStates(), f.State) {
		return f, fault.OnField("state", "watch.page.delivery_state", fault.Args{"Value": string(f.State)})
	}
	if name := q.Get("source"); name != "" {
		f.Source = -1 // a source that there is none of has no deliveries
		for _, s := range srcs {
			if s.Name == name {
				f.Source = s.ID
			}
		}
	}
	if s := q.Get("since"); s != "" {
		if f.Since, err = time.Parse(time.DateOnly, s); err != nil {
			return f, fault.OnField("since", "watch.page.day", fault.Args{"Value": s})
		}
	}
	f.Before, err = queryNumber(r, "before")
	return f, err
}

func deliveryStates() []watch.DeliveryState {
	return []watch.DeliveryState{watch.Folded, watch.Received, watch.Taken, watch.UnknownKind, watch.Failed}
}

func (p *Web) deliveryFilters(r *http.Request, a asker, srcs []watch.Source) *web.Filters {
	states := []web.Option{{Label: a.say("watch.page.any")}}
	for _, s := range deliveryStates() {
		states = append(states, web.Option{Value: string(s), Label: a.say("watch.word.delivery." + string(s))})
	}
	f := web.Sift(r,
		web.Field{Name: "source", Label: a.say("watch.label.source"), Type: "select", Options: plainOptions(a, sourceNames(srcs))},
		web.Field{Name: "kind", Label: a.say("watch.label.kind"), Type: "select", Options: plainOptions(a, p.watch.Kinds())},
		web.Field{Name: "state", Label: a.say("watch.label.state"), Type: "select", Options: states},
		web.Field{Name: "since", Label: a.say("watch.label.since"), Type: "date"},
	)
	if len(f.Chips) == 0 {
		f.Clear = ""
	}
	return f
}

// deliveryList makes lines; one more than a page says that there are older ones.
func (p *Web) deliveryList(a asker, r *http.Request, ds []watch.Delivery, srcs []watch.Source) web.List {
	list := web.List{
		ID: "deliveries", Caption: a.say("watch.deliveries.title"), Live: true,
		Columns: []web.Column{
			{Label: a.say("watch.label.delivery")},
			{Label: a.say("watch.label.kind"), Narrow: true},
			{Label: a.say("watch.label.day")},
			{Label: a.say("watch.label.received"), Narrow: true},
			{Label: a.say("watch.label.state")},
			{Label: a.say("watch.label.rows"), Num: true},
			{Label: a.say("watch.label.opened"), Num: true},
			{Label: a.say("watch.label.gone"), Num: true},
			{Label: a.say("watch.label.quarantined"), Num: true},
		},
	}
	if len(ds) > perPage {
		ds = ds[:perPage]
		list.Older = turn(r.URL, "before", strconv.FormatInt(ds[perPage-1].ID, 10))
	}
	if r.URL.Query().Get("before") != "" {
		list.Newer = turnless(r.URL.Path, r.URL.Query())
	}
	for _, d := range ds {
		state := a.deliveryState(d)
		row := web.Row{URL: deliveryURL(d.ID), Cells: []web.Cell{
			{Text: d.FileName, URL: deliveryURL(d.ID), Sub: nameOf(srcs, d.Source)},
			{Text: d.Kind},
			web.OnDay(d.Observed), web.Ago(d.ReceivedAt),
			web.Marked(state), web.Number(d.Rows, ""), web.Number(d.Opened, changedURL(d, watch.ChangeOpened)),
			web.Number(d.NoLongerSeen, changedURL(d, watch.ChangeGone)), web.Number(d.Quarantined, quarantineURL(d)),
		}}
		if d.State == watch.Failed || d.State == watch.UnknownKind {
			row.Tone = "critical"
		}
		list.Rows = append(list.Rows, row)
	}
	return list
}

func nameOf(srcs []watch.Source, id int64) string {
	for _, s := range srcs {
		if s.ID == id {
			return s.Name
		}
	}
	return ""
}

func changedURL(d watch.Delivery, k watch.ChangeKind) string {
	return address(deliveryURL(d.ID)+"/findings", "change", string(k))
}

func quarantineURL(d watch.Delivery) string {
	return address("/watch/quarantine", "delivery", strconv.FormatInt(d.ID, 10))
}

// deliveryPage is what the page of one delivery shows.
type deliveryPage struct {
	Figures []web.Figure
	Trouble string // why it was set aside, and what to do
	Proof   string
	Proves  bool
	Lost    []string
	Facts   web.Facts
	Try     *web.Form
}

// deliveryOf finds what the address names.
func (p *Web) deliveryOf(r *http.Request) (d watch.Delivery, src watch.Source, err error) {
	id, err := number64(r.PathValue("delivery"), "watch.delivery.none")
	if err != nil {
		return d, src, err
	}
	if d, err = p.watch.Delivery(r.Context(), p.read, id); err != nil {
		return d, src, err
	}
	src, err = p.watch.Source(r.Context(), p.read, d.Source)
	return d, src, err
}

// delivery is GET /watch/deliveries/{delivery}.
func (p *Web) delivery(w http.ResponseWriter, r *http.Request) error {
	a := askerOf(r)
	d, src, err := p.deliveryOf(r)
	if err != nil {
		return err
	}
	data := deliveryPage{
		Figures: p.figures(a, d), Facts: p.deliveryFacts(a, d, src), Proves: d.Proves, Lost: d.LostColumns,
		Trouble: failure(a, d),
	}
	if d.ActOrder > 0 {
		data.Proof = a.say("watch.delivery.proves")
		if !d.Proves && d.ProvesWhy != "" {
			data.Proof = a.say(d.ProvesWhy)
		}
	}
	if data.Try, err = p.tryForm(r, a, d, ""); err != nil {
		return err
	}
	page := p.deliveryHead(a, d, src)
	page.Data = data
	if d.State == watch.Received { // without scripts the page looks again by itself
		page.Refresh = &web.Refresh{Seconds: 3}
	}
	if (d.State == watch.Failed || d.State == watch.UnknownKind) && d.Failure != "watch.delivery.forgotten" && a.Can("watch.deliver") {
		page.Primary = &web.Action{Label: a.say("watch.delivery.retry"), URL: deliveryURL(d.ID) + "/retry", Post: true, Icon: "refresh", Tone: "primary"}
	}
	if a.Can("watch.read_raw") && d.Failure != "watch.delivery.forgotten" {
		page.Actions = append(page.Actions, web.Action{Label: a.say("watch.delivery.download"), URL: deliveryURL(d.ID) + "/received", Icon: "download"})
	}
	return p.site.Page(w, r, http.StatusOK, "watch/delivery", page)
}

func (p *Web) deliveryHead(a asker, d watch.Delivery, src watch.Source) web.Page {
	return web.Page{
		Title: d.FileName, Room: room, Badges: []web.Badge{a.deliveryState(d)}, Marking: marking(src), Exercise: src.Exercise,
		Crumbs: []web.Link{a.crumb("watch.deliveries.title", "/watch/deliveries")}, Topics: []string{"watch.delivery-taken"},
	}
}

// failure says why a delivery was set aside.
func failure(a asker, d watch.Delivery) string {
	if d.Failure == "" {
		return ""
	}
	return a.say(d.Failure, "Kind", d.Kind, "Name", d.FileName, "Why", "", "Value", d.Kind)
}

// figures are what a delivery did; each leads to its list.
func (p *Web) figures(a asker, d watch.Delivery) []web.Figure {
	if d.ActOrder == 0 {
		return nil
	}
	id := strconv.FormatInt(d.ID, 10)
	return []web.Figure{
		{Label: a.say("watch.label.rows"), N: d.Rows, Icon: "delivery", Note: a.say("watch.delivery.rows_are", "Events", d.Events, "Quarantined", d.Quarantined)},
		{Label: a.say("watch.label.opened"), N: d.Opened, URL: changedURL(d, watch.ChangeOpened), Icon: "finding", Tone: "high"},
		{Label: a.say("watch.label.kept"), N: d.Kept, URL: address("/watch/findings", "delivery", id), Icon: "state-open", Note: a.say("watch.delivery.kept_note")},
		{Label: a.say("watch.label.worse"), N: d.Worse, URL: changedURL(d, watch.ChangeWorse), Icon: "severity-high"},
		{Label: a.say("watch.label.gone"), N: d.NoLongerSeen, URL: changedURL(d, watch.ChangeGone), Icon: "state-gone", Tone: "ok"},
		{Label: a.say("watch.label.reopened"), N: d.Reopened, URL: changedURL(d, watch.ChangeReopened), Icon: "history"},
		{Label: a.say("watch.label.quarantined"), N: d.Quarantined, URL: quarantineURL(d), Icon: "quarantine", Tone: "medium"},
		{Label: a.say("watch.label.unrouted"), N: d.Unrouted, URL: address("/watch/findings", "delivery", id, "level", "unrouted"), Icon: "unrouted", Note: a.say("watch.delivery.unrouted_note")},
	}
}

func (p *Web) deliveryFacts(a asker, d watch.Delivery, src watch.Source) web.Facts {
	mode := a.mode(d.Mode)
	items := []web.Fact{
		{Label: a.say("watch.label.source"), Cell: web.Anchor(src.Name, sourceURL(src.ID))},
		{Label: a.say("watch.label.kind"), Cell: web.Text(d.Kind)},
		{Label: a.say("watch.label.day"), Cell: web.OnDay(d.Observed)},
		{Label: a.say("watch.label.received"), Cell: web.Exactly(d.ReceivedAt)},
		{Label: a.say("watch.label.mode"), Cell: web.Marked(mode)},
		{Label: a.say("watch.label.released"), Cell: web.Exactly(d.ReleasedAt)},
		{Label: a.say("watch.label.mapping"), Cell: web.Code(d.Plan)},
		{Label: a.say("watch.label.size"), Cell: web.Text(a.words.Bytes(d.Size))},
		{Label: a.say("watch.label.content"), Cell: web.Cell{Text: d.Content, Mono: true, Copy: true}},
		{Label: a.say("watch.label.number"), Cell: web.Code(strconv.FormatInt(d.ID, 10))},
	}
	if d.ActOrder > 0 && a.Can("ledger.read") {
		items = append(items, web.Fact{Label: a.say("watch.label.record"), Cell: web.Anchor(
			a.say("watch.delivery.record"), "/ledger/"+strconv.FormatInt(d.ActOrder, 10))})
	}
	return web.Facts{Title: a.say("watch.finding.facts"), Items: items}
}

// deliveryFindings is GET /watch/deliveries/{delivery}/findings?change=opened.
func (p *Web) deliveryFindings(w http.ResponseWriter, r *http.Request) error {
	a := askerOf(r)
	d, src, err := p.deliveryOf(r)
	if err != nil {
		return err
	}
	change, err := query(r, "change")
	if err != nil {
		return err
	}
	kinds := []string{string(watch.ChangeOpened), string(watch.ChangeWorse), string(watch.ChangeGone), string(watch.ChangeReopened), string(watch.ChangeRestored)}
	if !slices.Contains(kinds, change) {
		return fault.OnField("change", "watch.page.change", fault.Args{"Value": change})
	}
	page, err := p.pageOf(r, a)
	if err != nil {
		return err
	}
	l, err := p.watch.ListOfDelivery(r.Context(), p.read, d.ID, watch.ChangeKind(change), page)
	if err != nil {
		return err
	}
	list := p.listOf(r, a, l)
	list.ID, list.Caption, list.Bulk = "findings", a.say("watch.delivery.change."+change), p.bulk(a)
	list.Empty = web.Empty{Title: a.say("watch.delivery.change.none"), Why: a.say("watch.delivery.change.none.why")}
	head := p.deliveryHead(a, d, src)
	head.Lead = list.Caption
	head.Crumbs = append(head.Crumbs, web.Link{Label: d.FileName, URL: deliveryURL(d.ID)})
	head.Wide, head.Data = true, list
	return p.site.Page(w, r, http.StatusOK, "watch/list", head)
}

// retry is POST /watch/deliveries/{delivery}/retry.
func (p *Web) retry(w http.ResponseWriter, r *http.Request) error {
	d, _, err := p.deliveryOf(r)
	if err != nil {
		return err
	}
	if err := p.watch.RetryDelivery(r.Context(), askerOf(r).actor, d.ID); err != nil {
		return err
	}
	p.site.Redirect(w, r, deliveryURL(d.ID), web.Flash{Key: "watch.delivery.retried"})
	return nil
}

// received is GET /watch/deliveries/{delivery}/received: the bytes that arrived.
func (p *Web) received(w http.ResponseWriter, r *http.Request) error {
	a := askerOf(r)
	id, err := number64(r.PathValue("delivery"), "watch.delivery.none")
	if err != nil {
		return err
	}
	content, d, err := p.watch.OpenReceived(r.Context(), a.actor, id)
	if err != nil {
		return err
	}
	defer content.Close()
	name, err := receivedName(content, d)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Disposition", web.Attachment(name))
	w.Header().Set("Content-Length", strconv.FormatInt(content.Size(), 10))
	if _, err := io.Copy(w, content); err != nil && r.Context().Err() == nil {
		p.site.LogError(r, err) // the answer has begun: the reader sees that it is too short
	}
	return nil
}

// receivedName is under which name what arrived is saved: packed bytes do not get
// the name of what was in them.
func receivedName(content *blob.Reader, d watch.Delivery) (string, error) {
	if d.Received == d.Content {
		return d.FileName, nil
	}
	var magic [2]byte
	if _, err := content.ReadAt(magic[:], 0); err != nil {
		return "", err
	}
	if bytes.Equal(magic[:], []byte("PK")) {
		return "delivery-" + strconv.FormatInt(d.ID, 10) + ".zip", nil
	}
	return strings.TrimSuffix(d.FileName, ".gz") + ".gz", nil
}

// tryForm asks for a mapping to read a delivery with; nil when there is none or the
// asker may not see raw values.
func (p *Web) tryForm(r *http.Request, a asker, d watch.Delivery, chosen string) (*web.Form, error) {
	if !a.Can("watch.read_raw") || d.Failure == "watch.delivery.forgotten" {
		return nil, nil
	}
	ms, err := p.watch.ActiveMappings(r.Context(), p.read)
	if err != nil || len(ms) == 0 {
		return nil, err
	}
	if chosen == "" {
		chosen, _, _ = strings.Cut(d.Plan, "@")
	}
	f := &web.Form{Action: deliveryURL(d.ID) + "/try", Get: true, Submit: a.say("watch.try.do"), Fields: []web.Field{{
		Name: "mapping", Label: a.say("watch.label.mapping"), Type: "select", Why: a.say("watch.try.why"),
	}}}
	for _, m := range ms {
		f.Fields[0].Options = append(f.Fields[0].Options, web.Option{Value: m.Name, Label: m.Name + " " + m.Version, Selected: m.Name == chosen})
	}
	return f, nil
}

// tryPage is what a dry run says.
type tryPage struct {
	Facts    web.Facts
	Reasons  web.List
	Examples []string
	Form     *web.Form
}

// try is GET /watch/deliveries/{delivery}/try?mapping=…: a dry run.
func (p *Web) try(w http.ResponseWriter, r *http.Request) error {
	a := askerOf(r)
	d, src, err := p.deliveryOf(r)
	if err != nil {
		return err
	}
	name, err := query(r, "mapping")
	if err != nil {
		return err
	}
	out, err := p.watch.Try(r.Context(), d.ID, name)
	if err != nil {
		return err
	}
	data := tryPage{Facts: web.Facts{Title: a.say("watch.try.title"), Items: []web.Fact{
		{Label: a.say("watch.label.mapping"), Cell: web.Code(name)},
		{Label: a.say("watch.label.rows"), Cell: web.Number(out.Rows, "")},
		{Label: a.say("watch.label.events"), Cell: web.Number(out.Events, "")},
		{Label: a.say("watch.label.quarantined"), Cell: web.Number(out.Quarantined, "")},
		{Label: a.say("watch.label.lost"), Cell: web.Code(pictures([]byte(strings.Join(out.Lost, ", "))))},
		{Label: a.say("watch.label.lost_key"), Cell: web.Code(pictures([]byte(strings.Join(out.LostKey, ", "))))},
		{Label: a.say("watch.label.added"), Cell: web.Code(pictures([]byte(strings.Join(out.Added, ", "))))},
	}}}
	data.Reasons = web.List{
		ID: "reasons", Caption: a.say("watch.try.reasons"), Total: web.Total{N: int64(len(out.Reasons))},
		Columns: []web.Column{{Label: a.say("watch.label.reason")}, {Label: a.say("watch.label.rows"), Num: true}},
		Empty:   web.Empty{Title: a.say("watch.try.no_reasons")},
	}
	for _, reason := range sortedKeys(out.Reasons) {
		data.Reasons.Rows = append(data.Reasons.Rows, web.Row{Cells: []web.Cell{web.Text(a.reason(reason)), web.Number(out.Reasons[reason], "")}})
	}
	for _, e := range out.Examples {
		data.Examples = append(data.Examples, pictures([]byte(e)))
	}
	if data.Form, err = p.tryForm(r, a, d, name); err != nil {
		return err
	}
	page := p.deliveryHead(a, d, src)
	page.Lead, page.Data = a.say("watch.try.lead"), data
	page.Crumbs = append(page.Crumbs, web.Link{Label: d.FileName, URL: deliveryURL(d.ID)})
	return p.site.Page(w, r, http.StatusOK, "watch/try", page)
}
