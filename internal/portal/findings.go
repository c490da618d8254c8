package portal

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"net/url"
	"strconv"
	"time"

	"almenara.example/internal/guard"
	"almenara.example/internal/watch"
	"almenara.example/tlp"
)

// FindingLine is something that was seen at one of their systems.
type FindingLine struct {
	Number   string    `json:"number"`
	Place    string    `json:"place"` // address or name, and port
	What     string    `json:"what"`
	Plain    string    `json:"plain"` // in the reader's language
	Severity string    `json:"severity"`
	State    string    `json:"state"`
	First    time.Time `json:"first,omitzero"`
	Last     time.Time `json:"last,omitzero"`
}

// FindingsDoc is a page of them; Older and Newer are numbers to go on from.
type FindingsDoc struct {
	Findings []FindingLine `json:"findings"`
	Total    uint64        `json:"total"`
	Older    string        `json:"older,omitempty"`
	Newer    string        `json:"newer,omitempty"`
	State    string        `json:"state"`
}

// fileRows is how many findings one parcel of a file holds.
const fileRows = 1000

// sources are the names of the sources whose findings a recipient may be told, by
// marking and exercise, with the marking of each by its id.
func (p *Portal) sources(ctx context.Context, a ask, own bool) (names []string, marking map[int64]tlp.Marking, err error) {
	all, err := p.Watch.Sources(ctx, a.r)
	if err != nil {
		return nil, nil, fmt.Errorf("read sources: %w", err)
	}
	marking = map[int64]tlp.Marking{}
	for _, s := range all {
		may := s.Marking == tlp.Clear || s.Marking == tlp.Green || s.Marking == tlp.Amber ||
			own && (s.Marking == tlp.AmberStrict || s.Marking == tlp.Unmarked)
		if may && s.Exercise == a.exercise() {
			names, marking[s.ID] = append(names, s.Name), s.Marking
		}
	}
	return names, marking, nil
}

// list asks watch for a page of what an organisation may be told. none: there is no
// source that it may be told of.
func (p *Portal) list(ctx context.Context, a ask, page watch.Page, states []watch.State) (l watch.List, none bool, err error) {
	org := a.thing.ID
	names, _, err := p.sources(ctx, a, a.to.Org == org)
	if err != nil || len(names) == 0 {
		return l, true, err
	}
	page.Reader = org
	l, err = p.Watch.List(ctx, a.r, watch.Filter{Orgs: []int64{org}, Sources: names, States: states, Released: true}, page)
	return l, false, err
}

// statesOf reads the filter of the page: what is still seen (also when empty), what is
// no longer seen, or all.
func statesOf(a ask) (states []watch.State, word string) {
	switch a.query.Get("state") {
	case "gone":
		return []watch.State{watch.NoLongerSeen}, "gone"
	case "all":
		return nil, "all"
	}
	return []watch.State{watch.Open}, "open"
}

// pageOf reads the place in the list: a number below or above which to go on. A number
// that is no number of ours starts at the newest.
func (p *Portal) pageOf(a ask) (page watch.Page) {
	page.Limit = perPage
	if a.thing.Kind == KindFile {
		page.Limit = fileRows
	}
	if id, err := p.Watch.ParseNumber(a.query.Get("before")); err == nil {
		page.Before = id
	} else if id, err := p.Watch.ParseNumber(a.query.Get("after")); err == nil {
		page.After = id
	}
	return page
}

func (p *Portal) findingsParts(ctx context.Context, a ask) ([]guard.Part, error) {
	org := a.thing.ID
	s, err := p.standingTo(ctx, a, org)
	if err != nil {
		return nil, err
	}
	parts := s.page(a, org, tlp.Clear)
	states, _ := statesOf(a)
	l, none, err := p.list(ctx, a, p.pageOf(a), states)
	if err != nil || none {
		return parts, err
	}
	_, marking, err := p.sources(ctx, a, s.own)
	if err != nil {
		return nil, err
	}
	for _, f := range l.Findings {
		stream, _ := p.Watch.StreamOf(f.Stream)
		m, ok := marking[stream.Source]
		if !ok {
			continue
		}
		part := s.part(strconv.FormatInt(f.ID, 10), org, m, f.Flags&watch.Exercise != 0)
		part.Owned, part.Audience = f.Org == org, f.Audience
		parts = append(parts, part)
	}
	return parts, nil
}

func (p *Portal) renderFindings(ctx context.Context, a ask, ok cleared) (v guard.View, err error) {
	states, word := statesOf(a)
	d := FindingsDoc{Findings: []FindingLine{}, State: word}
	l, none, err := p.list(ctx, a, p.pageOf(a), states)
	if err != nil {
		return v, err
	}
	if !none {
		d.Total = l.Total
	}
	words := p.Catalogue.Printer(a.to.Language)
	for _, f := range l.Findings {
		if !ok[strconv.FormatInt(f.ID, 10)] {
			continue
		}
		what := f.Class.Identifier
		if what == "" {
			stream, _ := p.Watch.StreamOf(f.Stream)
			what = stream.Kind
		}
		d.Findings = append(d.Findings, FindingLine{
			Number: p.Watch.Number(f.ID), Place: place(f), What: what, Plain: p.Watch.Plain(words, f), Severity: f.Severity.String(), State: f.State.String(), First: f.First, Last: f.Last,
		})
	}
	if n := len(l.Findings); n > 0 && l.Older {
		d.Older = p.Watch.Number(l.Findings[n-1].ID)
	}
	if len(l.Findings) > 0 && l.Newer {
		d.Newer = p.Watch.Number(l.Findings[0].ID)
	}
	return asJSON(d)
}

// place is where something was seen.
func place(f watch.Finding) string {
	s := f.Host
	if f.IP.IsValid() {
		s = f.IP.String()
	}
	if f.Port >= 0 {
		s += " " + f.Transport
		if f.Transport != "" {
			s += "/"
		}
		s += strconv.Itoa(f.Port)
	}
	return s
}

// The forms of a file.
const (
	FormCSV  = "csv"
	FormXARF = "xarf"
)

// renderFile writes a piece of a file; Subject is the number after which it goes on,
// empty at the end.
func (p *Portal) renderFile(ctx context.Context, a ask, ok cleared) (v guard.View, err error) {
	states, _ := statesOf(a)
	l, _, err := p.list(ctx, a, p.pageOf(a), states)
	if err != nil {
		return v, err
	}
	var fs []watch.Finding
	for _, f := range l.Findings {
		if ok[strconv.FormatInt(f.ID, 10)] {
			fs = append(fs, f)
		}
	}
	var b bytes.Buffer
	if a.query.Get("form") == FormXARF {
		own, err := p.Guard.Organisation(ctx, a.r, guard.OwnOrg)
		if err != nil {
			return v, err
		}
		if err := p.Warn.WriteXARF(&b, p.Warn.Sender(own.Name), fs); err != nil {
			return v, err
		}
		v.ContentType, v.Body = "application/x-ndjson", b.Bytes()
	} else {
		if err := p.Warn.WriteCSV(&b, fs); err != nil {
			return v, err
		}
		v.ContentType, v.Body = "text/csv; charset=utf-8", b.Bytes()
		if a.query.Get("before") != "" { // the head stands in the first piece
			_, v.Body, _ = bytes.Cut(v.Body, []byte("\n"))
		}
	}
	if n := len(l.Findings); n > 0 && l.Older {
		v.Subject = p.Watch.Number(l.Findings[n-1].ID)
	}
	return v, nil
}

// Findings is a file of everything that a filter leaves, piece by piece.
func (p *Portal) Findings(ctx context.Context, w Who, org int64, q url.Values) iter.Seq2[guard.Parcel, error] {
	return func(yield func(guard.Parcel, error) bool) {
		for {
			parcel, err := p.Release(ctx, w, KindFile, org, q)
			if !yield(parcel, err) || err != nil || parcel.View().Subject == "" {
				return
			}
			q.Set("before", parcel.View().Subject)
		}
	}
}
