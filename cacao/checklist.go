package cacao

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Branch says when an item is for somebody to do: always, or only on one of the ways
// out of the step before it.
type Branch string

// The branches.
const (
	Always    Branch = ""
	IfTrue    Branch = "if"       // the step's condition holds
	Otherwise Branch = "else"     // it does not hold, or no case fits
	Case      Branch = "case"     // of a switch, see Item.Case
	While     Branch = "while"    // as long as the condition holds
	Together  Branch = "parallel" // at the same time as the other branches
	Failure   Branch = "failure"  // the step before could not be done
	Success   Branch = "success"  // used in jumps alone
)

// Item is one line of a checklist.
type Item struct {
	Number      string // 1, 2, then 2a or 2a.1, 2a.2 in the branches of 2
	Depth       int    // 0 for the main line, 1 within a branch, …
	Step        string // the identifier in the workflow
	Type        string // of the step; never start or end
	Branch      Branch // of the first item of a branch
	Case        string // the value of a Case
	Name        string
	Description string
	Condition   string // of an if-, while- or switch-condition, as written
	Orders      []Order
	Playbook    string   // the identifier of the playbook that a playbook-action starts
	Agent       string   // the name of who does it
	Role        string   // see [Roles]; "" when the playbook does not say
	Owner       string   // the identifier of the owner, when the playbook names one
	Targets     []string // names
	Within      time.Duration
	Delay       time.Duration // before it begins
	Timeout     time.Duration
	Jumps       []Jump
}

// Order is a command as a person reads it.
type Order struct {
	Type string // "manual" or what it would be run by
	Text string // a manual command's text; "" for the others
}

// String is the sentence of a manual command, or says that the command is for
// something and is not run here.
func (o Order) String() string {
	if o.Type == "manual" {
		return o.Text
	}
	return "command for " + o.Type + " (not run here)"
}

// Jump says where a way goes on that leaves the order of the list.
type Jump struct {
	On Branch
	To string // the number of an item; "" for the end
}

// Checklist lays the playbook out for people: the main line, each branch below the
// step that it leaves, and what the branches have in common after them. Each step that
// can be reached has one item, starts and ends have none.
func Checklist(pb *Playbook) []Item {
	l := list{pb: pb, number: map[string]string{}}
	l.line(pb.Start, "", 0, Always, "", nil)
	l.line(pb.Exception, "x", 0, Failure, "", nil)
	for i := range l.items {
		for j := range l.items[i].Jumps {
			to := &l.items[i].Jumps[j].To
			*to = l.number[*to]
		}
	}
	return l.items
}

// list is a checklist in the making.
type list struct {
	pb     *Playbook
	items  []Item
	number map[string]string // by step; "" for one that has no item
}

// stops are where the branches of the steps around come together.
type stops map[string]bool

func (s stops) with(ids ...string) stops {
	out := stops{}
	maps.Copy(out, s)
	for _, id := range ids {
		out[id] = true
	}
	return out
}

// line walks one line of steps from id to its end, to a stop, or to a step that the
// list has. Its numbers are prefix and a count; the only one of a branch is 2a.
func (l *list) line(id, prefix string, depth int, branch Branch, value string, until stops) {
	first, count, last := len(l.items), 0, ""
	for id != "" && !until[id] {
		s, ok := l.pb.Workflow[id]
		if number, seen := l.number[id]; !ok || seen {
			if number != "" {
				l.jump(last, exit{Success, "", id})
			}
			break
		}
		l.number[id] = ""
		if s.Type == typeStart || s.Type == typeEnd {
			id = s.OnCompletion
			continue
		}
		count++
		l.number[id] = prefix + strconv.Itoa(count)
		l.items = append(l.items, l.item(id, depth, s))
		if count == 1 {
			l.items[first].Branch, l.items[first].Case = branch, value
		}
		last, id = id, l.branches(id, depth, s, until)
	}
	if only := strings.TrimSuffix(prefix, "."); only != prefix && len(l.items) == first+1 {
		l.items[first].Number, l.number[l.items[first].Step] = only, only
	}
}

// exit is a way out of a step as people read it.
type exit struct {
	branch Branch
	value  string
	to     string
}

// exits are the branches of a step, and where the main line goes on; "" when that is
// where the branches come together.
func exits(s Step) (branches []exit, next string) {
	next = s.OnCompletion
	if next == "" {
		next = s.OnSuccess
	}
	switch s.Type {
	case typeIf:
		branches = []exit{{IfTrue, "", s.OnTrue}, {Otherwise, "", s.OnFalse}}
	case typeWhile:
		branches = []exit{{While, "", s.OnTrue}}
	case typeSwitch:
		for _, k := range caseKeys(s) {
			if k == "default" {
				branches = append(branches, exit{Otherwise, "", s.Cases[k]})
			} else {
				branches = append(branches, exit{Case, k, s.Cases[k]})
			}
		}
	case typeParallel:
		for _, n := range s.NextSteps {
			branches = append(branches, exit{Together, "", n})
		}
	}
	return append(branches, exit{Failure, "", s.OnFailure}), next
}

// branches lays out the branches of a step and returns where the line goes on.
func (l *list) branches(id string, depth int, s Step, until stops) (next string) {
	ways, next := exits(s)
	if next == "" {
		next = l.join(ways)
	}
	inner := until.with(next, id)
	letter := 0
	for _, w := range ways {
		if w.to == "" {
			continue
		}
		before := len(l.items)
		l.line(w.to, l.number[id]+letters(letter)+".", depth+1, w.branch, w.value, inner)
		if len(l.items) > before {
			letter++
		} else {
			l.jump(id, w)
		}
	}
	return next
}

// jump notes a way out of a listed step that has no items of its own: to the end,
// back, or straight on.
func (l *list) jump(id string, w exit) {
	for i := len(l.items) - 1; i >= 0; i-- {
		if l.items[i].Step == id {
			l.items[i].Jumps = append(l.items[i].Jumps, Jump{w.branch, w.to}) // the number comes last
			return
		}
	}
}

// letters numbers branches a to z, then aa, ab, …
func letters(n int) string {
	if n < 26 {
		return string(rune('a' + n))
	}
	return letters(n/26-1) + string(rune('a'+n%26))
}

// join is the first step that all of several branches come to, "" when there is none.
func (l *list) join(ways []exit) string {
	var common []string
	count := 0
	for _, w := range ways {
		if w.to == "" {
			continue
		}
		reach := l.order(w.to)
		if count++; count == 1 {
			common = reach
			continue
		}
		in := make(map[string]bool, len(reach))
		for _, id := range reach {
			in[id] = true
		}
		common = slices.DeleteFunc(common, func(id string) bool { return !in[id] })
	}
	if count < 2 || len(common) == 0 {
		return ""
	}
	return common[0]
}

// order lists what can be reached from a step, the nearest first.
func (l *list) order(id string) []string {
	seen, queue := map[string]bool{id: true}, []string{id}
	for i := 0; i < len(queue); i++ {
		for _, w := range waysOf(l.pb.Workflow[queue[i]]) {
			if _, ok := l.pb.Workflow[w.to]; ok && !seen[w.to] {
				seen[w.to] = true
				queue = append(queue, w.to)
			}
		}
	}
	return queue
}

func (l *list) item(id string, depth int, s Step) Item {
	n := s.Extensions.notes()
	it := Item{
		Number: l.number[id], Depth: depth, Step: id, Type: s.Type, Name: s.Name, Description: s.Description, Condition: s.Condition,
		Agent: l.pb.Agents[s.Agent].Name, Role: n.Role, Owner: s.Owner, Playbook: s.PlaybookID, Within: within(n.Within),
		Delay: time.Duration(s.Delay) * time.Millisecond, Timeout: time.Duration(s.Timeout) * time.Millisecond,
	}
	if s.Type == typeSwitch {
		it.Condition = s.Switch
	}
	for _, c := range s.Commands {
		it.Orders = append(it.Orders, order(c))
	}
	for _, t := range s.Targets {
		it.Targets = append(it.Targets, l.pb.Targets[t].Name)
	}
	return it
}

func order(c Command) Order {
	o := Order{Type: c.Type}
	if c.Type != "manual" {
		return o
	}
	o.Text = c.Command
	if o.Text == "" {
		o.Text = fmt.Sprintf("see the encoded text of %d characters", len(c.CommandB64))
	}
	return o
}
