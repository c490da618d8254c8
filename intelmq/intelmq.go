// Package intelmq reads the configuration of an IntelMQ installation (runtime.yaml of
// release 3, or the older runtime.conf, whose JSON is YAML too): which bots there are
// and how messages flow from collectors to parsers.
//
// Words: a [Bot] is one entry of the file, with its line; a [Feed] is a collector and
// one parser that its messages reach, with the name and provider that the events of
// the feed carry.
//
// Promises: the file is bounded in size, depth and aliases; what is not of the shape
// that IntelMQ reads is an *[Error] with line and bot. Secrets in parameters
// (passwords, keys, tokens) stay in [Bot.Parameters]; [Feed.URL] has none: user,
// query and fragment are cut off.
//
// Not here: what a parser does, sieve files, the older pipeline.conf, running bots.
//
// Source: IntelMQ's administrator documentation, configuration of release 3.
package intelmq

import (
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Limits.
const (
	MaxFile = 8 << 20
	maxBots = 10_000
)

// Group is what sort of bot it is.
type Group string

// The groups.
const (
	Collector Group = "Collector"
	Parser    Group = "Parser"
	Expert    Group = "Expert"
	Output    Group = "Output"
)

// Bot is one bot.
type Bot struct {
	ID          string
	Line        int
	Group       Group // by module where the file does not say
	Module      string
	Name        string // for people
	Description string
	Enabled     bool // true when the file does not say
	RunMode     string
	Parameters  map[string]any
	To          []string // bots whose queues it feeds, in the file's order
}

// Config is a whole configuration.
type Config struct {
	Bots   []Bot // in the file's order
	Global map[string]any
}

// Error says what is wrong with the file, and where.
type Error struct {
	Line    int // from 1; 0 when it is the file as a whole
	Bot     string
	Problem string
	Hint    string
}

// Error is one line for a person.
func (e *Error) Error() string {
	var b strings.Builder
	if e.Line > 0 {
		fmt.Fprintf(&b, "line %d: ", e.Line)
	}
	if e.Bot != "" {
		fmt.Fprintf(&b, "%s: ", e.Bot)
	}
	b.WriteString(e.Problem)
	if e.Hint != "" {
		b.WriteString(" (" + e.Hint + ")")
	}
	return b.String()
}

// Read reads a configuration.
func Read(in io.Reader) (*Config, error) {
	text, err := io.ReadAll(io.LimitReader(in, MaxFile+1))
	if err != nil {
		return nil, fmt.Errorf("read runtime.yaml: %w", err)
	}
	if len(text) > MaxFile {
		return nil, &Error{Problem: fmt.Sprintf("the file is larger than %d bytes", MaxFile)}
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		return nil, broken(err)
	}
	if len(doc.Content) == 0 || doc.Content[0].Kind != yaml.MappingNode {
		return nil, &Error{Line: 1, Problem: "the file is not a list of bots by name", Hint: "runtime.yaml is wanted"}
	}
	c := &Config{}
	root := doc.Content[0]
	seen := map[string]bool{}
	for i := 0; i+1 < len(root.Content); i += 2 {
		key, value := root.Content[i], root.Content[i+1]
		if seen[key.Value] {
			return nil, &Error{Line: key.Line, Bot: key.Value, Problem: "comes twice"}
		}
		seen[key.Value] = true
		if key.Value == "global" {
			if err := value.Decode(&c.Global); err != nil {
				return nil, &Error{Line: value.Line, Bot: "global", Problem: "is not a list of settings"}
			}
			continue
		}
		b, err := botOf(key, value)
		if err != nil {
			return nil, err
		}
		if c.Bots = append(c.Bots, b); len(c.Bots) > maxBots {
			return nil, &Error{Line: key.Line, Problem: fmt.Sprintf("there are more than %d bots", maxBots)}
		}
	}
	return c, nil
}

// broken is what the YAML library says, with its line apart.
func broken(err error) error {
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	line := 0
	if rest, ok := strings.CutPrefix(text, "line "); ok {
		if number, problem, ok := strings.Cut(rest, ": "); ok {
			if n, err := strconv.Atoi(number); err == nil {
				line, text = n, problem
			}
		}
	}
	return &Error{Line: line, Problem: "is not YAML: " + text}
}

// entry is a bot as the file has it.
type entry struct {
	Group       string         `yaml:"group"`
	Module      string         `yaml:"module"`
	Name        string         `yaml:"name"`
	Description string         `yaml:"description"`
	Enabled     *bool          `yaml:"enabled"`
	RunMode     string         `yaml:"run_mode"`
	Parameters  map[string]any `yaml:"parameters"`
}

func botOf(key, value *yaml.Node) (Bot, error) {
	b := Bot{ID: key.Value, Line: key.Line}
	var e entry
	if value.Kind != yaml.MappingNode {
		return b, &Error{Line: value.Line, Bot: b.ID, Problem: "is not a bot", Hint: "a bot has module, group and parameters"}
	}
	if err := value.Decode(&e); err != nil {
		var types *yaml.TypeError
		problem := err.Error()
		if errors.As(err, &types) && len(types.Errors) > 0 {
			problem = types.Errors[0]
		}
		return b, &Error{Line: value.Line, Bot: b.ID, Problem: "is not of a bot's form: " + problem}
	}
	if e.Module == "" {
		return b, &Error{Line: value.Line, Bot: b.ID, Problem: "has no module", Hint: "module: intelmq.bots.collectors.…"}
	}
	b.Group, b.Module, b.Name, b.Description, b.RunMode, b.Parameters = Group(e.Group), e.Module, e.Name, e.Description, e.RunMode, e.Parameters
	b.Enabled = e.Enabled == nil || *e.Enabled
	if b.Group == "" {
		b.Group = groupOf(b.Module)
	}
	b.To = queues(value)
	return b, nil
}

// groupOf is the group by the module's name.
func groupOf(module string) Group {
	for part, g := range map[string]Group{".collectors.": Collector, ".parsers.": Parser, ".experts.": Expert, ".outputs.": Output} {
		if strings.Contains(module, part) {
			return g
		}
	}
	return ""
}

// queues reads parameters.destination_queues, or destination_queues of a bot: paths
// with one queue or several each. A queue is its bot's name and "-queue".
func queues(bot *yaml.Node) (to []string) {
	var walk func(n *yaml.Node, depth int)
	walk = func(n *yaml.Node, depth int) {
		if depth > 4 {
			return
		}
		switch n.Kind {
		case yaml.ScalarNode:
			if id := strings.TrimSuffix(n.Value, "-queue"); id != "" && n.Tag != "!!null" && !slices.Contains(to, id) {
				to = append(to, id)
			}
		case yaml.SequenceNode:
			for _, one := range n.Content {
				walk(one, depth+1)
			}
		case yaml.MappingNode:
			for i := 1; i < len(n.Content); i += 2 {
				walk(n.Content[i], depth+1)
			}
		}
	}
	for _, holder := range []*yaml.Node{bot, member(bot, "parameters")} {
		if q := member(holder, "destination_queues"); q != nil {
			walk(q, 0)
		}
	}
	return to
}

func member(n *yaml.Node, name string) *yaml.Node {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == name {
			return n.Content[i+1]
		}
	}
	return nil
}

// Text is a parameter as text; empty when there is none or it is no scalar.
func (b *Bot) Text(name string) string {
	switch v := b.Parameters[name].(type) {
	case string:
		return strings.TrimSpace(v)
	case int:
		return strconv.Itoa(v)
	case bool:
		return strconv.FormatBool(v)
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return ""
}

// Feed is one way of messages from a collector into a parser.
type Feed struct {
	Collector *Bot
	Parser    *Bot   // nil when no parser is reached
	Name      string // feed.name
	Provider  string // feed.provider
	Code      string // feed.code
	URL       string // where it is fetched, without secrets; empty when it is not
	Every     int    // seconds between fetches; 0 when the file does not say
	Enabled   bool   // both are
}

// Feeds lists the feeds in the order of their collectors. Experts between collector and
// parser are passed through.
func (c *Config) Feeds() []Feed {
	byID := map[string]*Bot{}
	for i := range c.Bots {
		byID[c.Bots[i].ID] = &c.Bots[i]
	}
	var out []Feed
	for i := range c.Bots {
		b := &c.Bots[i]
		if b.Group != Collector {
			continue
		}
		f := Feed{Collector: b, Name: b.Text("name"), Provider: b.Text("provider"), Code: b.Text("code"), URL: safeURL(b), Enabled: b.Enabled}
		if f.Name == "" {
			f.Name = b.Text("feed")
		}
		if f.Name == "" {
			f.Name = b.ID
		}
		if n, err := strconv.Atoi(b.Text("rate_limit")); err == nil && n > 0 {
			f.Every = n
		}
		parsers := reached(b, byID)
		if len(parsers) == 0 {
			out = append(out, f)
		}
		for _, p := range parsers {
			f.Parser, f.Enabled = p, b.Enabled && p.Enabled
			out = append(out, f)
		}
	}
	return out
}

// reached lists the first parsers on every way from a bot.
func reached(from *Bot, byID map[string]*Bot) (parsers []*Bot) {
	seen := map[string]bool{from.ID: true}
	next := from.To
	for len(next) > 0 {
		id := next[0]
		next = next[1:]
		b := byID[id]
		if b == nil || seen[id] {
			continue
		}
		seen[id] = true
		if b.Group == Parser {
			parsers = append(parsers, b)
			continue
		}
		next = append(slices.Clone(next), b.To...)
	}
	return parsers
}

// safeURL is the address that a collector fetches, without what may be secret.
func safeURL(b *Bot) string {
	for _, name := range []string{"http_url", "url", "mail_host", "path", "server"} {
		s := b.Text(name)
		if s == "" {
			continue
		}
		u, err := url.Parse(s)
		if err != nil {
			return ""
		}
		u.User, u.RawQuery, u.Fragment = nil, "", ""
		return u.String()
	}
	return ""
}
