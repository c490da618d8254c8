package incident

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"almenara.example/casefile"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/message"
	"almenara.example/rtir"
)

// maxParents bounds in how many incidents a report is told.
const maxParents = 20

// ticketHead is what the tree needs of a ticket; n is where it is in the file.
type ticketHead struct {
	n                int
	line             int
	id, into, status string // into: merged into
	kind             rtir.Kind
}

// ticketTree is who belongs to whom of the tickets of a file.
type ticketTree struct {
	file     *rtir.File
	heads    []ticketHead
	by       map[string]*ticketHead
	parents  map[string][]string // ids of incidents, by id of what belongs to them
	children map[string][]*ticketHead
	merged   map[string][]string // ids of tickets that were merged, by id of what stands for them
}

// rtir translates tickets: an incident takes in its reports, investigations and
// countermeasures; a ticket that belongs to none is an incident of its own.
func (t *translation) rtir(src io.ReaderAt) error {
	file, err := rtir.Open(src)
	if err != nil {
		return err
	}
	t.result.Cases = file.Len()
	tree, err := treeOf(file)
	if err != nil {
		return err
	}
	for i := range tree.heads {
		w := &tree.heads[i]
		switch {
		case w.into != "" || tree.belongs(w):
		case w.status == "deleted":
			t.many(w.line, "deleted", "")
		case !over(w.status):
			t.open(w.line, t.key(w.id))
		default:
			f, err := t.rtirCase(tree, w)
			if err == nil {
				err = t.each(f)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

func treeOf(file *rtir.File) (*ticketTree, error) {
	tree := &ticketTree{
		file: file, heads: make([]ticketHead, file.Len()), by: map[string]*ticketHead{},
		parents: map[string][]string{}, children: map[string][]*ticketHead{}, merged: map[string][]string{},
	}
	links := make([][2][]string, file.Len()) // parents and children
	for i := range tree.heads {
		w, err := file.Ticket(i)
		if err != nil {
			return nil, err
		}
		tree.heads[i] = ticketHead{i, w.Line, w.ID, w.MergedInto, w.Status, w.Kind}
		links[i] = [2][]string{w.Parents, w.Children}
		tree.by[w.ID] = &tree.heads[i]
		if w.MergedInto != "" {
			tree.merged[w.MergedInto] = append(tree.merged[w.MergedInto], w.ID)
		}
	}
	for i, of := range links {
		for _, p := range of[0] {
			tree.link(tree.heads[i].id, p)
		}
		for _, c := range of[1] {
			tree.link(c, tree.heads[i].id)
		}
	}
	return tree, nil
}

func (tree *ticketTree) link(child, parent string) {
	p := tree.by[parent]
	if child == parent || p != nil && p.kind != rtir.Incident || len(tree.parents[child]) == maxParents || slices.Contains(tree.parents[child], parent) {
		return
	}
	tree.parents[child] = append(tree.parents[child], parent)
	if c := tree.by[child]; c != nil && c.kind != rtir.Incident && c.into == "" && c.status != "deleted" {
		tree.children[parent] = append(tree.children[parent], c)
	}
}

// tickets reads a ticket and those that are told within it, together no larger than one
// record may be.
func (tree *ticketTree) tickets(w *ticketHead) (out []rtir.Ticket, err error) {
	size := int64(0)
	for _, one := range append([]*ticketHead{w}, tree.children[w.id]...) {
		if size += tree.file.Size(one.n); size > casefile.MaxRecord {
			problem := fmt.Sprintf("is larger than %d MiB with the tickets that belong to it", casefile.MaxRecord>>20)
			return nil, &casefile.Error{Line: w.line, Problem: problem, Hint: "leave its largest attachments out"}
		}
		t, err := tree.file.Ticket(one.n)
		if err != nil {
			return nil, err
		}
		out = append(out, t)
	}
	return out, nil
}

// belongs tells whether a ticket is told within an incident of the file.
func (tree *ticketTree) belongs(w *ticketHead) bool {
	return w.kind != rtir.Incident && slices.ContainsFunc(tree.parents[w.id], func(id string) bool { return tree.by[id] != nil })
}

// over tells whether a status is a last one of RTIR's life cycles.
func over(status string) bool {
	return slices.Contains([]string{"resolved", "rejected", "abandoned", "removed"}, status)
}

func (t *translation) rtirCase(tree *ticketTree, of *ticketHead) (*foreignCase, error) {
	all, err := tree.tickets(of)
	if err != nil {
		return nil, err
	}
	w := &all[0]
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
	for i := range all[1:] {
		f.parts = append(f.parts, t.key(all[i+1].ID))
		t.ticket(f, &all[i+1], false)
	}
	for _, id := range tree.merged[w.ID] {
		f.parts = append(f.parts, t.key(id))
	}
	return f, nil
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
