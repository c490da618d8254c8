package cacao

import (
	"fmt"
	"maps"
	"net/mail"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// MaxProblems is how many problems [Check] lists at most.
const MaxProblems = 200

// Problem is one broken rule.
type Problem struct {
	Path string // JSONPath, such as $.workflow["action--…"].agent
	Text string // continues the path: "is required"
}

// String is one line for a person.
func (p Problem) String() string { return p.Path + " " + p.Text }

// Check lists every rule of the standard that the playbook breaks, in the order of
// its paths; none when it is sound.
func Check(pb *Playbook) []Problem {
	c := checker{pb: pb}
	c.head()
	c.dates()
	c.variables("$.playbook_variables", pb.Variables)
	c.definitions()
	c.extensions("$.playbook_extensions", pb.Extensions)
	c.graph()
	for _, id := range slices.Sorted(maps.Keys(pb.Workflow)) {
		c.step(id, pb.Workflow[id])
	}
	slices.SortStableFunc(c.problems, func(a, b Problem) int { return strings.Compare(a.Path, b.Path) })
	return c.problems
}

type checker struct {
	pb       *Playbook
	problems []Problem
}

func (c *checker) add(path, text string, args ...any) {
	if len(c.problems) < MaxProblems {
		c.problems = append(c.problems, Problem{path, fmt.Sprintf(text, args...)})
	}
}

// at is the path of a key within an object.
func at(path, key string) string { return path + "[" + strconv.Quote(short(key)) + "]" }

func short(s string) string {
	const most = 80
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}

var (
	idForm  = regexp.MustCompile(`^[a-z][a-z0-9-]{0,98}[a-z0-9]--[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[1-8][0-9a-fA-F]{3}-[89abAB][0-9a-fA-F]{3}-[0-9a-fA-F]{12}$`)
	varForm = regexp.MustCompile(`^__[a-zA-Z_][a-zA-Z0-9_-]{0,199}__$`)
)

// prefix is the type that an identifier begins with.
func prefix(id string) string {
	i := strings.LastIndex(id, "--")
	return id[:max(i, 0)]
}

// id checks an identifier; want is the type that it must have, "" for any.
func (c *checker) id(path, id, want string) {
	example := want
	if want == "" {
		example = "identity"
	}
	switch {
	case id == "":
		c.add(path, "is required")
	case !idForm.MatchString(id):
		c.add(path, "is %q, which is no identifier; write it like %s--0f3b2c4a-6f5d-4e1a-9b7c-2d8e4a6c1f00", short(id), example)
	case want != "" && prefix(id) != want:
		c.add(path, "is %q, which must begin with %s--", short(id), want)
	}
}

func (c *checker) ids(path string, list []string) {
	for i, id := range list {
		c.id(fmt.Sprintf("%s[%d]", path, i), id, "")
	}
}

func (c *checker) required(path, value string) {
	if strings.TrimSpace(value) == "" {
		c.add(path, "is required")
	}
}

func (c *checker) head() {
	pb := c.pb
	if pb.Type != "playbook" {
		c.add("$.type", `is %q and must be "playbook"`, short(pb.Type))
	}
	if pb.SpecVersion != SpecVersion {
		c.add("$.spec_version", "is %q; only %s is known", short(pb.SpecVersion), SpecVersion)
	}
	c.id("$.id", pb.ID, "playbook")
	c.required("$.name", pb.Name)
	c.id("$.created_by", pb.CreatedBy, "identity")
	c.ids("$.derived_from", pb.DerivedFrom)
	c.ids("$.related_to", pb.RelatedTo)
	c.ids("$.markings", pb.Markings)
	c.references("$.external_references", pb.References)
	c.number("$.priority", pb.Priority)
	c.number("$.severity", pb.Severity)
	c.number("$.impact", pb.Impact)
}

func (c *checker) number(path string, n *int) {
	if n != nil && (*n < 0 || *n > 100) {
		c.add(path, "is %d and must be from 0 to 100", *n)
	}
}

func (c *checker) references(path string, list []Reference) {
	for i, r := range list {
		c.required(fmt.Sprintf("%s[%d].name", path, i), r.Name)
	}
}

func (c *checker) dates() {
	pb := c.pb
	created, modified := c.date("$.created", pb.Created, true), c.date("$.modified", pb.Modified, true)
	from, until := c.date("$.valid_from", pb.ValidFrom, false), c.date("$.valid_until", pb.ValidUntil, false)
	if !created.IsZero() && !modified.IsZero() && modified.Before(created) {
		c.add("$.modified", "is before created")
	}
	if !from.IsZero() && !until.IsZero() && !until.After(from) {
		c.add("$.valid_until", "is not after valid_from")
	}
}

// date reads an RFC 3339 time in UTC; zero when there is none.
func (c *checker) date(path, text string, required bool) time.Time {
	if text == "" {
		if required {
			c.add(path, "is required")
		}
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil || !strings.HasSuffix(text, "Z") {
		c.add(path, "is %q, which is no time in UTC; write it like 2026-01-31T08:00:00.000Z", short(text))
		return time.Time{}
	}
	return t
}

func (c *checker) variables(path string, vars map[string]Var) {
	for _, name := range slices.Sorted(maps.Keys(vars)) {
		here := at(path, name)
		if !varForm.MatchString(name) {
			c.add(here, "has no name of a variable; write it like __address__")
		}
		c.required(here+".type", vars[name].Type)
		if k := vars[name].Value.Kind(); len(vars[name].Value) > 0 && k != '"' && k != 'n' {
			c.add(here+".value", "must be a string or null")
		}
	}
}

func (c *checker) definitions() {
	for _, list := range []struct {
		path  string
		all   map[string]Entity
		login bool
	}{
		{"$.agent_definitions", c.pb.Agents, false},
		{"$.target_definitions", c.pb.Targets, false},
		{"$.authentication_info_definitions", c.pb.Logins, true},
	} {
		for _, id := range slices.Sorted(maps.Keys(list.all)) {
			c.entity(at(list.path, id), id, list.all[id], list.login)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(c.pb.ExtensionDef)) {
		here, e := at("$.extension_definitions", id), c.pb.ExtensionDef[id]
		c.id(here, id, "extension-definition")
		c.required(here+".name", e.Name)
		c.id(here+".created_by", e.CreatedBy, "identity")
		c.required(here+".schema", e.Schema)
		c.required(here+".version", e.Version)
		if e.Type != "extension-definition" {
			c.add(here+".type", `must be "extension-definition"`)
		}
	}
}

// entityTypes are the words of the two vocabularies whose identifiers must agree
// with the type of what they name.
func entityTypes() []string {
	return []string{
		"group", "individual", "location", "organization", "sector", "http-api", "linux", "net-address", "security-category", "ssh",
		"http-basic", "oauth2", "user-auth",
	}
}

func (c *checker) entity(path, id string, e Entity, login bool) {
	c.id(path, id, "")
	c.required(path+".type", e.Type)
	if !login {
		c.required(path+".name", e.Name)
	}
	if p := prefix(id); e.Type != "" && p != e.Type && slices.Contains(entityTypes(), p) {
		c.add(path+".type", "is %q, but the identifier says %s", short(e.Type), p)
	}
	if _, ok := c.pb.Logins[e.Login]; e.Login != "" && !ok {
		c.add(path+".authentication_info", "names %q, which authentication_info_definitions does not have", short(e.Login))
	}
	c.extensions(path+".agent_target_extensions", e.Extensions)
	if e.Contact == nil {
		return
	}
	for _, k := range slices.Sorted(maps.Keys(e.Contact.Email)) {
		if a, err := mail.ParseAddress(e.Contact.Email[k]); err != nil || a.Address != e.Contact.Email[k] {
			c.add(at(path+".contact.email", k), "is %q, which is no mail address", short(e.Contact.Email[k]))
		}
	}
}

func (c *checker) extensions(path string, all Extensions) {
	for _, id := range slices.Sorted(maps.Keys(all)) {
		if _, ok := c.pb.ExtensionDef[id]; !ok {
			c.add(at(path, id), "is an extension that extension_definitions does not have")
		}
		if all[id].Kind() != '{' {
			c.add(at(path, id), "must be an object")
		}
	}
}
