// Package rtir reads tickets of RTIR (Request Tracker for Incident Response) as its REST 2
// interface writes them.
//
// RT has no file for this: whoever comes over writes one from what the interface answers.
// The shape is an object with "queues" (each as GET /queue/ID answers) and "tickets" (each
// as GET /ticket/ID answers, its transactions in "History", each of these as
// GET /transaction/ID answers, with its attachments in "Attachments", as GET
// /attachment/ID answers):
//
//	{"queues": [{"id": 3, "Name": "Incidents", "Lifecycle": "incidents"}],
//	 "tickets": [{
//	  "id": 12, "Subject": "Scans from a water works", "Status": "resolved",
//	  "Queue": {"type": "queue", "id": "3"}, "Created": "2026-11-20T09:00:00Z",
//	  "Resolved": "2026-11-21T10:00:00Z",
//	  "CustomFields": [{"name": "IP", "values": ["192.0.2.7"]}],
//	  "_hyperlinks": [{"ref": "child", "type": "ticket", "id": "13"}],
//	  "History": [{"id": 90, "Type": "Create", "Created": "2026-11-20T09:00:00Z",
//	    "Creator": {"type": "user", "id": "ana"},
//	    "Attachments": [{"id": 5, "ContentType": "text/plain", "Content": "aGVsbG8="}]}]}]}
//
// Words: a ticket's [Kind] follows from its queue: an incident, and the reports,
// investigations and countermeasures that are its children.
//
// Promises: the file is bounded; what is wrong is a *[casefile.Error] with its line. An
// attachment's content is base64, as RT 5 writes it, or plain text, as its predecessor
// did; text that could be both is taken as it decodes to text.
//
// Not here: users, scrips, articles.
//
// Source: RT, RT::REST2 (endpoints, hyperlinks, custom fields); RTIR, etc/initialdata
// (queues and fields), RTIR_Config (life cycles).
package rtir

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"almenara.example/casefile"
)

// The bounds of one ticket.
const (
	MaxTransactions = 20_000
	MaxAttachments  = 1_000 // of one transaction
	MaxLinks        = 2_000
)

// Kind is what a ticket is for.
type Kind string

// The kinds, by life cycle.
const (
	Incident       Kind = "incident"
	Report         Kind = "report"
	Investigation  Kind = "investigation"
	Countermeasure Kind = "countermeasure"
	Other          Kind = "other" // of a queue that is not RTIR's
)

// Ticket is one ticket.
type Ticket struct {
	Line        int
	ID          string
	MergedInto  string // empty: stands for itself
	Kind        Kind
	Queue       string
	Subject     string
	Status      string // lower case
	Created     time.Time
	Resolved    time.Time
	LastUpdated time.Time
	Due         time.Time
	Owner       string
	Requestors  []string
	Fields      []Field
	Parents     []string // ids of tickets
	Children    []string
	History     []Transaction
}

// Field is a custom field that has values.
type Field struct {
	Name   string
	Values []string
}

// Transaction is one thing that was said or done.
type Transaction struct {
	ID          string
	Type        string // Create, Correspond, Comment, Status, …
	Created     time.Time
	Creator     string
	Old, New    string // of a change
	Attachments []Attachment
}

// Attachment is a part of what was said: the text itself, or a file.
type Attachment struct {
	Name string
	Type string // media type, lower case, without parameters
	Body []byte
}

// File is an export, of which one ticket at a time is in memory.
type File struct {
	records []casefile.Record
	queues  map[string]queue
}

// Open finds the tickets of a file, which must stay as it is while they are read.
func Open(in io.ReaderAt) (*File, error) {
	all, err := casefile.Read(in, "tickets", "items", "queues")
	if err != nil {
		return nil, err
	}
	f := &File{queues: map[string]queue{}}
	for _, r := range all {
		if r.List != "queues" {
			f.records = append(f.records, r)
			continue
		}
		var q queue
		if err := r.Into(&q); err != nil {
			return nil, err
		}
		f.queues[string(q.ID)] = q
	}
	return f, nil
}

// Len is how many tickets there are.
func (f *File) Len() int { return len(f.records) }

// Size is how many bytes of the file a ticket is, counted from 0.
func (f *File) Size(n int) int64 { return f.records[n].Size() }

// Ticket reads a ticket, counted from 0.
func (f *File) Ticket(n int) (Ticket, error) {
	var w ticket
	if err := f.records[n].Into(&w); err != nil {
		return Ticket{}, err
	}
	return w.ticket(f.records[n].Line, f.queues)
}

type text = casefile.Text

type queue struct {
	ID        text `json:"id"`
	Name      text `json:"Name"`
	Lifecycle text `json:"Lifecycle"`
}

// ref points to another thing: an object with its id and perhaps name, or just the id.
type ref struct{ id, name, lifecycle string }

// UnmarshalJSON reads either.
func (r *ref) UnmarshalJSON(b []byte) error {
	if b[0] == '{' {
		var q queue
		if err := json.Unmarshal(b, &q); err != nil {
			return err
		}
		*r = ref{string(q.ID), string(q.Name), string(q.Lifecycle)}
		return nil
	}
	var t text
	err := t.UnmarshalJSON(b)
	*r = ref{id: string(t)}
	return err
}

// refs are several, or one.
type refs []ref

// UnmarshalJSON reads either.
func (r *refs) UnmarshalJSON(b []byte) error {
	if b[0] == '[' {
		var list []ref
		err := json.Unmarshal(b, &list)
		*r = list
		return err
	}
	var one ref
	err := one.UnmarshalJSON(b)
	*r = nil
	if one.id != "" {
		*r = refs{one}
	}
	return err
}

type ticket struct {
	ID           text          `json:"id"`
	EffectiveID  ref           `json:"EffectiveId"`
	Queue        ref           `json:"Queue"`
	Subject      text          `json:"Subject"`
	Status       text          `json:"Status"`
	Created      casefile.Time `json:"Created"`
	Resolved     casefile.Time `json:"Resolved"`
	LastUpdated  casefile.Time `json:"LastUpdated"`
	Due          casefile.Time `json:"Due"`
	Owner        ref           `json:"Owner"`
	Requestor    refs          `json:"Requestor"`
	CustomFields fields        `json:"CustomFields"`
	Links        []struct {
		Ref  text `json:"ref"`
		Type text `json:"type"`
		ID   text `json:"id"`
	} `json:"_hyperlinks"`
	History []struct {
		ID          text          `json:"id"`
		Type        text          `json:"Type"`
		Created     casefile.Time `json:"Created"`
		Creator     ref           `json:"Creator"`
		OldValue    ref           `json:"OldValue"`
		NewValue    ref           `json:"NewValue"`
		Attachments []struct {
			Filename    text    `json:"Filename"`
			ContentType text    `json:"ContentType"`
			Content     *string `json:"Content"`
		} `json:"Attachments"`
	} `json:"History"`
}

// fields are custom fields as a list of names with values, or an object of them.
type fields []Field

// UnmarshalJSON reads either.
func (f *fields) UnmarshalJSON(b []byte) error {
	*f = nil
	if b[0] != '[' { // of the first releases: {"IP": ["192.0.2.7"]}, empty {}
		var of map[string]refs
		if err := json.Unmarshal(b, &of); err != nil {
			return err
		}
		for name, values := range of {
			f.add(name, values)
		}
		slices.SortFunc(*f, func(a, b Field) int { return strings.Compare(a.Name, b.Name) })
		return nil
	}
	var list []struct {
		Name   text `json:"name"`
		Values refs `json:"values"`
	}
	err := json.Unmarshal(b, &list)
	for _, one := range list {
		f.add(string(one.Name), one.Values)
	}
	return err
}

func (f *fields) add(name string, values refs) {
	out := Field{Name: name}
	for _, v := range values {
		if v.id != "" {
			out.Values = append(out.Values, v.id)
		}
	}
	if len(out.Values) > 0 {
		*f = append(*f, out)
	}
}

func (w *ticket) ticket(line int, queues map[string]queue) (Ticket, error) {
	t := Ticket{
		Line: line, ID: string(w.ID), Queue: w.Queue.name, Subject: string(w.Subject), Status: strings.ToLower(string(w.Status)), Created: w.Created.Time,
		Resolved: w.Resolved.Time, LastUpdated: w.LastUpdated.Time, Due: w.Due.Time, Owner: w.Owner.id, Fields: w.CustomFields,
	}
	for _, one := range w.Requestor {
		t.Requestors = append(t.Requestors, one.id)
	}
	lifecycle := w.Queue.lifecycle
	if q, ok := queues[w.Queue.id]; ok {
		t.Queue, lifecycle = string(q.Name), string(q.Lifecycle)
	} else if t.Queue == "" && !digits(w.Queue.id) {
		t.Queue = w.Queue.id
	}
	switch {
	case t.ID == "" || t.Status == "":
		return t, &casefile.Error{Line: line, Problem: "is no ticket: it has no id or no Status", Hint: "each ticket as GET /REST/2.0/ticket/ID answers"}
	case t.Queue == "":
		return t, &casefile.Error{Line: line, Key: "Queue", Problem: "queue " + w.Queue.id + " is not in the file", Hint: `"queues": [{"id": 3, "Name": "Incidents", "Lifecycle": "incidents"}]`}
	case len(w.History) > MaxTransactions:
		return t, &casefile.Error{Line: line, Key: "History", Problem: "has too many transactions"}
	case len(w.Links) > MaxLinks:
		return t, &casefile.Error{Line: line, Key: "_hyperlinks", Problem: "are too many"}
	}
	if w.EffectiveID.id != "" && w.EffectiveID.id != t.ID {
		t.MergedInto = w.EffectiveID.id
	}
	t.Kind = kindOf(t.Queue, lifecycle)
	for _, l := range w.Links {
		switch {
		case l.Type == "ticket" && l.Ref == "parent":
			t.Parents = append(t.Parents, string(l.ID))
		case l.Type == "ticket" && l.Ref == "child":
			t.Children = append(t.Children, string(l.ID))
		}
	}
	return t, w.history(&t)
}

func (w *ticket) history(t *Ticket) error {
	for _, h := range w.History {
		x := Transaction{ID: string(h.ID), Type: string(h.Type), Created: h.Created.Time, Creator: h.Creator.id, Old: h.OldValue.id, New: h.NewValue.id}
		if len(h.Attachments) > MaxAttachments {
			return &casefile.Error{Line: t.Line, Key: "Attachments", Problem: "are too many"}
		}
		for _, a := range h.Attachments {
			kind, _, _ := strings.Cut(strings.ToLower(string(a.ContentType)), ";")
			if a.Content == nil || *a.Content == "" || strings.HasPrefix(kind, "multipart/") {
				continue // a wrapper around the parts that follow
			}
			x.Attachments = append(x.Attachments, Attachment{string(a.Filename), strings.TrimSpace(kind), decode(*a.Content, kind)})
		}
		t.History = append(t.History, x)
	}
	return nil
}

// decode undoes base64 where there is some.
func decode(s, kind string) []byte {
	b, err := base64.StdEncoding.DecodeString(strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return -1
		}
		return r
	}, s))
	if err != nil || strings.HasPrefix(kind, "text/") && !isText(b) {
		return []byte(s)
	}
	return b
}

// isText tells whether bytes are text: UTF-8 without controls.
func isText(b []byte) bool {
	return utf8.Valid(b) && !strings.ContainsFunc(string(b), func(r rune) bool {
		return unicode.IsControl(r) && r != '\n' && r != '\r' && r != '\t' && r != '\f'
	})
}

func digits(s string) bool { return strings.Trim(s, "0123456789") == "" }

// kindOf is the kind of a queue's tickets. A queue of a constituency has the
// constituency's name behind: "Incidents - EDU".
func kindOf(name, lifecycle string) Kind {
	base, _, _ := strings.Cut(strings.ToLower(name), " - ")
	for _, word := range []string{strings.ReplaceAll(strings.ToLower(lifecycle), "_", " "), base} {
		switch word {
		case "incidents":
			return Incident
		case "incident reports":
			return Report
		case "investigations":
			return Investigation
		case "countermeasures", "blocks":
			return Countermeasure
		}
	}
	return Other
}
