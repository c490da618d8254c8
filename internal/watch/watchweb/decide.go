package watchweb

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/web"
	"almenara.example/internal/watch"
)

// verb is one thing that a person may say of findings.
type verb struct {
	to         watch.State
	key        string // its word
	permission string
	icon       string
}

// verbs are what a person may say of findings, the usual one first.
func verbs() []verb {
	return []verb{
		{watch.Closed, "watch.verb.close", "watch.close_finding", "check"},
		{watch.Open, "watch.verb.reopen", "watch.reopen_finding", "history"},
		{watch.NotOurs, "watch.verb.not_ours", "watch.mark_not_ours", "unrouted"},
		{watch.FalsePositive, "watch.verb.false_positive", "watch.mark_false_positive", "cross"},
	}
}

func verbTo(s string) (verb, error) {
	for _, v := range verbs() {
		if v.to.String() == s {
			return v, nil
		}
	}
	return verb{}, fault.OnField("state", "watch.page.verb", nil)
}

// bulk offers the verbs on chosen findings; nil when the asker may do none.
func (p *Web) bulk(a asker) *web.Bulk {
	b := &web.Bulk{Action: "/watch/findings/choose"}
	for _, v := range verbs() {
		if a.Can(v.permission) {
			b.Verbs = append(b.Verbs, web.Option{Value: v.to.String(), Label: a.say(v.key)})
		}
	}
	for _, e := range p.elsewhere {
		if a.Can(e.Permission) {
			b.Verbs = append(b.Verbs, web.Option{Value: e.Name, Label: a.say(e.Key)})
		}
	}
	if len(b.Verbs) == 0 {
		return nil
	}
	return b
}

// decision is what a person is about to say, as far as it is known.
type decision struct {
	verb     verb
	findings []watch.Finding // those that it changes
	already  int64           // those that are in that state
	reason   string
	fault    error
}

// seen is the state of all findings that are decided on, 0 when they differ.
func (d decision) seen() (s watch.State) {
	for _, f := range d.findings {
		if s != 0 && f.State != s {
			return 0
		}
		s = f.State
	}
	return s
}

// seenIn is the state that the form showed; anything else does not look.
func seenIn(r *http.Request) watch.State {
	s, err := watch.ParseState(r.PostForm.Get("seen"))
	if err != nil {
		return 0
	}
	return s
}

// askDecision is GET /watch/findings/decide?to=closed&id=…: what would happen.
func (p *Web) askDecision(w http.ResponseWriter, r *http.Request) error {
	if err := checkQuery(r); err != nil {
		return err
	}
	q := r.URL.Query()
	return p.preview(w, r, q.Get("to"), q["id"])
}

// choose is POST /watch/findings/choose: the same for rows that were ticked.
func (p *Web) choose(w http.ResponseWriter, r *http.Request) error {
	if err := web.Parse(r); err != nil {
		return err
	}
	for _, e := range p.elsewhere {
		if e.Name == r.PostForm.Get("verb") {
			to := url.URL{Path: e.URL, RawQuery: url.Values{"id": r.PostForm["id"]}.Encode()}
			http.Redirect(w, r, to.String(), http.StatusSeeOther)
			return nil
		}
	}
	return p.preview(w, r, r.PostForm.Get("verb"), r.PostForm["id"])
}

func (p *Web) preview(w http.ResponseWriter, r *http.Request, to string, numbers []string) error {
	a := askerOf(r)
	d, err := p.decisionOf(r, a, to, numbers)
	if err != nil {
		return err
	}
	return p.showDecision(w, r, a, d)
}

// decisionOf reads which findings are meant and what is to become of them.
func (p *Web) decisionOf(r *http.Request, a asker, to string, numbers []string) (d decision, err error) {
	if d.verb, err = verbTo(to); err != nil {
		return d, err
	}
	if !a.Can(d.verb.permission) {
		return d, fault.New(fault.Denied, "fault.denied", nil)
	}
	if len(numbers) == 0 || len(numbers) > 1000 {
		return d, fault.OnField("findings", "watch.findings.count", fault.Args{"Max": 1000})
	}
	var ids []int64
	for _, n := range numbers {
		id, err := p.watch.ParseNumber(n)
		if err != nil {
			return d, err
		}
		ids = append(ids, id)
	}
	slices.Sort(ids)
	ids = slices.Compact(ids)
	fs, err := p.watch.FindingsByID(r.Context(), p.read, ids, a.actor.Org)
	if err != nil {
		return d, err
	}
	if len(fs) < len(ids) {
		return d, fault.New(fault.NotFound, "watch.finding.none", nil)
	}
	for _, f := range fs {
		if f.State == d.verb.to {
			d.already++
		} else {
			d.findings = append(d.findings, f)
		}
	}
	if len(d.findings) == 0 {
		return d, fault.New(fault.Conflict, "watch.decide.nothing", fault.Args{"State": a.state(d.verb.to).Word})
	}
	return d, nil
}

// showDecision shows what will happen, and asks for a reason.
func (p *Web) showDecision(w http.ResponseWriter, r *http.Request, a asker, d decision) error {
	srcs, err := p.watch.Sources(r.Context(), p.read)
	if err != nil {
		return err
	}
	to := d.verb.to.String()
	c := web.Confirm{
		Title: a.say("watch.decide.title."+to, "Count", len(d.findings)), Text: a.say("watch.decide.text." + to),
		Action: "/watch/findings/decide", Verb: a.say(d.verb.key), NeedReason: true, Reason: d.reason,
		Hidden: []web.Hidden{{Name: "to", Value: to}}, Cancel: "/watch/findings",
		Effects: p.effects(a, d),
	}
	if seen := d.seen(); seen != 0 {
		c.Hidden = append(c.Hidden, web.Hidden{Name: "seen", Value: seen.String()})
	}
	for _, f := range d.findings {
		c.Hidden = append(c.Hidden, web.Hidden{Name: "id", Value: p.watch.Number(f.ID)})
	}
	if len(d.findings) == 1 {
		c.Cancel = findingURL(p.watch.Number(d.findings[0].ID))
	}
	list := p.listOf(r, a, watch.List{Findings: d.findings, Total: uint64(len(d.findings))})
	list.ID, list.Caption, list.Live = "chosen", a.say("watch.decide.chosen"), false
	page := web.Page{
		Title: c.Title, Room: room, Marking: p.markingOf(srcs, d.findings),
		Crumbs: []web.Link{a.crumb("watch.findings.title", "/watch/findings")},
		Data:   confirmPage{Confirm: c, List: &list},
	}
	return p.confirm(w, r, page, d.fault)
}

// effects says what a decision changes, by what it was before.
func (p *Web) effects(a asker, d decision) (out []web.Effect) {
	byState, orgs := map[watch.State]int64{}, map[int64]bool{}
	for _, f := range d.findings {
		byState[f.State]++
		orgs[f.Org] = true
	}
	to := a.state(d.verb.to).Word
	for _, s := range watch.States() {
		if n := byState[s]; n > 0 {
			out = append(out, web.Effect{Count: n, What: a.say("watch.decide.effect", "Count", n, "From", a.state(s).Word, "To", to)})
		}
	}
	out = append(out, web.Effect{Count: int64(len(orgs)), What: a.say("watch.decide.organisations", "Count", len(orgs))})
	if d.already > 0 {
		out = append(out, web.Effect{Count: d.already, What: a.say("watch.decide.already", "Count", d.already, "State", to)})
	}
	return out
}

// decide is POST /watch/findings/decide.
func (p *Web) decide(w http.ResponseWriter, r *http.Request) error {
	if err := web.Parse(r); err != nil {
		return err
	}
	a := askerOf(r)
	d, err := p.decisionOf(r, a, r.PostForm.Get("to"), r.PostForm["id"])
	if err != nil {
		return err
	}
	var ids []int64
	for _, f := range d.findings {
		ids = append(ids, f.ID)
	}
	d.reason = r.PostForm.Get("reason")
	err = p.watch.Decide(r.Context(), a.actor, ids, watch.Decision{To: d.verb.to, Reason: d.reason, Seen: seenIn(r)})
	if fault.CodeOf(err) == fault.Invalid {
		d.fault = err
		return p.showDecision(w, r, a, d)
	}
	if err != nil {
		return err
	}
	to := "/watch/findings"
	if len(ids) == 1 {
		to = findingURL(p.watch.Number(ids[0]))
	}
	p.site.Redirect(w, r, to, web.Flash{Key: "watch.decide.done." + d.verb.to.String(), Args: map[string]any{"Count": len(ids)}})
	return nil
}

// askVerify is GET /watch/findings/{number}/verify.
func (p *Web) askVerify(w http.ResponseWriter, r *http.Request) error {
	return p.showVerify(w, r, "", nil)
}

func (p *Web) showVerify(w http.ResponseWriter, r *http.Request, reason string, failed error) error {
	a := askerOf(r)
	f, src, err := p.findingOf(r, a)
	if err != nil {
		return err
	}
	number := p.watch.Number(f.ID)
	return p.confirm(w, r, web.Page{
		Title: a.say("watch.verify.title"), Number: number, Room: room, Marking: marking(src),
		Crumbs: []web.Link{a.crumb("watch.findings.title", "/watch/findings"), {Label: number, URL: findingURL(number)}},
		Data: confirmPage{Confirm: web.Confirm{
			Title: a.say("watch.verify.title"), Text: a.say("watch.verify.text"), Action: findingURL(number) + "/verify",
			Verb: a.say("watch.verb.verify"), NeedReason: true, Reason: reason, Cancel: findingURL(number),
			Effects: []web.Effect{{Count: 1, What: a.say("watch.verify.effect")}},
		}},
	}, failed)
}

// verify is POST /watch/findings/{number}/verify.
func (p *Web) verify(w http.ResponseWriter, r *http.Request) error {
	if err := web.Parse(r); err != nil {
		return err
	}
	a := askerOf(r)
	f, _, err := p.findingOf(r, a)
	if err != nil {
		return err
	}
	reason := r.PostForm.Get("reason")
	err = p.watch.Verify(r.Context(), a.actor, f.ID, reason)
	if fault.CodeOf(err) == fault.Invalid {
		return p.showVerify(w, r, reason, err)
	}
	if err != nil {
		return err
	}
	p.site.Redirect(w, r, findingURL(p.watch.Number(f.ID)), web.Flash{Key: "watch.verify.done"})
	return nil
}

// confirmPage is the data of a page that asks before something is done; List, when
// there, shows what it is done to.
type confirmPage struct {
	Confirm web.Confirm
	List    *web.List
}

// confirm shows a page that asks, with the faults of a try that failed beside what
// they are about.
func (p *Web) confirm(w http.ResponseWriter, r *http.Request, page web.Page, failed error) error {
	status := http.StatusOK
	if data, ok := page.Data.(confirmPage); ok { // the title asks; this button does it
		data.Confirm.Title, data.Confirm.Verb = askerOf(r).say("watch.page.confirm"), strings.TrimSuffix(data.Confirm.Verb, "…")
		page.Data = data
	}
	if failed != nil {
		f := fault.Of(failed)
		status = http.StatusUnprocessableEntity
		words := web.PrinterOf(r.Context())
		data, _ := page.Data.(confirmPage)
		page.Faults = web.FieldFaults(words, f)
		if len(page.Faults) == 0 {
			page.Fault = web.Sentence(words, f)
		}
		form := web.Form{Fields: data.Confirm.Fields}
		form.Fail(page.Faults)
		for i := range page.Faults {
			if page.Faults[i].Field == "reason" {
				data.Confirm.ReasonFault, page.Faults[i].Label = page.Faults[i].Text, words.T("frame.confirm.reason", nil)
			}
		}
		page.Data = data
	}
	return p.site.Page(w, r, status, "watch/confirm", page)
}
