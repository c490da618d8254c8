package cacao

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// The types of steps (section 4).
const (
	typeStart    = "start"
	typeEnd      = "end"
	typeAction   = "action"
	typePlaybook = "playbook-action"
	typeParallel = "parallel"
	typeIf       = "if-condition"
	typeWhile    = "while-condition"
	typeSwitch   = "switch-condition"
)

func stepTypes() []string {
	return []string{typeStart, typeEnd, typeAction, typePlaybook, typeParallel, typeIf, typeWhile, typeSwitch}
}

// step checks one step; the steps that it names are checked with the graph.
func (c *checker) step(id string, s Step) {
	path := at("$.workflow", id)
	switch {
	case !slices.Contains(stepTypes(), s.Type):
		c.add(path+".type", "is %q; the types are %s", short(s.Type), strings.Join(stepTypes(), ", "))
		return
	default:
		c.id(path, id, s.Type)
	}
	if s.Delay < 0 || s.Timeout < 0 {
		c.add(path, "has a delay or timeout below zero")
	}
	if s.Owner != "" {
		c.id(path+".owner", s.Owner, "")
	}
	c.references(path+".external_references", s.References)
	c.variables(path+".step_variables", s.Variables)
	c.extensions(path+".step_extensions", s.Extensions)
	c.ways(path, s)
	switch s.Type {
	case typeAction:
		c.action(path, s)
	case typePlaybook:
		c.id(path+".playbook_id", s.PlaybookID, "playbook")
		c.date(path+".playbook_version", s.PlaybookVers, false)
		c.args(path, s)
	case typeParallel:
		if len(s.NextSteps) == 0 {
			c.add(path+".next_steps", "is required")
		}
	case typeIf, typeWhile:
		c.required(path+".condition", s.Condition)
		c.required(path+".on_true", s.OnTrue)
	case typeSwitch:
		c.required(path+".switch", s.Switch)
		if len(s.Cases) == 0 {
			c.add(path+".cases", "is required")
		}
	}
}

// ways holds which ways out a step may have (section 4.1).
func (c *checker) ways(path string, s Step) {
	both := s.OnCompletion != "" && (s.OnSuccess != "" || s.OnFailure != "")
	switch {
	case s.Type == typeEnd && (s.OnCompletion != "" || s.OnSuccess != "" || s.OnFailure != ""):
		c.add(path, "is an end and must have no on_completion, on_success or on_failure")
	case s.Type == typeStart && (s.OnSuccess != "" || s.OnFailure != ""):
		c.add(path, "is a start and must have on_completion alone")
	case both:
		c.add(path+".on_completion", "must not stand beside on_success or on_failure")
	case slices.Contains([]string{typeStart, typeAction, typePlaybook}, s.Type) && s.OnCompletion == "" && s.OnSuccess == "":
		c.add(path+".on_completion", "is required, or on_success")
	}
}

func (c *checker) action(path string, s Step) {
	if len(s.Commands) == 0 {
		c.add(path+".commands", "is required")
	}
	for i, cmd := range s.Commands {
		c.command(fmt.Sprintf("%s.commands[%d]", path, i), cmd)
	}
	if s.Agent == "" {
		c.add(path+".agent", "is required")
	} else if _, ok := c.pb.Agents[s.Agent]; !ok {
		c.add(path+".agent", "names %q, which agent_definitions does not have", short(s.Agent))
	}
	for i, t := range s.Targets {
		if _, ok := c.pb.Targets[t]; !ok {
			c.add(fmt.Sprintf("%s.targets[%d]", path, i), "names %q, which target_definitions does not have", short(t))
		}
	}
	c.args(path, s)
}

// command wants a text of the types that the standard lists; a private type may do
// without one.
func (c *checker) command(path string, cmd Command) {
	known := []string{
		"manual", "bash", "caldera-cmd", "elastic", "http-api", "jupyter", "kestrel", "openc2-http", "powershell", "sigma", "ssh", "yara",
	}
	c.references(path+".external_references", cmd.References)
	switch {
	case cmd.Type == "":
		c.add(path+".type", "is required")
	case slices.Contains(known, cmd.Type) && strings.TrimSpace(cmd.Command) == "" && cmd.CommandB64 == "":
		c.add(path+".command", "is required, or command_b64")
	}
}

func (c *checker) args(path string, s Step) {
	for name, list := range map[string][]string{"in_args": s.InArgs, "out_args": s.OutArgs} {
		for i, v := range list {
			_, ofStep := s.Variables[v]
			if _, ok := c.pb.Variables[v]; !ok && !ofStep {
				c.add(fmt.Sprintf("%s.%s[%d]", path, name, i), "names %q, a variable that neither the step nor the playbook has", short(v))
			}
		}
	}
}

// way is an edge of the graph: the property that names a step.
type way struct{ name, to string }

// waysOf lists the edges of a step in the order in which people read them.
func waysOf(s Step) []way {
	var out []way
	add := func(name, to string) {
		if to != "" {
			out = append(out, way{name, to})
		}
	}
	for i, n := range s.NextSteps {
		add(fmt.Sprintf(".next_steps[%d]", i), n)
	}
	add(".on_true", s.OnTrue)
	add(".on_false", s.OnFalse)
	for _, k := range caseKeys(s) {
		add(at(".cases", k), s.Cases[k])
	}
	add(".on_failure", s.OnFailure)
	add(".on_success", s.OnSuccess)
	add(".on_completion", s.OnCompletion)
	return out
}

// caseKeys are the cases of a switch, the default last.
func caseKeys(s Step) []string {
	keys := slices.Sorted(maps.Keys(s.Cases))
	if i := slices.Index(keys, "default"); i >= 0 {
		keys = append(slices.Delete(keys, i, i+1), "default")
	}
	return keys
}

// graph checks that every named step exists, that all are reached, and that only a
// while-condition goes round.
func (c *checker) graph() {
	pb := c.pb
	if len(pb.Workflow) == 0 {
		c.add("$.workflow", "is required and has at least a start and an end")
	}
	c.begin()
	if _, ok := pb.Workflow[pb.Exception]; pb.Exception != "" && !ok {
		c.add("$.workflow_exception", "names %q, which the workflow does not have", short(pb.Exception))
	}
	ends := 0
	for id, s := range pb.Workflow {
		if s.Type == typeEnd {
			ends++
		}
		for _, w := range waysOf(s) {
			if to, ok := pb.Workflow[w.to]; !ok {
				c.add(at("$.workflow", id)+w.name, "names %q, which the workflow does not have", short(w.to))
			} else if to.Type == typeStart {
				c.add(at("$.workflow", id)+w.name, "leads back to a start")
			}
		}
	}
	if len(pb.Workflow) > 0 && ends == 0 {
		c.add("$.workflow", "has no step of type end")
	}
	reached := c.reach(pb.Start, pb.Exception)
	for id := range pb.Workflow {
		if !reached[id] {
			c.add(at("$.workflow", id), "cannot be reached from workflow_start or workflow_exception")
		}
	}
	c.loops()
}

func (c *checker) begin() {
	s, ok := c.pb.Workflow[c.pb.Start]
	switch {
	case c.pb.Start == "":
		c.add("$.workflow_start", "is required")
	case !ok:
		c.add("$.workflow_start", "names %q, which the workflow does not have", short(c.pb.Start))
	case s.Type != typeStart:
		c.add("$.workflow_start", "names a step of type %q; it must be a start", short(s.Type))
	}
}

// reach is what can be reached from the given steps, these included.
func (c *checker) reach(from ...string) map[string]bool {
	seen := map[string]bool{}
	for len(from) > 0 {
		id := from[len(from)-1]
		from = from[:len(from)-1]
		s, ok := c.pb.Workflow[id]
		if !ok || seen[id] {
			continue
		}
		seen[id] = true
		for _, w := range waysOf(s) {
			from = append(from, w.to)
		}
	}
	return seen
}

// loops takes away the steps that lead to nothing but steps taken away before and to
// while-conditions; what is left goes round, or leads to what does. The same from the
// other side leaves the rounds and what lies between them.
func (c *checker) loops() {
	out, in := map[string][]string{}, map[string][]string{}
	for id, s := range c.pb.Workflow {
		for _, w := range waysOf(s) {
			if to, ok := c.pb.Workflow[w.to]; ok && s.Type != typeWhile && to.Type != typeWhile {
				out[id], in[w.to] = append(out[id], w.to), append(in[w.to], id)
			}
		}
	}
	forward, backward := leftover(c.pb.Workflow, out, in), leftover(c.pb.Workflow, in, out)
	for _, id := range slices.Sorted(maps.Keys(forward)) {
		if backward[id] {
			c.add(at("$.workflow", id), "goes round without a while-condition")
		}
	}
}

// leftover is what remains when steps without a way out are taken away one by one.
func leftover(all map[string]Step, out, in map[string][]string) map[string]bool {
	left, count := map[string]bool{}, map[string]int{}
	var free []string
	for id := range all {
		left[id], count[id] = true, len(out[id])
		if count[id] == 0 {
			free = append(free, id)
		}
	}
	for len(free) > 0 {
		id := free[len(free)-1]
		free = free[:len(free)-1]
		delete(left, id)
		for _, from := range in[id] {
			if count[from]--; count[from] == 0 {
				free = append(free, from)
			}
		}
	}
	return left
}
