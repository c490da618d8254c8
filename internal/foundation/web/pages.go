package web

import (
	"bytes"
	"errors"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"net/http"
	"path"
	"sort"
	"strings"
	"sync"
	"text/template/parse"

	"almenara.example/internal/foundation/i18n"
	files "almenara.example/web"
)

// pages holds the parsed templates, and for each language and zone a copy whose
// functions speak it. The copies are escaped once and then shared.
type pages struct {
	site *Site
	mu   sync.Mutex
	root *template.Template // never executed
	sets map[string]*template.Template
}

// maxSets bounds the copies: people choose zones, and each copy takes memory.
const maxSets = 64

func newPages(s *Site) (*pages, error) {
	p := &pages{site: s, sets: map[string]*template.Template{}}
	p.root = template.New("root").Funcs(p.functions(s.config.Catalogue.Printer(i18n.Fallback))).Option("missingkey=error")
	entries, err := fs.Glob(files.Layout, "layout/*.html")
	if err != nil {
		return nil, fmt.Errorf("list layout: %w", err)
	}
	for _, name := range entries {
		if err := p.parse("frame", name, files.Layout); err != nil {
			return nil, err
		}
	}
	return p, nil
}

func (p *pages) parse(room, name string, fsys fs.FS) error {
	body, err := fs.ReadFile(fsys, name)
	if err != nil {
		return fmt.Errorf("read template %s: %w", name, err)
	}
	called := room + "/" + strings.TrimSuffix(path.Base(name), ".html")
	if _, err := p.root.New(called).Parse(withToken(string(body))); err != nil {
		return fmt.Errorf("parse template: %w", err)
	}
	return nil
}

func (p *pages) add(room string, fsys fs.FS) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || path.Ext(name) != ".html" {
			return err
		}
		return p.parse(room, name, fsys)
	})
}

// set is the copy of all templates that speaks the printer's language and zone. Forms
// for nobody have no token.
func (p *pages) set(printer *i18n.Printer, nobody bool) (*template.Template, error) {
	key := fmt.Sprint(printer.Language().Tag, " ", printer.Zone(), " ", nobody)
	p.mu.Lock()
	defer p.mu.Unlock()
	if t := p.sets[key]; t != nil {
		return t, nil
	}
	t, err := p.root.Clone()
	if err != nil {
		return nil, fmt.Errorf("copy templates: %w", err)
	}
	t.Funcs(p.functions(printer))
	if nobody {
		t.Funcs(template.FuncMap{"once": func() string { return "" }})
	}
	if len(p.sets) >= maxSets {
		clear(p.sets)
	}
	p.sets[key] = t
	return t, nil
}

// check finds, before the first page is served, every key that a template asks the
// catalogue for and that English lacks, and every template that is called and does
// not exist. Escaping errors show too: each template is escaped once.
func (p *pages) check() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	var faults []error
	for _, t := range p.root.Templates() {
		if t.Tree == nil {
			continue
		}
		walk(t.Tree.Root, func(n parse.Node) {
			switch n := n.(type) {
			case *parse.CommandNode:
				if key := constantKey(n); key != "" && !p.site.config.Catalogue.HasKey(key) {
					faults = append(faults, fmt.Errorf("template %s: the catalogue has no key %q", t.Name(), key))
				}
			case *parse.TemplateNode:
				if p.root.Lookup(n.Name) == nil {
					faults = append(faults, fmt.Errorf("template %s: calls template %q, which does not exist", t.Name(), n.Name))
				}
			}
		})
	}
	faults = append(faults, p.escape()...)
	sort.Slice(faults, func(i, j int) bool { return faults[i].Error() < faults[j].Error() })
	return errors.Join(faults...)
}

// escape runs html/template's escaper, which works at the first execution, on a copy
// of every page; running the page on nothing fails later and does not matter here.
func (p *pages) escape() []error {
	trial, err := p.root.Clone()
	if err != nil {
		return []error{fmt.Errorf("copy templates: %w", err)}
	}
	var faults []error
	for _, t := range p.root.Templates() {
		if !strings.Contains(t.Name(), "/") {
			continue
		}
		var wrong *template.Error
		if err := trial.ExecuteTemplate(io.Discard, t.Name(), nil); errors.As(err, &wrong) {
			faults = append(faults, fmt.Errorf("template %s: %w", t.Name(), wrong))
		}
	}
	return faults
}

// constantKey is the key in a call {{T "key" …}}; empty where it is computed.
func constantKey(n *parse.CommandNode) string {
	if len(n.Args) < 2 {
		return ""
	}
	name, isName := n.Args[0].(*parse.IdentifierNode)
	key, isString := n.Args[1].(*parse.StringNode)
	if !isName || !isString || name.Ident != "T" {
		return ""
	}
	return key.Text
}

// walk visits every node below n.
func walk(n parse.Node, visit func(parse.Node)) {
	visit(n)
	switch n := n.(type) {
	case *parse.ListNode:
		if n != nil {
			for _, child := range n.Nodes {
				walk(child, visit)
			}
		}
	case *parse.ActionNode:
		walk(n.Pipe, visit)
	case *parse.TemplateNode:
		walk(n.Pipe, visit)
	case *parse.PipeNode:
		if n != nil {
			for _, c := range n.Cmds {
				walk(c, visit)
			}
		}
	case *parse.CommandNode:
		for _, a := range n.Args {
			walk(a, visit)
		}
	case *parse.IfNode:
		walkBranch(&n.BranchNode, visit)
	case *parse.RangeNode:
		walkBranch(&n.BranchNode, visit)
	case *parse.WithNode:
		walkBranch(&n.BranchNode, visit)
	}
}

func walkBranch(n *parse.BranchNode, visit func(parse.Node)) {
	walk(n.Pipe, visit)
	walk(n.List, visit)
	if n.ElseList != nil {
		walk(n.ElseList, visit)
	}
}

// Page answers with the template "<room>/<name>" inside the frame. The template's dot
// is a [View]; what the handler gave is .Data. Nothing is sent when the template
// fails: the error is the caller's to return.
func (s *Site) Page(w http.ResponseWriter, r *http.Request, status int, name string, page Page) error {
	rq := requestOf(r.Context())
	if rq == nil {
		return errors.New("show page: the request did not come through the site")
	}
	set, err := s.pages.set(rq.printer, rq.viewer.Nobody())
	if err != nil {
		return err
	}
	view := s.view(w, r, rq, page)
	var body, whole bytes.Buffer
	if err := set.ExecuteTemplate(&body, name, view); err != nil {
		return fmt.Errorf("show page %s: %w", name, err)
	}
	view.Kept = lost(r, status, body.String())
	view.Body = template.HTML(body.String()) //nolint:gosec // html/template made it, escaped
	if err := set.ExecuteTemplate(&whole, "frame/frame", view); err != nil {
		return fmt.Errorf("show page %s in the frame: %w", name, err)
	}
	if s.config.Strict && bytes.ContainsRune(whole.Bytes(), '⟦') {
		return fmt.Errorf("show page %s: a word is missing: %s", name, around(whole.String(), '⟦'))
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Add("Vary", "Accept-Language, Cookie")
	w.WriteHeader(status)
	_, _ = w.Write(whole.Bytes()) // the reader may be gone
	return nil
}

// around is the missing key with a little of what stands beside it.
func around(text string, mark rune) string {
	at := strings.IndexRune(text, mark)
	end := min(len(text), at+80)
	return strings.ToValidUTF8(text[at:end], "")
}
