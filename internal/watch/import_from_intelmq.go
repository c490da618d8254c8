package watch

import (
	"cmp"
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"time"

	"almenara.example/intelmq"
	"almenara.example/internal/act"
	"almenara.example/internal/foundation/fault"
)

// EventsMapping is the name of the mapping for events in the IntelMQ Data Format, JSON
// lines, which ImportSources loads when a feed needs it.
const EventsMapping = "intelmq-events"

// eventsMapping is its text. What is in it is for a country to change under a new
// version.
const eventsMapping = `kind = "intelmq_events"
version = "1"
format = "idf"
closes_by = "expiry"
expiry_days = 30
`

// ImportedSource is a feed of another system and what becomes of it.
type ImportedSource struct {
	Line              int
	Collector, Parser string // the bots
	Name              string // of our source
	Mapping           string
	Rhythm            time.Duration
	Here              bool // it is here already, and stays as it is
}

// SourcesNote says what of another system's configuration is not carried over, or
// what is still to do.
type SourcesNote struct {
	Line int
	Key  string // catalogue key, "watch.from.…"
	Args fault.Args
}

// SourcesImport says what an import of sources did, or would do.
type SourcesImport struct {
	Applied bool
	Added   int
	Sources []ImportedSource
	Notes   []SourcesNote
}

// ImportSources makes sources of the feeds in an IntelMQ configuration (runtime.yaml):
// a collector whose messages reach a parser that reads what we read. They begin in
// shadow. A source that is here already stays as it is, so a second import changes
// nothing. Without apply it only says what would happen.
func (w *Watch) ImportSources(ctx context.Context, actor act.Actor, file io.Reader, apply bool) (out SourcesImport, err error) {
	if err := w.acts.Decide(ctx, act.Call{Actor: actor, Verb: "watch.add_source"}); err != nil {
		return out, err
	}
	c, err := intelmq.Read(file)
	var broken *intelmq.Error
	if errors.As(err, &broken) {
		return out, fault.Wrap(fault.Invalid, "watch.from.broken", fault.Args{"Why": fault.Clip(err.Error())}, err)
	}
	if err != nil {
		return out, err
	}
	have, err := w.Sources(ctx, w.read)
	if err != nil {
		return out, err
	}
	p := sourcesPlan{have: map[string]Source{}, taken: map[string]string{}}
	for _, s := range have {
		p.have[s.Name] = s
	}
	p.read(c)
	if apply {
		err = w.applySources(ctx, actor, &p.out)
	}
	return p.out, err
}

func (w *Watch) applySources(ctx context.Context, actor act.Actor, out *SourcesImport) error {
	for _, s := range out.Sources {
		if s.Here {
			continue
		}
		if s.Mapping == EventsMapping {
			if _, ok, err := w.activeMapping(ctx, w.read, EventsMapping); err != nil {
				return err
			} else if !ok {
				if _, err := w.LoadMapping(ctx, actor, EventsMapping, strings.NewReader(eventsMapping)); err != nil {
					return err
				}
			}
		}
		if _, err := w.AddSource(ctx, actor, s.Name, SourceSettings{Mode: Shadow, Mapping: s.Mapping, Rhythm: s.Rhythm}); err != nil {
			return err
		}
		out.Added++
	}
	out.Applied = true
	return nil
}

// sourcesPlan gathers what becomes of a configuration.
type sourcesPlan struct {
	have  map[string]Source
	taken map[string]string // names that the file uses, by collector
	out   SourcesImport
}

func (p *sourcesPlan) note(line int, key string, args fault.Args) {
	p.out.Notes = append(p.out.Notes, SourcesNote{line, "watch.from." + key, args})
}

func (p *sourcesPlan) read(c *intelmq.Config) {
	for _, f := range c.Feeds() {
		p.feed(f)
	}
	var experts, outputs []string
	line := 0
	for i := range c.Bots {
		switch b := &c.Bots[i]; b.Group {
		case intelmq.Expert:
			experts = append(experts, b.ID)
		case intelmq.Output:
			outputs = append(outputs, b.ID)
		case intelmq.Collector, intelmq.Parser:
		default:
			p.note(b.Line, "bot", fault.Args{"Bot": fault.Clip(b.ID)})
		}
		line = c.Bots[i].Line
	}
	for _, o := range []struct {
		key  string
		bots []string
	}{{"experts", experts}, {"outputs", outputs}} {
		if len(o.bots) > 0 {
			p.note(line, o.key, fault.Args{"Count": len(o.bots), "Bots": fault.Clip(strings.Join(o.bots, ", "))})
		}
	}
}

// mappingOf is our mapping for what a parser reads; empty when there is none.
func mappingOf(module string) string {
	switch {
	case strings.Contains(module, ".parsers.shadowserver."):
		return SchemaShadowserver
	case strings.HasSuffix(module, ".parsers.json.parser"):
		return EventsMapping
	}
	return ""
}

func (p *sourcesPlan) feed(f intelmq.Feed) {
	args := fault.Args{"Bot": fault.Clip(f.Collector.ID), "Feed": fault.Clip(f.Name)}
	if f.Parser == nil {
		p.note(f.Collector.Line, "no_parser", args)
		return
	}
	args["Parser"], args["Module"] = fault.Clip(f.Parser.ID), fault.Clip(f.Parser.Module)
	if !f.Enabled {
		p.note(f.Collector.Line, "disabled", args)
		return
	}
	s := ImportedSource{Line: f.Collector.Line, Collector: f.Collector.ID, Parser: f.Parser.ID, Mapping: mappingOf(f.Parser.Module)}
	if s.Mapping == "" {
		p.note(f.Parser.Line, "parser", args)
		return
	}
	s.Name = p.name(f)
	// How often a collector looks says when to expect something only when it looks
	// once an hour or less.
	if every := time.Duration(f.Every) * time.Second; every >= time.Hour && every <= 366*24*time.Hour {
		s.Rhythm = every
	}
	if slices.ContainsFunc(p.out.Sources, func(o ImportedSource) bool { return o.Name == s.Name }) {
		return // the same collector by another parser of the same sort
	}
	have, here := p.have[s.Name]
	if s.Here = here; here && have.Mapping != s.Mapping {
		p.note(s.Line, "differs", fault.Args{"Name": s.Name, "Mapping": have.Mapping, "Other": s.Mapping})
	}
	p.out.Sources = append(p.out.Sources, s)
	if !here {
		p.note(s.Line, "deliver", fault.Args{"Name": s.Name, "Bot": fault.Clip(f.Collector.ID), "From": fault.Clip(cmp.Or(f.URL, f.Collector.Module))})
	}
}

// name is a source's name for a feed: provider and name, or the collector's when two
// collectors would have the same.
func (p *sourcesPlan) name(f intelmq.Feed) string {
	mapping := mappingOf(f.Parser.Module)
	for _, text := range []string{f.Provider + " " + f.Name, f.Collector.ID, f.Collector.ID + " " + f.Parser.ID} {
		name := slug(text)
		owner := f.Collector.ID + " " + mapping
		if name != "" && cmp.Or(p.taken[name], owner) == owner {
			p.taken[name] = owner
			return name
		}
	}
	return slug(f.Collector.ID + " " + f.Parser.ID)
}

// slug makes a source's name of a text: small letters, digits and -.
func slug(s string) string {
	s = strings.Join(strings.FieldsFunc(strings.ToLower(s), func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9')
	}), "-")
	return strings.Trim(s[:min(len(s), 63)], "-")
}
