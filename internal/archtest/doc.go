// Package archtest holds the walls of the house: rules about the source that the
// compiler does not know. The test in the folder above runs them over the whole
// tree; a broken wall is a sentence that says what to do.
//
// # The walls
//
//   - Stairs: imports only go down the table [Stairs]; a public library imports
//     nothing of internal/; room to room only the room's own package; a room's
//     …web package is its door and only app opens it; foundation/mail and
//     foundation/fetch belong to outbound; a …test package belongs to tests.
//   - Writes: only act, the database itself and the job queue begin a write
//     transaction; only act makes an act.Tx, in exactly three ways; who takes steps
//     or housekeeping is listed with a reason.
//   - Handwriting: package docs, lengths of files and functions, no init, no
//     variable that changes, no package called util, time only from the clock, no
//     sleep, no background context below app, no printing outside cmd, no open
//     ends in comments, no lint exception without a reason.
//   - SQL: one text for two engines, see [CheckSQL]; a room writes its own tables
//     only, and reads besides them those of guard and constituency.
//   - Words: every language of a locales folder has the same keys and places, and
//     every key of a fault or a template is there.
//   - Pages: nothing inline, nothing from another host.
//
// The rules read syntax, not types: they are quick (under a second) and a little
// stricter than need be; an exception is named with its reason.
//
// What is NOT here: style that formatters and linters hold (.golangci.yml).
package archtest

import (
	"fmt"
	"go/token"
	"slices"
	"strings"
)

// Violation is a broken wall.
type Violation struct {
	Rule  string // "stairs", "clock", …
	Where string // file:line or package, relative to the module
	Why   string // what is wrong and what to do
}

// String is the sentence that a failing test prints.
func (v Violation) String() string { return fmt.Sprintf("%s: %s [%s]", v.Where, v.Why, v.Rule) }

// Exception lets one place break one rule.
type Exception struct {
	Rule   string
	Where  string // prefix of Violation.Where
	Reason string
}

// Check runs every rule over the tree. Warnings do not fail a build.
func Check(t *Tree) (violations, warnings []Violation) {
	c := &checker{tree: t}
	for _, p := range t.Packages {
		c.imports(p)
		c.packageRules(p)
		for _, f := range p.Files {
			c.length(p, f)
			c.code(p, f)
			c.comments(f)
			c.sqlLiterals(p, f)
			c.portalDoor(f)
		}
		c.variables(p)
	}
	c.actFrame()
	c.migrations()
	c.locales()
	c.pages()
	return c.violations, c.warnings
}

// Except takes out what is excepted; an exception that excuses nothing is itself
// a violation, so that the list cannot rot.
func Except(violations []Violation, list []Exception) []Violation {
	var out []Violation
	used := make([]bool, len(list))
	for _, v := range violations {
		i := slices.IndexFunc(list, func(e Exception) bool {
			return e.Rule == v.Rule && strings.HasPrefix(v.Where, e.Where)
		})
		if i < 0 {
			out = append(out, v)
			continue
		}
		used[i] = true
	}
	for i, e := range list {
		if !used[i] {
			out = append(out, Violation{"exception", e.Where, "the exception from rule " + e.Rule + " excuses nothing; take it off the list"})
		}
	}
	return out
}

type checker struct {
	tree                 *Tree
	made                 map[string]table // by tables
	violations, warnings []Violation
}

func (c *checker) add(rule, where, why string, args ...any) {
	c.violations = append(c.violations, Violation{rule, where, fmt.Sprintf(why, args...)})
}

func (c *checker) warn(rule, where, why string, args ...any) {
	c.warnings = append(c.warnings, Violation{rule, where, fmt.Sprintf(why, args...)})
}

// at is the place of a node.
func (c *checker) at(pos token.Pos) string {
	p := c.tree.fset.Position(pos)
	return fmt.Sprintf("%s:%d", p.Filename, p.Line)
}
