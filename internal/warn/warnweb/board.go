package warnweb

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"

	"almenara.example/internal/foundation/web"
	"almenara.example/internal/warn"
)

func compare(a, b string) int { return cmp.Compare(a, b) }

// board is the live board of who has taken a warning, and by which strength.
type board struct {
	Taken, All int64
	Bars       []bar
	Table      table
}

// bar is one count of the board with its share of all recipients in percent.
type bar struct {
	Word  string
	Badge web.Badge
	N     int64
	Share string // "37.5%"
	URL   string
}

// table is a list with buttons in its last column, which the keys j and k walk.
type table struct {
	ID, Caption string
	Live        bool
	Columns     []web.Column
	Views       []web.Link
	Downloads   []web.Action
	Rows        []tableRow
	Total       web.Total
	Newer       string
	Older       string
	Empty       web.Empty
}

type tableRow struct {
	URL, Tone string
	Cells     []web.Cell
	Actions   []keyed
}

// keyed is a button that a key goes to.
type keyed struct {
	web.Action
	Key string
}

// standing is where a recipient stands, in the one word of the board's chips.
func standing(t *warn.Taken) string {
	switch {
	case !t.At.IsZero():
		return "answered"
	case t.Call == warn.CallOpen:
		return "calling"
	}
	switch t.State {
	case warn.Refused, warn.Bounced, warn.Unknown, warn.Withheld, warn.NoContact:
		return "returned"
	case warn.Sent:
		return "silent"
	}
	return "leaving"
}

// standings lists these words in the order of the board.
func standings() []string { return []string{"answered", "silent", "returned", "calling", "leaving"} }

// taken is where all recipients stand: also those whose notice is not drafted yet.
func (p *Pages) taken(r *http.Request, v *warn.Warning) ([]warn.Taken, error) {
	list, err := p.warn.TakenBy(r.Context(), p.warn.Acts.Reader(), v.ID)
	if err != nil {
		return nil, err
	}
	return p.complete(v, list), nil
}

func (p *Pages) complete(v *warn.Warning, list []warn.Taken) []warn.Taken {
	have := map[int64]bool{}
	for i := range list {
		have[list[i].Org] = true
	}
	for _, org := range v.Recipients {
		if !have[org] {
			list = append(list, warn.Taken{Org: org, State: warn.Drafted})
		}
	}
	slices.SortStableFunc(list, func(a, b warn.Taken) int { return compare(p.orgName(a.Org), p.orgName(b.Org)) })
	return list
}

// boardRows is how many organisations one page of the board shows.
const boardRows = 200

func (p *Pages) board(r *http.Request, v *warn.Warning) (*board, error) {
	list, err := p.taken(r, v)
	if err != nil {
		return nil, err
	}
	notices, err := p.warn.LastNotices(r.Context(), p.warn.Acts.Reader(), v.ID)
	if err != nil {
		return nil, err
	}
	b := &board{All: int64(len(list))}
	by, strengths := map[string]int64{}, map[warn.Strength]int64{}
	for i := range list {
		by[standing(&list[i])]++
		strengths[list[i].Strength]++
	}
	b.Taken = by["answered"]
	u := warningURL(p.warn.WarningNumber(v.ID))
	add := func(badge web.Badge, n int64, url string) {
		one := bar{Word: badge.Word, Badge: badge, N: n, URL: url}
		if b.All > 0 {
			one.Share = strconv.FormatFloat(100*float64(n)/float64(b.All), 'f', 1, 64) + "%"
		}
		b.Bars = append(b.Bars, one)
	}
	ways := warn.Strengths()
	slices.Reverse(ways)
	for _, s := range ways {
		badge := strengthBadge(r, s)
		badge.Word = web.Say(r, "warn.board.taken", "Strength", badge.Word)
		add(badge, strengths[s], u+"?strength="+string(s)+"#organisations")
	}
	for _, s := range standings()[1:] {
		add(standingBadge(r, s), by[s], u+"?show="+s+"#organisations")
	}
	b.Table = p.boardTable(r, v, list, notices)
	return b, nil
}

func standingBadge(r *http.Request, s string) web.Badge {
	b := web.Badge{Word: web.Say(r, "warn.standing."+s), Tone: "open"}
	switch s {
	case "answered":
		b.Tone = "ok"
	case "returned":
		b.Tone = "high"
	case "calling":
		b.Tone, b.Icon = "medium", "phone"
	case "leaving":
		b.Tone, b.Icon = "info", "clock"
	}
	return b
}

func (p *Pages) boardTable(r *http.Request, v *warn.Warning, list []warn.Taken, notices map[int64]int64) table {
	q, u := r.URL.Query(), warningURL(p.warn.WarningNumber(v.ID))
	show, strength := q.Get("show"), warn.Strength(q.Get("strength"))
	t := table{
		ID: "organisations", Caption: web.Say(r, "warn.board.organisations"), Live: true,
		Columns: web.Columns(r, "warn.column.organisation", "warn.column.contact", "warn.column.state", "warn.column.step", "warn.column.answer",
			"warn.column.by", "warn.column.at"),
		Downloads: []web.Action{{Label: web.Say(r, "warn.csv"), URL: u + "/taken.csv", Icon: "download"}},
		Empty:     web.Empty{Title: web.Say(r, "warn.board.none"), Why: web.Say(r, "warn.board.none.why")},
		Views:     []web.Link{{Label: web.Say(r, "warn.any"), URL: u + "#organisations", Current: show == "" && strength == ""}},
	}
	t.Columns[3].Num = true
	for _, s := range standings() {
		t.Views = append(t.Views, web.Link{Label: web.Say(r, "warn.standing."+s), URL: u + "?show=" + s + "#organisations", Current: show == s})
	}
	var some []*warn.Taken
	for i := range list {
		if (show == "" || standing(&list[i]) == show) && (strength == "" || list[i].Strength == strength) {
			some = append(some, &list[i])
		}
	}
	t.Total = web.Total{N: int64(len(some))}
	from := min(int(positive(q.Get("after"))), len(some))
	to := min(from+boardRows, len(some))
	if to < len(some) {
		t.Older = web.With(r.URL, "after", strconv.Itoa(to))
	}
	if from > 0 {
		t.Newer = web.With(r.URL, "after", strconv.Itoa(max(0, from-boardRows)))
	}
	for _, one := range some[from:to] {
		t.Rows = append(t.Rows, p.boardRow(r, u, one, notices[one.Org]))
	}
	return t
}

func (p *Pages) boardRow(r *http.Request, back string, t *warn.Taken, notice int64) tableRow {
	state := standingBadge(r, standing(t))
	row := tableRow{Cells: []web.Cell{
		p.orgCell(t.Org), web.Code(t.Contact), {Badge: &state, Sub: web.Say(r, "warn.state."+string(t.State))}, web.Number(int64(t.Step+1), ""),
		{}, web.Text(t.By), web.Ago(t.At),
	}}
	if t.Answer != "" {
		badge := strengthBadge(r, t.Strength)
		row.Cells[4] = web.Cell{Badge: &badge, Sub: web.Say(r, "warn.what."+string(t.Answer))}
	}
	if notice == 0 {
		return row
	}
	row.URL = noticeURL(p.warn.Number(notice))
	row.Cells[0] = web.Cell{Text: p.orgName(t.Org), URL: row.URL}
	if can(r, record) {
		row.Actions = append(row.Actions, keyed{
			Action: web.Action{Label: web.Say(r, "warn.answer.phone"), URL: row.URL + "?answer=phone&back=" + back, Icon: "phone"}, Key: "p",
		})
	}
	return row
}

// takenCSV is the board as a table to keep.
func (p *Pages) takenCSV(w http.ResponseWriter, r *http.Request) error {
	v, err := p.warningNumbered(r)
	if err != nil {
		return err
	}
	list, err := p.taken(r, &v)
	if err != nil {
		return err
	}
	out := web.NewCSV(w, p.warn.WarningNumber(v.ID)+"-taken.csv")
	if err := out.Row("organisation", "contact", "state", "standing", "step", "answer", "strength", "by", "at"); err != nil {
		return err
	}
	for i := range list {
		t := &list[i]
		if err := out.Row(p.orgName(t.Org), t.Contact, string(t.State), standing(t), strconv.Itoa(t.Step+1), string(t.Answer), string(t.Strength), t.By, stamp(t.At)); err != nil {
			return err
		}
	}
	return out.Flush()
}
