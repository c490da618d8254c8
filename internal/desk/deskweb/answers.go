package deskweb

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"almenara.example/internal/constituency"
	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/web"
	"almenara.example/internal/warn"
)

// AnswersURL is the list behind every figure of notices and answers.
const AnswersURL = "/desk/answers"

// answersPicture is how organisations answer what they are told.
type answersPicture struct {
	Figures   []web.Figure
	Times     web.Chart
	Sectors   web.List
	Strengths web.List
	Trend     web.Chart
	Weeks     web.List
}

// noSector is the sector of organisations without one, in addresses.
const noSector = "none"

// behind is the address of the notices behind a figure.
func behind(from, to time.Time, pairs ...string) string {
	q := url.Values{"from": {from.Format(time.DateOnly)}, "to": {to.Format(time.DateOnly)}}
	for i := 0; i+1 < len(pairs); i += 2 {
		q.Set(pairs[i], pairs[i+1])
	}
	return AnswersURL + "?" + q.Encode()
}

// inSector is the pair of an address that names a sector.
func inSector(code string) []string {
	if code == "" {
		code = noSector
	}
	return []string{"sector", code}
}

func (p *Web) pictureOfAnswers(a asker, f warn.Figures) *answersPicture {
	return &answersPicture{
		Figures: sums(a, f), Times: answerTimes(a, f), Sectors: answerSectors(a, f), Strengths: strengths(a, f),
		Trend: trend(a, f), Weeks: weeks(a, f),
	}
}

// sums are the quarter's figures in one line.
func sums(a asker, f warn.Figures) []web.Figure {
	end := f.Quarter.AddDate(0, 3, 0)
	t := f.All.Now
	out := []web.Figure{
		{Label: a.say("desk.answers.sent", "Count", t.Sent), N: t.Sent, URL: behind(f.Quarter, end), Icon: "mail", Note: a.say("desk.board.quarter")},
		{Label: a.say("desk.answers.answered", "Count", t.Answered), N: t.Answered, URL: behind(f.Quarter, end, "answered", "yes"), Icon: "ok", Note: share(a, t.Answered, t.Sent)},
	}
	if t.Asked > 0 {
		out = append(out, web.Figure{
			Label: a.say("desk.answers.in_time", "Count", t.InTime), N: t.InTime, URL: behind(f.Quarter, end, "in_time", "yes"), Icon: "clock",
			Note: a.say("desk.answers.of_asked", "Count", t.Asked, "Share", a.words.Percent(float64(t.InTime)/float64(t.Asked))),
		})
	}
	return out
}

func share(a asker, n, of int64) string {
	if of <= 0 {
		return "–"
	}
	return a.words.Percent(float64(n) / float64(of))
}

// answerTimes is the median time to the first answer by sector, slowest first.
func answerTimes(a asker, f warn.Figures) web.Chart {
	c := web.Chart{
		ID: "answer-times", Kind: "bar", Units: a.say("desk.answers.times.units"), Source: a.say("desk.answers.source"), At: f.At,
		Axis:  a.say("desk.board.sector"),
		Empty: web.Empty{Title: a.say("desk.answers.none"), Why: a.say("desk.answers.none.why")},
		Title: a.say("desk.answers.times"),
	}
	now := web.Series{Name: a.say("desk.board.quarter"), Tone: "medium"}
	before := web.Series{Name: a.say("desk.board.quarter.before"), Tone: "muted"}
	for _, s := range f.Sectors {
		if s.Now.Answered+s.Before.Answered == 0 {
			continue
		}
		c.X = append(c.X, sector(a, s.Sector))
		now.Values = append(now.Values, int64(s.Now.Median/time.Minute))
		before.Values = append(before.Values, int64(s.Before.Median/time.Minute))
	}
	if len(c.X) == 0 {
		return c
	}
	c.Series = []web.Series{now, before}
	if f.All.Now.Median > 0 {
		c.Title = a.say("desk.answers.times.finding", "Age", a.words.Age(f.All.Now.Median))
	}
	return c
}

// answerSectors says it in numbers and words, with the lists.
func answerSectors(a asker, f warn.Figures) web.List {
	end := f.Quarter.AddDate(0, 3, 0)
	l := web.List{
		ID: "answer-sectors", Caption: a.say("desk.answers.times"), Total: web.Total{Hide: true},
		Columns: []web.Column{
			{Label: a.say("desk.board.sector")}, {Label: a.say("desk.answers.told"), Num: true}, {Label: a.say("desk.answers.taken"), Num: true},
			{Label: a.say("desk.answers.share"), Num: true, Narrow: true}, {Label: a.say("desk.board.quarter")},
			{Label: a.say("desk.board.quarter.before"), Narrow: true}, {Label: a.say("desk.board.change")},
		},
		Empty: web.Empty{Title: a.say("desk.answers.none"), Why: a.say("desk.answers.none.why")},
	}
	for _, s := range f.Sectors {
		code := inSector(s.Sector)
		l.Rows = append(l.Rows, web.Row{Cells: []web.Cell{
			web.Text(sector(a, s.Sector)), web.Number(s.Now.Sent, behind(f.Quarter, end, code...)),
			web.Number(s.Now.Answered, behind(f.Quarter, end, append(code, "answered", "yes")...)), web.Text(share(a, s.Now.Answered, s.Now.Sent)),
			web.Text(within(a, s.Now.Median)), web.Text(within(a, s.Before.Median)), change(a, s.Now.Median, s.Before.Median),
		}})
	}
	return l
}

// strengths is how sure the first answers are, the surest first.
func strengths(a asker, f warn.Figures) web.List {
	end := f.Quarter.AddDate(0, 3, 0)
	l := web.List{
		ID: "answer-strengths", Caption: a.say("desk.answers.strengths"), Total: web.Total{Hide: true},
		Columns: []web.Column{
			{Label: a.say("desk.answers.strength")}, {Label: a.say("desk.answers.taken"), Num: true}, {Label: a.say("desk.answers.share"), Num: true},
			{Label: a.say("desk.answers.within"), Num: true}, {Label: a.say("desk.answers.within.share"), Num: true, Narrow: true},
		},
		Empty: web.Empty{Title: a.say("desk.answers.none"), Why: a.say("desk.answers.none.why")},
	}
	for _, s := range f.Strengths {
		l.Rows = append(l.Rows, web.Row{Cells: []web.Cell{
			web.Text(a.say("warn.strength." + string(s.Strength))),
			web.Number(s.Answered, behind(f.Quarter, end, "answered", "yes", "strength", string(s.Strength))), web.Text(share(a, s.Answered, f.All.Now.Answered)),
			web.Number(s.InTime, behind(f.Quarter, end, "in_time", "yes", "strength", string(s.Strength))), web.Text(share(a, s.InTime, f.All.Now.Asked)),
		}})
	}
	return l
}

// trend is what left and what was answered, week by week.
func trend(a asker, f warn.Figures) web.Chart {
	c := web.Chart{
		ID: "trend", Kind: "line", Title: a.say("desk.answers.trend"), Units: a.say("desk.answers.trend.units"),
		Source: a.say("desk.answers.source"), At: f.At, Axis: a.say("desk.answers.week"),
		Empty: web.Empty{Title: a.say("desk.answers.none"), Why: a.say("desk.answers.none.why")},
	}
	sent := web.Series{Name: a.say("desk.answers.told"), Tone: "medium"}
	answered := web.Series{Name: a.say("desk.answers.taken"), Tone: "ok"}
	var any int64
	for _, w := range f.Weeks {
		c.X = append(c.X, a.words.Date(w.Begins))
		sent.Values, answered.Values = append(sent.Values, w.Sent), append(answered.Values, w.Answered)
		any += w.Sent + w.Answered
	}
	if any == 0 {
		c.X = nil
		return c
	}
	c.Series = []web.Series{sent, answered}
	if n := len(f.Weeks); n > 1 {
		key := "desk.answers.trend.same"
		switch last, before := f.Weeks[n-1].Sent, f.Weeks[n-2].Sent; {
		case last > before:
			key = "desk.answers.trend.more"
		case last < before:
			key = "desk.answers.trend.less"
		}
		c.Title = a.say(key, "Now", a.words.Number(f.Weeks[n-1].Sent), "Before", a.words.Number(f.Weeks[n-2].Sent))
	}
	return c
}

// weeks are the lists behind the trend, the week that runs first.
func weeks(a asker, f warn.Figures) web.List {
	l := web.List{
		ID: "answer-weeks", Caption: a.say("desk.answers.weeks"), Total: web.Total{Hide: true},
		Columns: []web.Column{
			{Label: a.say("desk.answers.week")}, {Label: a.say("desk.answers.told"), Num: true}, {Label: a.say("desk.answers.taken"), Num: true},
		},
		Empty: web.Empty{Title: a.say("desk.answers.none"), Why: a.say("desk.answers.none.why")},
	}
	for i := len(f.Weeks) - 1; i >= 0; i-- {
		w := f.Weeks[i]
		if w.Sent+w.Answered == 0 {
			continue
		}
		end := w.Begins.AddDate(0, 0, 7)
		l.Rows = append(l.Rows, web.Row{Cells: []web.Cell{
			web.OnDay(w.Begins), web.Number(w.Sent, behind(w.Begins, end)), web.Number(w.Answered, behind(w.Begins, end, "by", "answer")),
		}})
	}
	return l
}

const answersPerPage = 50

// answers is GET /desk/answers: the notices behind a figure of the board.
func (p *Web) answers(w http.ResponseWriter, r *http.Request) error {
	a := askerOf(r)
	f, err := timingFilter(r.URL.Query())
	if err != nil {
		return err
	}
	list, total, err := p.Answers.Timed(r.Context(), p.read, f)
	if err != nil {
		return err
	}
	l := web.List{
		ID: "answers", Caption: a.say("desk.answers.list"), Total: web.Total{N: min(total, 10_000), AtLeast: total > 10_000},
		Columns: web.Columns(r, "desk.answers.number", "desk.answers.organisation", "desk.answers.left", "desk.answers.first", "desk.answers.took",
			"desk.answers.strength"),
		Empty: web.Empty{Title: a.say("desk.answers.list.none"), Why: a.say("desk.answers.list.none.why")},
	}
	if len(list) > answersPerPage {
		list = list[:answersPerPage]
		last := list[answersPerPage-1]
		at := last.SentAt
		if f.ByAnswer {
			at = last.AnsweredAt
		}
		l.Older = web.With(r.URL, "after", strconv.FormatInt(clock.Micros(at), 10)+"-"+strconv.FormatInt(last.Notice, 10))
	}
	for _, t := range list {
		l.Rows = append(l.Rows, p.timedRow(a, t))
	}
	return p.Site.Page(w, r, http.StatusOK, "desk/answers", web.Page{
		Title: a.say("desk.answers.list"), Room: "desk", Lead: a.say("desk.answers.list.lead"), Data: l,
		Crumbs: []web.Link{{Label: a.say("desk.board.title"), URL: "/"}},
	})
}

func (p *Web) timedRow(a asker, t warn.Timed) web.Row {
	number := p.Answers.Number(t.Notice)
	name := strconv.FormatInt(t.Org, 10)
	if o, ok := p.Constituency.Index().Org(t.Org); ok {
		name = o.Name
	}
	row := web.Row{URL: "/warn/notices/" + number, Cells: []web.Cell{
		{Text: number, URL: "/warn/notices/" + number, Mono: true},
		web.Anchor(name, "/constituency/organisations/"+strconv.FormatInt(t.Org, 10)), web.Exactly(t.SentAt), web.Text("–"), web.Text("–"), web.Text("–"),
	}}
	if !t.AnsweredAt.IsZero() {
		row.Cells[3] = web.Exactly(t.AnsweredAt)
		row.Cells[4] = web.Text(a.words.Age(max(t.AnsweredAt.Sub(t.SentAt), 0)))
		if t.InTime {
			row.Cells[4].Sub = a.say("desk.answers.in_time.one")
		} else if t.Within > 0 {
			row.Cells[4].Sub = a.say("desk.answers.late.one")
		}
		row.Cells[5] = web.Text(a.say("warn.strength." + string(t.Strength)))
	}
	return row
}

// timingFilter reads the address of a list behind a figure.
func timingFilter(q url.Values) (f warn.TimingFilter, err error) {
	var bad []fault.Error
	day := func(name string) (t time.Time) {
		t, err := time.Parse(time.DateOnly, q.Get(name))
		if err != nil {
			bad = append(bad, *fault.OnField(name, "desk.answers.day", fault.Args{"Value": fault.Clip(q.Get(name))}))
		}
		return t
	}
	f = warn.TimingFilter{
		From: day("from"), To: day("to"), ByAnswer: q.Get("by") == "answer", Sector: warn.AllSectors, Answered: q.Get("answered") != "",
		InTime: q.Get("in_time") != "", Strength: warn.Strength(q.Get("strength")), Limit: answersPerPage + 1,
	}
	switch code := q.Get("sector"); {
	case code == noSector:
		f.Sector = ""
	case code != "" && !constituency.IsSector(code):
		bad = append(bad, *fault.OnField("sector", "desk.answers.sector", fault.Args{"Value": fault.Clip(code)}))
	case code != "":
		f.Sector = code
	}
	if at, id, ok := strings.Cut(q.Get("after"), "-"); ok {
		f.BeforeSent, _ = strconv.ParseInt(at, 10, 64) // anything else begins at the start
		f.Before, _ = strconv.ParseInt(id, 10, 64)
	}
	return f, fault.Join("desk.answers.unreadable", bad)
}
