// Package iris reads cases that DFIR-IRIS exports as JSON (Manage cases → Export).
//
// Words: a case has evidences (files that are named with their hash, not held), a
// timeline of events, iocs (indicators), assets, tasks and notes.
//
// The export has no number of the case: it stands in the case's name, "#12 - Scans from a
// water works", as IRIS writes it. Where a file has "case_id", that counts.
//
// Promises: the file is bounded; what is wrong is a *[casefile.Error] with its line.
// Times are UTC, as IRIS writes them.
//
// Not here: the files themselves (IRIS does not export them), customers, users, alerts.
//
// Source: iris-web, datamgmt/reporter/report_db.py (export_case_json).
package iris

import (
	"io"
	"regexp"
	"strings"
	"time"

	"almenara.example/casefile"
)

// MaxParts bounds the events, iocs and so on of one case, each.
const MaxParts = 50_000

// Case is one case.
type Case struct {
	Line        int
	ID          string // its number
	Name        string // without the number
	Description string
	SOC         string // number in another system
	Customer    string
	OpenedBy    string
	Status      string // such as "False Positive"; the plain export has none
	Severity    string // likewise
	Opened      time.Time
	Closed      time.Time // zero: it is open
	Events      []Event
	IOCs        []IOC
	Assets      []Asset
	Tasks       []Task
	Notes       []Note
	Evidences   []Evidence
}

// Event is something that happened, in the timeline.
type Event struct {
	Title, Content, Source, Raw, Category, By string
	At                                        time.Time
	Assets                                    []string
}

// IOC is an indicator. Type is IRIS' own: ip-dst, domain, sha256, "filename|md5", …
type IOC struct{ Value, Type, Description, Tags, TLP string }

// Asset is a machine, account or the like that the case is about.
type Asset struct {
	Name, Type, Description, IP, Domain, Info, Compromised string
}

// Task is something to be done.
type Task struct {
	Title, Description, Status, AssignedTo string
	Opened, Closed                         time.Time
}

// Note is a text.
type Note struct {
	Title, Content string
	At             time.Time
}

// Evidence is a file that is held elsewhere.
type Evidence struct {
	Name, Hash, By string
	At             time.Time
}

type (
	text = casefile.Text
	when = casefile.Time
)

// file is the export of one case.
type file struct {
	Case *struct {
		ID          text `json:"case_id"`
		Name        text `json:"name"`
		Description text `json:"description"`
		SOC         text `json:"soc_id"`
		Customer    text `json:"for_customer"`
		OpenedBy    text `json:"opened_by"`
		Status      text `json:"status_name"`
		Severity    text `json:"severity"`
		Opened      when `json:"open_date"`
		Closed      when `json:"close_date"`
	} `json:"case"`
	Timeline []struct {
		Title    text   `json:"event_title"`
		Content  text   `json:"event_content"`
		Source   text   `json:"event_source"`
		Raw      text   `json:"event_raw"`
		Category text   `json:"category"`
		By       text   `json:"last_edited_by"`
		At       when   `json:"event_date"`
		Assets   []text `json:"assets"`
	} `json:"timeline"`
	IOCs []struct {
		Value       text `json:"ioc_value"`
		Type        text `json:"type_name"`
		Description text `json:"ioc_description"`
		Tags        text `json:"ioc_tags"`
		TLP         text `json:"tlp_name"`
	} `json:"iocs"`
	Assets []struct {
		Name        text `json:"asset_name"`
		Type        text `json:"type"`
		Description text `json:"asset_description"`
		IP          text `json:"asset_ip"`
		Domain      text `json:"asset_domain"`
		Info        text `json:"asset_info"`
		Compromised text `json:"compromised"`
	} `json:"assets"`
	Tasks []struct {
		Title       text `json:"task_title"`
		Description text `json:"task_description"`
		Status      text `json:"task_status"`
		AssignedTo  text `json:"assigned_to"`
		Opened      when `json:"task_open_date"`
		Closed      when `json:"task_close_date"`
	} `json:"tasks"`
	Notes []struct {
		Title   text `json:"note_title"`
		Content text `json:"note_content"`
		At      when `json:"note_creationdate"`
	} `json:"notes"`
	Evidences []struct {
		Name text `json:"filename"`
		Hash text `json:"file_hash"`
		By   text `json:"added_by"`
		At   when `json:"date_added"`
	} `json:"evidences"`
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
		return Case{}, err
	}
	return one.read(f.records[n].Line)
}

var numbered = regexp.MustCompile(`^#(\d{1,18})\s*-\s*(.*)$`)

func (f *file) read(line int) (Case, error) {
	if f.Case == nil || f.Case.Name == "" {
		return Case{}, &casefile.Error{Line: line, Key: "case", Problem: "is missing or has no name", Hint: "the file of Manage cases → Export"}
	}
	for key, n := range map[string]int{"timeline": len(f.Timeline), "iocs": len(f.IOCs), "assets": len(f.Assets), "tasks": len(f.Tasks), "notes": len(f.Notes), "evidences": len(f.Evidences)} {
		if n > MaxParts {
			return Case{}, &casefile.Error{Line: line, Key: key, Problem: "are too many"}
		}
	}
	w := f.Case
	c := Case{
		Line: line, ID: string(w.ID), Name: string(w.Name), Description: string(w.Description), SOC: string(w.SOC), Customer: string(w.Customer),
		OpenedBy: string(w.OpenedBy), Status: string(w.Status), Severity: strings.ToLower(string(w.Severity)), Opened: w.Opened.Time, Closed: w.Closed.Time,
	}
	if m := numbered.FindStringSubmatch(c.Name); m != nil {
		c.Name = m[2]
		if c.ID == "" {
			c.ID = m[1]
		}
	}
	if c.ID == "" {
		return c, &casefile.Error{Line: line, Key: "case.name", Problem: "has no number, by which the case could be known again", Hint: `"name": "#12 - …", or "case_id": 12`}
	}
	f.parts(&c)
	return c, nil
}

func (f *file) parts(c *Case) {
	for _, e := range f.Timeline {
		out := Event{string(e.Title), string(e.Content), string(e.Source), string(e.Raw), string(e.Category), string(e.By), e.At.Time, nil}
		for _, a := range e.Assets {
			out.Assets = append(out.Assets, string(a))
		}
		c.Events = append(c.Events, out)
	}
	for _, i := range f.IOCs {
		c.IOCs = append(c.IOCs, IOC{string(i.Value), strings.ToLower(string(i.Type)), string(i.Description), string(i.Tags), string(i.TLP)})
	}
	for _, a := range f.Assets {
		c.Assets = append(c.Assets, Asset{string(a.Name), string(a.Type), string(a.Description), string(a.IP), string(a.Domain), string(a.Info), string(a.Compromised)})
	}
	for _, t := range f.Tasks {
		c.Tasks = append(c.Tasks, Task{string(t.Title), string(t.Description), string(t.Status), string(t.AssignedTo), t.Opened.Time, t.Closed.Time})
	}
	for _, n := range f.Notes {
		c.Notes = append(c.Notes, Note{string(n.Title), string(n.Content), n.At.Time})
	}
	for _, e := range f.Evidences {
		c.Evidences = append(c.Evidences, Evidence{string(e.Name), string(e.Hash), string(e.By), e.At.Time})
	}
}
