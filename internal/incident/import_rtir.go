package incident

import (
	"cmp"
	"io"
	"slices"
	"strings"

	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/message"
	"almenara.example/rtir"
)

// maxParents bounds in how many incidents a report is told.
const maxParents = 20

// ticketTree is who belongs to whom of the tickets of a file.
type ticketTree struct {
	by       map[string]*rtir.Ticket
	parents  map[string][]string // ids of incidents, by id of what belongs to them
	children map[string][]*rtir.Ticket
	merged   map[string][]string // ids of tickets that were merged, by id of what stands for them
}

// rtir translates tickets: an incident takes in its reports, investigations and
// countermeasures; a ticket that belongs to none is an incident of its own.
func (t *translation) rtir(src io.Reader) error {
	all, err := rtir.Read(src)
	if err != nil {
		return err
	}
	t.result.Cases = len(all)
	tree := treeOf(all)
	for i := range all {
		w := &all[i]
		switch {
		case w.MergedInto != "" || tree.belongs(w):
		case w.Status == "deleted":
			t.many(w.Line, "deleted", "")
		case !over(w.Status):
			t.open(w.Line, t.key(w.ID))
		default:
			t.cases = append(t.cases, *t.rtirCase(tree, w))
		}
	}
	return nil
}

func treeOf(all []rtir.Ticket) *ticketTree {
	tree := &ticketTree{by: map[string]*rtir.Ticket{}, parents: map[string][]string{}, children: map[string][]*rtir.Ticket{}, merged: map[string][]string{}}
	for i := range all {
		tree.by[all[i].ID] = &all[i]
		if into := all[i].MergedInto; into != "" {
			tree.merged[into] = append(tree.merged[into], all[i].ID)
		}
	}
	link := func(child, parent string) {
		p := tree.by[parent]
		if child == parent || p != nil && p.Kind != rtir.Incident || len(tree.parents[child]) == maxParents || slices.Contains(tree.parents[child], parent) {
			return
		}
		tree.parents[child] = append(tree.parents[child], parent)
		if c := tree.by[child]; c != nil && c.Kind != rtir.Incident && c.MergedInto == "" && c.Status != "deleted" {
			tree.children[parent] = append(tree.children[parent], c)
		}
	}
	for i := range all {
		for _, p := range all[i].Parents {
			link(all[i].ID, p)
		}
		for _, c := range all[i].Children {
			link(c, all[i].ID)
		}
	}
	return tree
}

// belongs tells whether a ticket is told within an incident of the file.
func (tree *ticketTree) belongs(w *rtir.Ticket) bool {
	return w.Kind != rtir.Incident && slices.ContainsFunc(tree.parents[w.ID], func(id string) bool { return tree.by[id] != nil })
}

// over tells whether a status is a last one of RTIR's life cycles.
func over(status string) bool {
	return slices.Contains([]string{"resolved", "rejected", "abandoned", "removed"}, status)
}

func (t *translation) rtirCase(tree *ticketTree, w *rtir.Ticket) *foreignCase {
	closed := w.Resolved
	if closed.IsZero() {
		closed = w.LastUpdated
	}
	f := t.begin(w.Line, w.ID, w.Subject, 0, w.Created, closed)
	if w.Status == "abandoned" || w.Status == "rejected" {
		f.head.State = Abandoned
	}
	f.head.Class = class(field(w, "Classification"))
	f.head.Resolution = oneLine(cmp.Or(field(w, "Resolution"), w.Status), MaxReason)
	if w.Kind != rtir.Incident && w.Kind != rtir.Other {
		for _, p := range tree.parents[w.ID] {
			f.into = append(f.into, t.key(p))
		}
		t.note(w.Line, "alone", fault.Args{"Number": f.key, "Queue": fault.Clip(w.Queue)})
	}
	t.ticket(f, w, w.Kind == rtir.Incident)
	for _, c := range tree.children[w.ID] {
		f.parts = append(f.parts, t.key(c.ID))
		t.ticket(f, c, false)
	}
	for _, id := range tree.merged[w.ID] {
		f.parts = append(f.parts, t.key(id))
	}
	return f
}

func field(w *rtir.Ticket, name string) string {
	for _, f := range w.Fields {
		if strings.EqualFold(f.Name, name) {
			return strings.Join(f.Values, ", ")
		}
	}
	return ""
}

// ticket adds what a ticket says. What is not the incident itself says first which
// ticket it was.
func (t *translation) ticket(f *foreignCase, w *rtir.Ticket, itself bool) {
	first, title := "", w.Subject
	if !itself {
		first = "RTIR #" + w.ID
		title = first + " (" + w.Queue + "): " + w.Subject
	}
	fields := []string{named("requestors", strings.Join(w.Requestors, ", ")), named("owner", w.Owner)}
	var seen []sighting
	for _, one := range w.Fields {
		if one.Name == "IP" || one.Name == "Domain" {
			for _, v := range one.Values {
				seen = append(seen, sighting{one.Name, v, ""})
			}
			continue
		}
		fields = append(fields, named(one.Name, strings.Join(one.Values, ", ")))
	}
	head := foreignEntry{NewEntry: NewEntry{By: w.Owner, At: w.Created, Text: paragraphs(title, lines(fields))}, doneAt: w.Resolved}
	switch w.Kind {
	case rtir.Countermeasure:
		t.measure(f, head, w.Status)
	case rtir.Investigation:
		t.task(f, head, w.Status)
	default:
		t.say(f, head)
	}
	if len(seen) > 0 {
		t.sightings(f, foreignEntry{NewEntry: NewEntry{At: w.Created}}, seen)
	}
	for i := range w.History {
		t.transaction(f, first, &w.History[i])
	}
}

// measure adds a countermeasure as it stood, in RTIR's own states.
func (t *translation) measure(f *foreignCase, e foreignEntry, status string) {
	e.Kind, e.Task = Measure, &NewTask{}
	switch status {
	case "active":
		e.state = Active
	case "pending removal":
		e.state = PendingRemoval
	case "removed", "resolved":
		e.state = Removed
	default:
		e.state = PendingActivation
	}
	t.say(f, e)
}

// transaction adds what was said, and changes of the status; RT's other records are of
// its own bookkeeping.
func (t *translation) transaction(f *foreignCase, first string, x *rtir.Transaction) {
	e := foreignEntry{NewEntry: NewEntry{By: x.Creator, At: x.Created}}
	switch x.Type {
	case "Create", "Correspond", "Comment":
		text, files := said(x.Attachments)
		if text == "" && len(files) == 0 {
			return
		}
		e.Text, e.Files = paragraphs(first, text), files
	case "Status":
		e.Kind, e.Text = Status, paragraphs(first, x.Old+" → "+x.New)
	default:
		return
	}
	t.say(f, e)
}

// said is the text of a transaction, and its files. Of a mail that is there as text and
// as HTML, the text is shown and the HTML kept as a file.
func said(all []rtir.Attachment) (text string, files []NewFile) {
	var plain, html []string
	for _, a := range all {
		switch {
		case a.Name == "" && a.Type == "text/plain":
			plain = append(plain, string(a.Body))
		case a.Name == "" && a.Type == "text/html":
			html = append(html, message.FromHTML(a.Body))
			files = append(files, NewFile{Name: "message.html", Body: a.Body})
		default:
			files = append(files, NewFile{Name: a.Name, Body: a.Body})
		}
	}
	if text = paragraphs(plain...); text == "" {
		text = paragraphs(html...)
	}
	return text, files
}
