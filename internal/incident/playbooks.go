package incident

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"almenara.example/cacao"
	"almenara.example/internal/act"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/guard"
	"almenara.example/tlp"
)

// Playbook is a checklist that can be started on an incident.
type Playbook struct {
	Slug  string
	Own   bool // ours; else a file of the installation
	Book  *cacao.Playbook
	Wrong []string // what is wrong with a file; it is shown, not started
}

// Playbooks lists our own playbooks and those of a folder (nil: none), by name. A file
// that cannot be used says why.
func Playbooks(folder fs.FS) ([]Playbook, error) {
	own, err := cacao.Own()
	if err != nil {
		return nil, fmt.Errorf("own playbooks: %w", err)
	}
	var out []Playbook
	for i := range own {
		out = append(out, Playbook{Slug: own[i].Slug(), Own: true, Book: &own[i]})
	}
	if folder == nil {
		return out, nil
	}
	names, err := fs.Glob(folder, "*.json")
	if err != nil {
		return nil, fmt.Errorf("list playbooks: %w", err)
	}
	for _, name := range names[:min(len(names), 200)] {
		out = append(out, readPlaybook(folder, name))
	}
	return out, nil
}

func readPlaybook(folder fs.FS, name string) Playbook {
	p := Playbook{Slug: strings.TrimSuffix(path.Base(name), ".json"), Book: &cacao.Playbook{Name: name}}
	f, err := folder.Open(name)
	if err != nil {
		p.Wrong = []string{err.Error()}
		return p
	}
	book, err := cacao.Read(f)
	if err = errors.Join(err, f.Close()); err != nil {
		p.Wrong = []string{err.Error()}
		return p
	}
	p.Book = book
	for _, problem := range cacao.Check(book) {
		p.Wrong = append(p.Wrong, problem.String())
	}
	return p
}

// Start is how a playbook is started on an incident.
type Start struct {
	Language string
	Marking  tlp.Marking
	Roles    map[string]int64 // role of the playbook → organisation that does its steps
}

// StartPlaybook makes the steps of a playbook tasks of an incident, in its order: each
// waits for the one before it on the same line. A step is seen by the desk and by the
// organisation that does it.
func (in *Incidents) StartPlaybook(ctx context.Context, actor act.Actor, incident int64, p Playbook, s Start) (n int, err error) {
	if len(p.Wrong) > 0 {
		return 0, fault.New(fault.Conflict, "incident.playbook.wrong", nil)
	}
	book := p.Book
	if b := book.In(s.Language); b != nil {
		book = b
	}
	items := cacao.Checklist(book)
	if len(items) == 0 || len(items) > cacao.MaxSteps {
		return 0, fault.New(fault.Conflict, "incident.playbook.empty", nil)
	}
	if err := checkMarking("marking", s.Marking); err != nil {
		return 0, err
	}
	err = in.change(ctx, act.Call{Actor: actor, Verb: "incident.start_playbook"}, incident, "", func(ctx context.Context, tx *act.Tx, i *Incident) error {
		all, err := in.Tasks(ctx, tx, ViewerOf(actor), incident)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(all, func(t Task) bool { return strings.HasPrefix(t.Playbook, p.Slug+"/") }) {
			return fault.New(fault.Conflict, "incident.playbook.started", nil)
		}
		before := map[int]int64{} // depth → the task that comes before there
		for place, item := range items {
			if err := in.addStepTask(ctx, tx, actor, i, p.Slug, place, item, s, before); err != nil {
				return err
			}
			n++
		}
		tx.Detail(playbookDetail{p.Slug, book.ID, n})
		orgs := []int64{guard.OwnOrg}
		for _, org := range s.Roles {
			orgs = append(orgs, org)
		}
		slices.Sort(orgs)
		tx.Fact(Changed{Incident: incident, What: "playbook", Orgs: slices.Compact(orgs)})
		return nil
	})
	return n, err
}

type playbookDetail struct {
	Slug  string `json:"slug"`
	ID    string `json:"id"`
	Steps int    `json:"steps"`
}

// addStepTask writes one step without telling of it by itself.
func (in *Incidents) addStepTask(ctx context.Context, tx *act.Tx, actor act.Actor, i *Incident, slug string, place int, item cacao.Item, s Start, before map[int]int64) (err error) {
	org := s.Roles[item.Role]
	if org == 0 {
		org = guard.OwnOrg
	}
	e := Entry{
		Incident: i.ID, Kind: TaskEntry, Owner: guard.OwnOrg, Author: actor.ID, Marking: s.Marking, At: tx.Now(), RecordedAt: tx.Now(), Text: stepText(item),
		Source: FromMachine, Exercise: i.Exercise, Version: 1, Order: tx.Order(),
	}
	if e.Audience, err = in.audience(ctx, tx, actor, i, &e, guard.Circle{Orgs: []int64{org}}); err != nil {
		return err
	}
	if e.ID, err = tx.Next(ctx, "incident.entry"); err != nil {
		return err
	}
	if err := in.insertEntry(ctx, tx, e); err != nil {
		return err
	}
	t := NewTask{Org: org, Playbook: playbookStep(slug, item.Number), Place: place + 1, Due: deadline(item, tx.Now())}
	if d := before[item.Depth]; d != 0 && item.Depth == 0 { // branches are a person's choice
		t.Depends = []int64{d}
	}
	before[item.Depth] = e.ID
	return in.addTask(ctx, tx, &e, t)
}

// stepText is what a step says on a checklist.
func stepText(item cacao.Item) string {
	var b strings.Builder
	b.WriteString(item.Number + "  " + item.Name)
	for _, line := range []string{item.Condition, item.Description} {
		if line != "" {
			b.WriteString("\n" + line)
		}
	}
	for _, o := range item.Orders {
		b.WriteString("\n- " + o.String())
	}
	return clean(b.String())
}

// deadline is when a step is due that begins at a time, zero without one.
func deadline(item cacao.Item, from time.Time) time.Time {
	if item.Within <= 0 {
		return time.Time{}
	}
	return from.Add(item.Within)
}
