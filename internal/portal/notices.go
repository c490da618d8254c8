package portal

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"almenara.example/atom"
	"almenara.example/internal/constituency"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/guard"
	"almenara.example/internal/incident"
	"almenara.example/internal/warn"
	"almenara.example/internal/watch"
	"almenara.example/tlp"
)

func cmpFold(a, b string) int { return cmp.Compare(constituency.Fold(a), constituency.Fold(b)) }

// NoticeLine is a notice in a list.
type NoticeLine struct {
	Number   string    `json:"number"`          // empty while it is being written
	Warning  bool      `json:"warning"`         // to many; else of findings
	Title    string    `json:"title,omitempty"` // of a warning
	Severity string    `json:"severity,omitempty"`
	Marking  string    `json:"marking"`
	Count    int       `json:"count,omitempty"` // of what was found
	Again    bool      `json:"again,omitempty"`
	Bulk     bool      `json:"bulk,omitempty"` // no answer is owed
	Sent     time.Time `json:"sent"`
	Until    time.Time `json:"until,omitzero"`
	AnswerBy time.Time `json:"answer_by,omitzero"`
	Answered time.Time `json:"answered,omitzero"`
	Last     string    `json:"last_answer,omitempty"`
	URL      string    `json:"url"`
}

// Open tells whether an answer is waited for.
func (l NoticeLine) Open() bool { return l.Answered.IsZero() && !l.Bulk }

// perPage is how many lines a page has; most how far back a list looks for what is open.
const (
	perPage = 50
	most    = 300
)

// shown tells whether a notice may be seen by now: it has left, or would leave this
// moment. What waits while sending is stopped does not show either.
func shown(n warn.Notice, stopped bool) bool {
	switch n.State {
	case warn.Attempting, warn.Sent, warn.Bounced, warn.Refused, warn.Unknown:
		return true
	case warn.Drafted:
		return !stopped
	case warn.NoContact, warn.Withheld:
	}
	return false
}

// listed are the notices of an organisation that a page lists, the newest first: of
// several about one warning the first. older tells whether there are more.
func (p *Portal) listed(ctx context.Context, a ask, org int64, limit int) (out []warn.Notice, older bool, err error) {
	stopped, err := p.Warn.Stopped(ctx, a.r)
	if err != nil {
		return nil, false, err
	}
	before := int64(0)
	if number := a.query.Get("before"); number != "" {
		n, err := p.Warn.NoticeNumbered(ctx, a.r, number)
		if err != nil || n.Org != org {
			return nil, false, notFound()
		}
		before = n.ID
	}
	for {
		ns, err := p.Warn.Notices(ctx, a.r, warn.Filter{Org: org, Before: before, Limit: most})
		if err != nil {
			return nil, false, err
		}
		for _, n := range ns {
			before = n.ID
			if !shown(n, stopped) || n.Step > 0 || n.Exercise != a.exercise() {
				continue
			}
			if len(out) == limit {
				return out, true, nil
			}
			out = append(out, n)
		}
		if len(ns) < most {
			return out, false, nil
		}
	}
}

func (p *Portal) limitOf(a ask) int {
	if a.thing.Kind == KindHome {
		return most
	}
	return perPage
}

// homeParts: the notices, and warnings that were released this moment.
func (p *Portal) homeParts(ctx context.Context, a ask) ([]guard.Part, error) {
	parts, err := p.noticesParts(ctx, a)
	if err != nil {
		return nil, err
	}
	s, err := p.standingTo(ctx, a, a.thing.ID)
	if err != nil {
		return nil, err
	}
	coming, err := p.Warn.Coming(ctx, a.r, a.thing.ID)
	for _, v := range coming {
		if v.Exercise == a.exercise() {
			parts = append(parts, s.part(comingRef(v), a.thing.ID, v.Marking, v.Exercise))
		}
	}
	if err != nil || !s.own {
		return parts, err
	}
	heads, err := p.deadlineHeads(ctx, a, incident.OwnFilter{Exercise: a.exercise()})
	return append(parts, heads...), err
}

func comingRef(v warn.Warning) string { return fmt.Sprintf("warning:%d", v.ID) }

// coming writes the cleared warnings whose notice has no number yet.
func (p *Portal) coming(ctx context.Context, a ask, ok cleared) (out []NoticeLine, err error) {
	all, err := p.Warn.Coming(ctx, a.r, a.thing.ID)
	for _, v := range all {
		if ok[comingRef(v)] {
			t, _ := v.Text(a.to.Language)
			out = append(out, NoticeLine{
				Warning: true, Title: t.Title, Severity: string(v.Severity), Marking: v.Marking.String(), Sent: v.ReleasedAt, Until: v.Until,
				Bulk: v.AnswerWithin == 0,
			})
		}
	}
	return out, err
}

// noticesParts: the page, and each notice with the marking of what it shows.
func (p *Portal) noticesParts(ctx context.Context, a ask) ([]guard.Part, error) {
	org := a.thing.ID
	s, err := p.standingTo(ctx, a, org)
	if err != nil {
		return nil, err
	}
	parts := s.page(a, org, tlp.Clear)
	ns, _, err := p.listed(ctx, a, org, p.limitOf(a))
	if err != nil {
		return nil, err
	}
	for _, n := range ns {
		m := tlp.Unmarked
		if n.Marking != "" {
			if m, err = tlp.Parse(n.Marking); err != nil {
				return nil, fmt.Errorf("marking of notice %d: %w", n.ID, err)
			}
		}
		parts = append(parts, s.part(strconv.FormatInt(n.ID, 10), org, m, n.Exercise))
	}
	return parts, nil
}

// lines writes the cleared notices.
func (p *Portal) lines(ctx context.Context, a ask, ok cleared) (out []NoticeLine, older string, err error) {
	ns, more, err := p.listed(ctx, a, a.thing.ID, p.limitOf(a))
	if err != nil {
		return nil, "", err
	}
	warnings := map[int64]warn.Warning{}
	out = []NoticeLine{}
	for _, n := range ns {
		if !ok[strconv.FormatInt(n.ID, 10)] {
			continue
		}
		l, err := p.line(ctx, a, n, warnings)
		if err != nil {
			return nil, "", err
		}
		out = append(out, l)
	}
	if more {
		older = p.Warn.Number(ns[len(ns)-1].ID)
	}
	return out, older, nil
}

func (p *Portal) line(ctx context.Context, a ask, n warn.Notice, warnings map[int64]warn.Warning) (l NoticeLine, err error) {
	number := p.Warn.Number(n.ID)
	l = NoticeLine{
		Number: number, Warning: n.Warning != 0, Marking: markingWord(n.Marking), Count: n.Total, Again: n.Again, Bulk: n.Format == warn.AsBulk,
		Sent: n.DraftedAt, Answered: n.AnsweredAt, Last: string(n.LastAnswer), URL: p.PublicURL + "/portal/notices/" + number,
	}
	if n.Warning == 0 {
		worst := watch.NoSeverity
		for _, s := range n.Severities {
			worst = max(worst, s)
		}
		l.Severity = worst.String()
		return l, nil
	}
	v, known := warnings[n.Warning]
	if !known {
		if v, err = p.Warn.Warning(ctx, a.r, n.Warning); err != nil {
			return l, err
		}
		warnings[n.Warning] = v
	}
	t, _ := v.Text(a.to.Language)
	l.Title, l.Severity, l.Count, l.Until = t.Title, string(v.Severity), 0, v.Until
	l.Bulk = v.AnswerWithin == 0
	if v.AnswerWithin > 0 {
		l.AnswerBy = n.DraftedAt.Add(v.AnswerWithin)
	}
	if l.Answered.IsZero() { // somebody of them may have answered what the next contact got
		later, err := p.Warn.Notices(ctx, a.r, warn.Filter{Org: n.Org, Warning: n.Warning, Limit: 20})
		if err != nil {
			return l, err
		}
		for _, o := range later {
			if !o.AnsweredAt.IsZero() {
				l.Answered, l.Last = o.AnsweredAt, string(o.LastAnswer)
			}
		}
	}
	return l, nil
}

// markingWord writes a marking; what nobody marked counts as AMBER+STRICT.
func markingWord(s string) string {
	if s == "" {
		return tlp.AmberStrict.String()
	}
	return s
}

// HomeDoc is the first page.
type HomeDoc struct {
	Open     []NoticeLine `json:"open"`
	Recent   []NoticeLine `json:"recent"`
	Findings uint64       `json:"findings"` // that are still seen
	Waiting  int64        `json:"waiting"`  // claims of assets
	// Deadlines are what the reader's own organisation owes by law and what runs.
	Deadlines []DeadlineLine `json:"deadlines,omitempty"`
}

// rank puts what presses first: a FLASH, then warnings, then findings by severity.
func rank(l NoticeLine) int {
	words := []string{"flash", "critical", "high", "medium", "low", "info", "none"}
	at := slices.Index(words, l.Severity)
	if !l.Warning {
		at += len(words)
	}
	if l.Severity == "flash" {
		at = -1
	}
	return at
}

func (p *Portal) renderHome(ctx context.Context, a ask, ok cleared) (v guard.View, err error) {
	lines, _, err := p.lines(ctx, a, ok)
	if err != nil {
		return v, err
	}
	d := HomeDoc{Open: []NoticeLine{}, Recent: []NoticeLine{}}
	coming, err := p.coming(ctx, a, ok)
	if err != nil {
		return v, err
	}
	lines = append(coming, lines...)
	for _, l := range lines {
		switch {
		case l.Open():
			d.Open = append(d.Open, l)
		case len(d.Recent) < 5:
			d.Recent = append(d.Recent, l)
		}
	}
	slices.SortStableFunc(d.Open, func(x, y NoticeLine) int { return rank(x) - rank(y) })
	list, none, err := p.list(ctx, a, watch.Page{Limit: 1}, []watch.State{watch.Open})
	if err != nil {
		return v, err
	}
	if !none {
		d.Findings = list.Total
	}
	if d.Waiting, err = p.Constituency.CountClaims(ctx, a.r, a.thing.ID); err != nil {
		return v, err
	}
	if a.thing.ID == a.to.Org {
		if d.Deadlines, err = p.deadlineLines(ctx, a, ok, incident.OwnFilter{Exercise: a.exercise()}); err != nil {
			return v, err
		}
		d.Deadlines = slices.DeleteFunc(d.Deadlines, func(l DeadlineLine) bool { return l.Due.IsZero() })
	}
	return asJSON(d)
}

// NoticesDoc is a list of notices; Older continues it.
type NoticesDoc struct {
	Notices []NoticeLine `json:"notices"`
	Older   string       `json:"older,omitempty"`
}

func (p *Portal) renderNotices(ctx context.Context, a ask, ok cleared) (v guard.View, err error) {
	d := NoticesDoc{}
	if d.Notices, d.Older, err = p.lines(ctx, a, ok); err != nil {
		return v, err
	}
	return asJSON(d)
}

// renderFeed writes the newest notices as an Atom feed.
func (p *Portal) renderFeed(ctx context.Context, a ask, ok cleared) (v guard.View, err error) {
	lines, _, err := p.lines(ctx, a, ok)
	if err != nil {
		return v, err
	}
	own, err := p.Guard.Organisation(ctx, a.r, guard.OwnOrg)
	if err != nil {
		return v, err
	}
	org, err := p.Guard.Organisation(ctx, a.r, a.thing.ID)
	if err != nil {
		return v, err
	}
	words := p.Catalogue.Printer(a.to.Language)
	f := atom.Feed{
		ID: "urn:uuid:" + org.UID, Title: atom.Plain(words.Say("portal.feed.title", "Team", own.Name, "Organisation", org.Name)), Updated: org.AddedAt,
		Authors: []atom.Person{{Name: own.Name}}, Generator: "Almenara", Language: words.Lang(),
		Links: []atom.Link{{Href: p.PublicURL + "/api/v1/portal/feed.atom", Rel: "self", Type: "application/atom+xml"}},
	}
	for _, l := range lines {
		e := atom.Entry{
			ID: l.URL, Title: atom.Plain(Headline(words.Say, l)), Updated: l.Sent, Published: l.Sent,
			Links: []atom.Link{{Href: l.URL, Type: "text/html"}}, Summary: atom.Plain(l.Number + " · " + l.Marking),
			Categories: []atom.Category{{Term: l.Severity}},
		}
		if l.Answered.After(e.Updated) {
			e.Updated = l.Answered
		}
		if e.Updated.After(f.Updated) {
			f.Updated = e.Updated
		}
		f.Entries = append(f.Entries, e)
	}
	v = guard.View{ContentType: atom.MediaType}
	v.Body, err = f.Append(nil)
	return v, err
}

// Headline is what a notice is called in a list, in the words of say.
func Headline(say func(key string, pairs ...any) string, l NoticeLine) string {
	switch {
	case l.Warning:
		return l.Title
	case l.Again:
		return say("portal.notice.again", "Count", l.Count)
	}
	return say("portal.notice.found", "Count", l.Count)
}

// AnswerLine is one answer in the story of a notice, or somebody who opened it by link.
type AnswerLine struct {
	What     string    `json:"what"` // an answer, or "opened"
	By       string    `json:"by"`
	Firm     string    `json:"firm,omitempty"`
	Strength string    `json:"strength,omitempty"`
	Reason   string    `json:"reason,omitempty"`
	At       time.Time `json:"at"`
}

// NoticeDoc is one notice with its story.
type NoticeDoc struct {
	NoticeLine
	Text  string       `json:"text"`
	Story []AnswerLine `json:"story"`
	Rows  bool         `json:"rows"` // there are rows to download
}

// NoticeOf returns the notice of a number for a reader; NotFound for anybody else's.
func (p *Portal) NoticeOf(ctx context.Context, w Who, number string) (warn.Notice, error) {
	n, err := p.Warn.NoticeNumbered(ctx, p.read, number)
	if err == nil {
		n, err = p.Warn.NoticeFor(ctx, p.read, w.Actor.Org, n.ID)
	}
	if err == nil {
		var stopped bool
		if stopped, err = p.Warn.Stopped(ctx, p.read); err == nil && !shown(n, stopped) {
			err = notFound()
		}
	}
	if code := fault.CodeOf(err); code == fault.NotFound || code == fault.Invalid {
		err = notFound()
	}
	return n, err
}

// noticeParts are what warn says of a notice.
func (p *Portal) noticeParts(ctx context.Context, a ask) ([]guard.Part, error) {
	n, err := p.Warn.Notice(ctx, a.r, a.thing.ID)
	if err != nil {
		return nil, err
	}
	if _, err := p.standingTo(ctx, a, n.Org); err != nil {
		return nil, err
	}
	return p.Warn.Parts(ctx, a.r, guard.Thing{Kind: warn.KindNotice, ID: n.ID}, a.to)
}

func partsOf(ok cleared) (out []guard.Part) {
	refs := make([]string, 0, len(ok))
	for ref := range ok {
		refs = append(refs, ref)
	}
	slices.SortFunc(refs, func(x, y string) int { return cmp.Or(cmp.Compare(len(x), len(y)), cmp.Compare(x, y)) })
	for _, ref := range refs {
		out = append(out, guard.Part{Ref: ref})
	}
	return out
}

func (p *Portal) renderNotice(ctx context.Context, a ask, ok cleared) (v guard.View, err error) {
	n, err := p.Warn.Notice(ctx, a.r, a.thing.ID)
	if err != nil {
		return v, err
	}
	text, err := p.Warn.Render(ctx, a.r, guard.Thing{Kind: warn.KindNotice, ID: n.ID}, a.to, partsOf(ok))
	if err != nil {
		return v, err
	}
	d := NoticeDoc{Text: string(text.Body), Rows: n.Warning == 0, Story: []AnswerLine{}}
	if d.NoticeLine, err = p.line(ctx, a, n, map[int64]warn.Warning{}); err != nil {
		return v, err
	}
	if n.Warning == 0 {
		d.Count = len(ok)
	}
	visits, err := p.Warn.Visits(ctx, a.r, n.ID)
	if err != nil {
		return v, err
	}
	for _, o := range visits {
		d.Story = append(d.Story, AnswerLine{What: "opened", By: o.Name, Firm: o.Firm, At: o.At})
	}
	answers, err := p.Warn.Answers(ctx, a.r, n.ID)
	if err != nil {
		return v, err
	}
	for _, o := range answers {
		d.Story = append(d.Story, AnswerLine{string(o.What), o.By, o.Firm, string(o.Strength), o.Reason, o.At})
	}
	slices.SortStableFunc(d.Story, func(x, y AnswerLine) int { return x.At.Compare(y.At) })
	return asJSON(d)
}

// renderRows writes the findings of a notice as CSV.
func (p *Portal) renderRows(ctx context.Context, a ask, ok cleared) (v guard.View, err error) {
	var fs []watch.Finding
	var ids []int64
	for _, part := range partsOf(ok) {
		if id, err := strconv.ParseInt(part.Ref, 10, 64); err == nil {
			ids = append(ids, id)
		}
	}
	for some := range slices.Chunk(ids, 500) {
		part, err := p.Watch.FindingsByID(ctx, a.r, some, watch.AllOrgs)
		if err != nil {
			return v, err
		}
		fs = append(fs, part...)
	}
	var b strings.Builder
	if err := p.Warn.WriteCSV(&b, fs); err != nil {
		return v, err
	}
	return guard.View{ContentType: "text/csv; charset=utf-8", Body: []byte(b.String())}, nil
}

// Answer records what a reader says to a notice.
func (p *Portal) Answer(ctx context.Context, w Who, number string, an warn.Answer) error {
	n, err := p.NoticeOf(ctx, w, number)
	if err != nil {
		return err
	}
	if _, err := p.Release(ctx, w, KindNotice, n.ID, url.Values{}); err != nil { // what may not be read is not answered
		return err
	}
	return p.Warn.AnswerSignedIn(ctx, w.Actor, w.Person, n.ID, an)
}
