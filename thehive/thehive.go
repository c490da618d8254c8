// Package thehive reads cases of TheHive 4 and 5 as their interfaces write them.
//
// TheHive has no readable file for this (its archives are encrypted): whoever comes over
// writes one from what the interface answers to queries. The shape is one object a case,
// in an array or one after the other; the case's own keys may also stand beside the lists:
//
//	{"case": {"_id": "~4136", "number": 12, "title": "Scans from a water works",
//	   "severity": 2, "tlp": 2, "tlpLabel": "AMBER", "status": "TruePositive",
//	   "stage": "Closed", "startDate": 1795165200000, "endDate": 1795255200000},
//	 "tasks": [{"title": "Block it", "status": "Completed",
//	   "logs": [{"message": "done", "date": 1795165200000, "owner": "ana"}]}],
//	 "observables": [{"dataType": "ip", "data": "192.0.2.7"}],
//	 "comments": [{"message": "…", "createdBy": "ana", "createdAt": 1795165200000}],
//	 "pages": [{"title": "Summary", "content": "…"}]}
//
// Promises: the file is bounded; what is wrong is a *[casefile.Error] with its line. Both
// interfaces of TheHive 4 are read (v0 writes caseId and owner where v1 writes number and
// assignee). A TLP of 3 is AMBER+STRICT in TheHive 5 and RED in 4: the label decides, and
// where there is none it is RED.
//
// Not here: alerts, users, analysers' reports, the files of observables.
//
// Source: TheHive, dto/v1 and dto/v0 (OutputCase, OutputTask, OutputLog,
// OutputObservable); TheHive 5 API documentation (case, comment, page).
package thehive

import (
	"cmp"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"time"

	"almenara.example/casefile"
	"almenara.example/tlp"
)

// MaxParts bounds the tasks, observables and so on of one case, each.
const MaxParts = 50_000

// Case is one case.
type Case struct {
	Line        int
	ID          string
	Number      string
	Title       string
	Description string
	Severity    int // 1 low … 4 critical, 0 none
	TLP         tlp.Marking
	Status      string // Open, Resolved, Duplicated, Deleted (4); New, InProgress, TruePositive, … (5)
	Resolution  string // of TheHive 4: TruePositive, FalsePositive, …
	Impact      string
	Summary     string
	Created     time.Time
	Started     time.Time
	Ended       time.Time
	Closed      bool
	CreatedBy   string
	Assignee    string
	Tags        []string
	Fields      []Field // custom fields
	Tasks       []Task
	Observables []Observable
	Comments    []Comment
	Pages       []Page
}

// Field is a custom field that has a value.
type Field struct{ Name, Value string }

// Task is something to be done.
type Task struct {
	Title, Group, Description, Status, Assignee string
	Started, Ended, Due                         time.Time
	Logs                                        []Comment
}

// Observable is something technical. Type is TheHive's own: ip, fqdn, hash, mail, …; a
// file has its name and hashes as Data.
type Observable struct {
	Type, Data, Message string
	Hashes              []string
	Tags                []string
	TLP                 tlp.Marking
	At                  time.Time
}

// Comment is what somebody said.
type Comment struct {
	Text, By string
	At       time.Time
}

// Page is a text of the case.
type Page struct {
	Title, Text string
	At          time.Time
}

type (
	text = casefile.Text
	when = casefile.Time
)

// head is a case's own keys, of v1 and v0.
type head struct {
	ID               text       `json:"_id"`
	Number           text       `json:"number"`
	CaseID           text       `json:"caseId"`
	Title            text       `json:"title"`
	Description      text       `json:"description"`
	Severity         int        `json:"severity"`
	TLP              *int       `json:"tlp"`
	TLPLabel         text       `json:"tlpLabel"`
	Status           text       `json:"status"`
	Stage            text       `json:"stage"`
	ResolutionStatus text       `json:"resolutionStatus"`
	ImpactStatus     text       `json:"impactStatus"`
	Summary          text       `json:"summary"`
	StartDate        when       `json:"startDate"`
	EndDate          when       `json:"endDate"`
	CreatedAt        when       `json:"_createdAt"`
	CreatedAt0       when       `json:"createdAt"`
	CreatedBy        text       `json:"_createdBy"`
	CreatedBy0       text       `json:"createdBy"`
	Assignee         text       `json:"assignee"`
	Owner            text       `json:"owner"`
	User             text       `json:"user"`
	Tags             []text     `json:"tags"`
	CustomFields     fieldValue `json:"customFields"`
}

type said struct {
	Message    text `json:"message"`
	By         text `json:"_createdBy"`
	By0        text `json:"createdBy"`
	Owner      text `json:"owner"`
	Date       when `json:"date"`
	StartDate  when `json:"startDate"`
	CreatedAt  when `json:"_createdAt"`
	CreatedAt0 when `json:"createdAt"`
}

func (s *said) comment() Comment {
	return Comment{string(s.Message), first(s.By, s.By0, s.Owner), earliest(s.Date, s.StartDate, s.CreatedAt, s.CreatedAt0)}
}

type file struct {
	Case *head `json:"case"`
	head
	Tasks []struct {
		Title       text   `json:"title"`
		Group       text   `json:"group"`
		Description text   `json:"description"`
		Status      text   `json:"status"`
		Assignee    text   `json:"assignee"`
		Owner       text   `json:"owner"`
		StartDate   when   `json:"startDate"`
		EndDate     when   `json:"endDate"`
		DueDate     when   `json:"dueDate"`
		Logs        []said `json:"logs"`
	} `json:"tasks"`
	Observables []struct {
		Type       text   `json:"dataType"`
		Data       text   `json:"data"`
		Message    text   `json:"message"`
		Tags       []text `json:"tags"`
		TLP        *int   `json:"tlp"`
		TLPLabel   text   `json:"tlpLabel"`
		StartDate  when   `json:"startDate"`
		CreatedAt  when   `json:"_createdAt"`
		Attachment *struct {
			Name   text   `json:"name"`
			Hashes []text `json:"hashes"`
		} `json:"attachment"`
	} `json:"observables"`
	Comments []said `json:"comments"`
	Pages    []struct {
		Title     text `json:"title"`
		Content   text `json:"content"`
		CreatedAt when `json:"_createdAt"`
	} `json:"pages"`
}

// fieldValue are custom fields: v1 writes a list of names with values, v0 an object of
// names with a value under the name of its type.
type fieldValue []Field

// UnmarshalJSON reads either.
func (f *fieldValue) UnmarshalJSON(b []byte) error {
	*f = nil
	if b[0] == '[' {
		var list []struct {
			Name  text            `json:"name"`
			Value json.RawMessage `json:"value"`
		}
		err := json.Unmarshal(b, &list)
		for _, one := range list {
			f.add(string(one.Name), one.Value)
		}
		return err
	}
	var of map[string]map[string]json.RawMessage
	if err := json.Unmarshal(b, &of); err != nil {
		return err
	}
	for name, values := range of {
		for key, v := range values {
			if key != "order" {
				f.add(name, v)
			}
		}
	}
	slices.SortFunc(*f, func(a, b Field) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.Value, b.Value))
	})
	return nil
}

// add keeps a field that has a value; one that is no text as its JSON.
func (f *fieldValue) add(name string, raw []byte) {
	if len(raw) == 0 || string(raw) == "null" {
		return
	}
	var t text
	if err := t.UnmarshalJSON(raw); err != nil {
		t = text(raw)
	}
	if t != "" {
		*f = append(*f, Field{name, string(t)})
	}
}

// File is an export, of which one case at a time is in memory.
type File struct{ records []casefile.Record }

// Open finds the cases of a file, which must stay as it is while they are read: one
// export, or several in an array or one after the other.
func Open(in io.ReaderAt) (*File, error) {
	all, err := casefile.Read(in)
	return &File{all}, err
}

// Len is how many cases there are.
func (f *File) Len() int { return len(f.records) }

// Case reads a case, counted from 0.
func (f *File) Case(n int) (Case, error) {
	var one file
	if err := f.records[n].Into(&one); err != nil {
		return Case{}, own(err)
	}
	return one.read(f.records[n].Line)
}

// own names a key of a case that stands for itself as the file does.
func own(err error) error {
	var e *casefile.Error
	if errors.As(err, &e) {
		e.Key = strings.TrimPrefix(e.Key, "head.")
	}
	return err
}

func (f *file) read(line int) (Case, error) {
	h := f.Case
	if h == nil {
		h = &f.head
	}
	number := first(h.Number, h.CaseID)
	switch {
	case number == "" || h.Title == "" || h.Status == "":
		return Case{}, &casefile.Error{Line: line, Key: "case", Problem: "has no number, title or status", Hint: `{"case": {"number": 12, "title": "…", "status": "…"}}`}
	case max(len(f.Tasks), len(f.Observables), len(f.Comments), len(f.Pages)) > MaxParts:
		return Case{}, &casefile.Error{Line: line, Problem: "has too many tasks, observables, comments or pages"}
	}
	c := Case{
		Line: line, ID: string(h.ID), Number: number, Title: string(h.Title), Description: string(h.Description), Severity: h.Severity, TLP: marking(h.TLP, h.TLPLabel),
		Status: string(h.Status), Resolution: string(h.ResolutionStatus), Impact: string(h.ImpactStatus), Summary: string(h.Summary),
		Created: earliest(h.CreatedAt, h.CreatedAt0), Started: h.StartDate.Time, Ended: h.EndDate.Time,
		CreatedBy: first(h.CreatedBy, h.CreatedBy0), Assignee: first(h.Assignee, h.Owner, h.User), Tags: texts(h.Tags), Fields: h.CustomFields,
	}
	switch c.Status {
	case "New", "InProgress", "Open", "Imported":
	default:
		c.Closed = h.Stage == "" || h.Stage == "Closed"
	}
	f.parts(&c)
	return c, nil
}

func (f *file) parts(c *Case) {
	for _, t := range f.Tasks {
		out := Task{string(t.Title), string(t.Group), string(t.Description), string(t.Status), first(t.Assignee, t.Owner), t.StartDate.Time, t.EndDate.Time, t.DueDate.Time, nil}
		for i := range t.Logs {
			out.Logs = append(out.Logs, t.Logs[i].comment())
		}
		c.Tasks = append(c.Tasks, out)
	}
	for _, o := range f.Observables {
		out := Observable{Type: strings.ToLower(string(o.Type)), Data: string(o.Data), Message: string(o.Message), Tags: texts(o.Tags), TLP: marking(o.TLP, o.TLPLabel), At: earliest(o.StartDate, o.CreatedAt)}
		if o.Attachment != nil {
			out.Data, out.Hashes = string(o.Attachment.Name), texts(o.Attachment.Hashes)
		}
		c.Observables = append(c.Observables, out)
	}
	for i := range f.Comments {
		c.Comments = append(c.Comments, f.Comments[i].comment())
	}
	for _, p := range f.Pages {
		c.Pages = append(c.Pages, Page{string(p.Title), string(p.Content), p.CreatedAt.Time})
	}
}

// marking is what a TLP number means: see the package's promises.
func marking(n *int, label text) tlp.Marking {
	if label != "" {
		if m, err := tlp.Parse("TLP:" + string(label)); err == nil {
			return m
		}
		return tlp.Red
	}
	if n == nil {
		return tlp.Amber // TheHive's own default
	}
	switch *n {
	case 0:
		return tlp.Clear
	case 1:
		return tlp.Green
	case 2:
		return tlp.Amber
	}
	return tlp.Red
}

func first(list ...text) string {
	for _, t := range list {
		if t != "" {
			return string(t)
		}
	}
	return ""
}

// earliest is the first of some times that is one.
func earliest(list ...when) time.Time {
	for _, t := range list {
		if !t.IsZero() {
			return t.Time
		}
	}
	return time.Time{}
}

func texts(list []text) (out []string) {
	for _, t := range list {
		if t != "" {
			out = append(out, string(t))
		}
	}
	return out
}
