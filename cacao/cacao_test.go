package cacao_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"

	"almenara.example/cacao"
)

func own(t *testing.T) []cacao.Playbook {
	t.Helper()
	all, err := cacao.Own()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestOurOwnPlaybooksAreSound(t *testing.T) {
	var slugs, ids []string
	all := own(t)
	for i := range all {
		slugs, ids = append(slugs, all[i].Slug()), append(ids, all[i].ID)
		for _, p := range cacao.Check(&all[i]) {
			t.Errorf("%s: %s", all[i].Slug(), p)
		}
	}
	want := []string{"cyber-physical-attack", "danger-to-life", "data-theft", "ddos", "defacement-propaganda", "ot-intrusion", "ransomware"}
	if diff := cmp.Diff(want, slugs); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for i := range all {
		for _, s := range all[i].Workflow {
			if s.Type == "playbook-action" && !slices.Contains(ids, s.PlaybookID) {
				t.Errorf("%s: step %q names a playbook that is not ours", slugs[i], s.Name)
			}
		}
	}
}

func TestEachStepOfOurOwnHasARoleATimeAndFrench(t *testing.T) {
	all := own(t)
	for i := range all {
		english, french := cacao.Checklist(&all[i]), cacao.Checklist(all[i].In("fr"))
		if all[i].Name == all[i].In("fr").Name {
			t.Errorf("%s: the name is not translated", all[i].Slug())
		}
		for j, it := range english {
			where := all[i].Slug() + " " + it.Number + " " + it.Name
			if (it.Type == "playbook-action") != (it.Playbook != "") {
				t.Errorf("%s: got playbook %q of a %s", where, it.Playbook, it.Type)
			}
			if it.Type != "parallel" && (it.Within == 0 || !slices.Contains(cacao.Roles(), it.Role)) {
				t.Errorf("%s: got role %q within %v, want both", where, it.Role, it.Within)
			}
			if f := french[j]; f.Number != it.Number || f.Name == it.Name || it.Agent != "" && f.Agent == it.Agent || it.Description != "" && f.Description == it.Description {
				t.Errorf("%s: not in French: %q, %q, %q", where, f.Name, f.Agent, f.Description)
			}
			for k, o := range it.Orders {
				if o.Type == "manual" && (o.Text == "" || french[j].Orders[k].Text == o.Text) {
					t.Errorf("%s: order %q is not in French", where, o.Text)
				}
			}
		}
	}
}

func TestReadingAndWritingLosesNothing(t *testing.T) {
	files, err := filepath.Glob("playbooks/*.json")
	if err != nil || len(files) != 7 {
		t.Fatalf("got %d files, %v, want 7", len(files), err)
	}
	for _, f := range files {
		raw, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		pb, err := cacao.Read(bytes.NewReader(raw))
		if err != nil {
			t.Fatal(err)
		}
		got, err := pb.Canonical()
		want := jsontext.Value(raw)
		if err := errors.Join(err, want.Canonicalize()); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), string(got)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", f, diff)
		}
	}
}

const uuid = "--0f3b2c4a-6f5d-4e1a-9b7c-2d8e4a6c1f0"

// small is a sound playbook; its steps are named by the digit at the end.
func small(workflow string) string {
	return `{"type":"playbook","spec_version":"cacao-2.0","id":"playbook` + uuid + `0","name":"Small","x_own":{"a":[1]},
	"created_by":"identity` + uuid + `0","created":"2026-01-31T08:00:00Z","modified":"2026-01-31T08:00:00.5Z",
	"workflow_start":"start` + uuid + `0","playbook_variables":{"__go__":{"type":"bool"}},
	"agent_definitions":{"group` + uuid + `0":{"type":"group","name":"Desk"},"ssh` + uuid + `0":{"type":"ssh","name":"Router"}},
	"workflow":` + workflow + `}`
}

// flow writes a workflow: the keys are a type and a digit, "~" before one stands for
// its identifier.
func flow(text string) string {
	for _, typ := range []string{"start", "end", "action", "parallel", "if-condition", "while-condition", "switch-condition", "playbook-action", "group", "ssh"} {
		for _, d := range "0123456789" {
			text = strings.ReplaceAll(text, "~"+typ+string(d), typ+uuid+string(d))
		}
	}
	return text
}

const line = `{"~start0":{"type":"start","on_completion":"~action1"},
	"~action1":{"type":"action","name":"Look","agent":"~group0","commands":[{"type":"manual","command":"look"},{"type":"ssh","command":"reboot"}],"on_completion":"~end9"},
	"~end9":{"type":"end"}}`

func parsed(t *testing.T, text string) *cacao.Playbook {
	t.Helper()
	pb, err := cacao.Read(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return pb
}

func TestASoundPlaybookHasNoProblem(t *testing.T) {
	pb := parsed(t, small(flow(line)))
	if got := cacao.Check(pb); got != nil {
		t.Errorf("got %v, want none", got)
	}
	out, err := pb.Canonical()
	if err != nil || !strings.Contains(string(out), `"x_own":{"a":[1]}`) {
		t.Errorf("got %s, %v, want the unknown property kept", out, err)
	}
}

func TestEachBrokenRuleIsNamedWithItsPath(t *testing.T) {
	tests := []struct{ name, old, new, want string }{
		{"type", `"playbook","spec`, `"book","spec`, `$.type is "book"`},
		{"version", `cacao-2.0`, `cacao-1.0`, `$.spec_version is "cacao-1.0"`},
		{"id", `"id":"playbook--0f3b2c4a`, `"id":"playbook--zf3b2c4a`, `$.id is "playbook--zf3b2c4a`},
		{"id of another type", `"id":"playbook--`, `"id":"action--`, `must begin with playbook--`},
		{"name", `"name":"Small"`, `"name":" "`, `$.name is required`},
		{"author", `"created_by":"identity`, `"created_by":"group`, `$.created_by`},
		{"date", `"2026-01-31T08:00:00Z"`, `"2026-01-32T08:00:00Z"`, `$.created is`},
		{"no date", `"created":"2026-01-31T08:00:00Z"`, `"created":""`, `$.created is required`},
		{"zone", `08:00:00.5Z`, `08:00:00.5+01:00`, `$.modified is`},
		{"order of dates", `08:00:00.5Z`, `07:00:00Z`, `$.modified is before created`},
		{"priority", `"name":"Small"`, `"name":"Small","priority":101`, `$.priority is 101`},
		{"variable", `__go__`, `go`, `$.playbook_variables["go"] has no name of a variable`},
		{"variable's value", `"type":"bool"`, `"type":"bool","value":1`, `.value must be a string or null`},
		{"start", `"workflow_start":"start--0f3b2c4a`, `"workflow_start":"start--1f3b2c4a`, `$.workflow_start names`},
		{"start of a wrong type", `"workflow_start":"~start0`, `"workflow_start":"~action1`, `it must be a start`},
		{"no start", `"workflow_start":"~start0"`, `"workflow_start":""`, `$.workflow_start is required`},
		{"exception", `"name":"Small"`, `"name":"Small","workflow_exception":"~end8"`, `$.workflow_exception names`},
		{"step", `"on_completion":"~end9"`, `"on_completion":"~end8"`, `.on_completion names "~end8", which the workflow does not have`},
		{"unreachable", `"on_completion":"~action1"`, `"on_completion":"~end9"`, `$.workflow["~action1"] cannot be reached`},
		{"round", `"on_completion":"~end9"`, `"on_completion":"~action1"`, `$.workflow["~action1"] goes round without a while-condition`},
		{"back to start", `"on_completion":"~end9"`, `"on_completion":"~start0"`, `leads back to a start`},
		{"no end", `{"type":"end"}`, `{"type":"parallel"}`, `$.workflow has no step of type end`},
		{"unknown type", `{"type":"end"}`, `{"type":"stop"}`, `.type is "stop"; the types are start, end`},
		{"id against type", `{"type":"end"}`, `{"type":"parallel","next_steps":["~end9"]}`, `must begin with parallel--`},
		{"end goes on", `{"type":"end"}`, `{"type":"end","on_completion":"~action1"}`, `is an end and must have no`},
		{"start may fail", `{"type":"start",`, `{"type":"start","on_failure":"~end9",`, `is a start and must have on_completion alone`},
		{"both ways", `"on_completion":"~end9"`, `"on_completion":"~end9","on_success":"~end9"`, `must not stand beside`},
		{"no way on", `,"on_completion":"~end9"`, ``, `.on_completion is required`},
		{"no agent", `"agent":"~group0",`, ``, `.agent is required`},
		{"unknown agent", `"agent":"~group0"`, `"agent":"~group5"`, `.agent names`},
		{"unknown target", `"agent":"~group0"`, `"agent":"~group0","targets":["~ssh0"]`, `.targets[0] names`},
		{"no commands", `"commands":[`, `"other":[`, `.commands is required`},
		{"command without type", `{"type":"manual",`, `{`, `.commands[0].type is required`},
		{"empty command", `"command":"look"`, `"command":""`, `.commands[0].command is required`},
		{"argument", `"agent":"~group0"`, `"agent":"~group0","in_args":["__x__"]`, `.in_args[0] names "__x__"`},
		{"owner", `"agent":"~group0"`, `"agent":"~group0","owner":"me"`, `.owner is "me"`},
		{"extension", `"agent":"~group0"`, `"agent":"~group0","step_extensions":{"extension-definition--a":{}}`, `is an extension that extension_definitions does not have`},
		{"delay", `"agent":"~group0"`, `"agent":"~group0","delay":-1`, `below zero`},
		{"agent's type", `"type":"group"`, `"type":"invalid"`, `.type is "invalid", but the identifier says group`},
		{"agent's mail", `"name":"Desk"`, `"name":"Desk","contact":{"email":{"work":"a@b.example;x"}}`, `.contact.email["work"] is`},
		{"agent's name", `"name":"Desk"`, `"name":""`, `.name is required`},
		{"agent's login", `"name":"Router"`, `"name":"Router","authentication_info":"user-auth--x"`, `.authentication_info names`},
		{"if", `{"type":"end"}`, `{"type":"if-condition"}`, `.condition is required`},
		{"switch", `{"type":"end"}`, `{"type":"switch-condition"}`, `.cases is required`},
		{"parallel", `{"type":"end"}`, `{"type":"parallel"}`, `.next_steps is required`},
		{"playbook", `{"type":"end"}`, `{"type":"playbook-action"}`, `.playbook_id is required`},
		{"reference", `"name":"Small"`, `"name":"Small","external_references":[{"url":"x"}]`, `$.external_references[0].name is required`},
	}
	sound := small(flow(line))
	for _, tt := range tests {
		text := strings.ReplaceAll(sound, flow(tt.old), flow(tt.new))
		if text == sound {
			t.Fatalf("%s: the test changes nothing", tt.name)
		}
		problems := cacao.Check(parsed(t, text))
		if !slices.ContainsFunc(problems, func(p cacao.Problem) bool { return strings.Contains(p.String(), flow(tt.want)) }) {
			t.Errorf("%s: got %v, want one with %q", tt.name, problems, flow(tt.want))
		}
	}
}

func TestAWhileConditionMayGoRound(t *testing.T) {
	text := small(flow(`{"~start0":{"type":"start","on_completion":"~while-condition1"},
	"~while-condition1":{"type":"while-condition","condition":"x","on_true":"~action2","on_completion":"~end9"},
	"~action2":{"type":"action","name":"Look","agent":"~group0","commands":[{"type":"manual","command":"look"}],"on_completion":"~while-condition1"},
	"~end9":{"type":"end"}}`))
	if got := cacao.Check(parsed(t, text)); got != nil {
		t.Errorf("got %v, want none", got)
	}
}

func TestWhatIsNoPlaybookIsRefused(t *testing.T) {
	for text, want := range map[string]string{
		``: "EOF", `[]`: "JSON object", `{"type":1}`: "/type", `{"type":"a","type":"b"}`: "duplicate", `{"workflow":{"a":{"commands":{}}}}`: "/workflow/a/commands",
		strings.Repeat(`[`, 40): "deeper", `{} {}`: "JSON object", "{\"name\":\"\xff\"}": "UTF-8", `{"x":"` + strings.Repeat("a", cacao.MaxSize) + `"}`: "4 MiB",
		`{"workflow":{` + many(501) + `}}`: "500 steps",
	} {
		if _, err := cacao.Read(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60s: got %v, want an error with %q", text, err, want)
		}
	}
}

func many(n int) string {
	var parts []string
	for i := range n {
		parts = append(parts, fmt.Sprintf(`"a%d":{}`, i))
	}
	return strings.Join(parts, ",")
}

func TestTheChecklistIsInTheOrderOfWork(t *testing.T) {
	act := func(id, name, more string) string {
		return `"~action` + id + `":{"type":"action","name":"` + name + `","agent":"~group0","commands":[{"type":"manual","command":"do"}],` + more + `}`
	}
	pb := parsed(t, small(flow(`{"~start0":{"type":"start","on_completion":"~action1"},`+
		act("1", "first", `"on_success":"~if-condition1","on_failure":"~action2"`)+`,`+
		act("2", "rescue", `"on_completion":"~if-condition1"`)+`,
		"~if-condition1":{"type":"if-condition","name":"fire?","condition":"__go__:value = true","on_true":"~action3","on_false":"~switch-condition1"},`+
		act("3", "leave", `"on_completion":"~action4"`)+`,`+act("4", "call", `"on_completion":"~parallel1"`)+`,
		"~switch-condition1":{"type":"switch-condition","name":"colour","switch":"__go__","cases":{"red":"~action5","default":"~parallel1"}},`+
		act("5", "paint", `"on_completion":"~parallel1"`)+`,
		"~parallel1":{"type":"parallel","name":"both","next_steps":["~action6","~action7"],"on_completion":"~while-condition1"},`+
		act("6", "left", `"on_completion":"~end8"`)+`,`+act("7", "right", `"on_completion":"~end8"`)+`,
		"~while-condition1":{"type":"while-condition","name":"still?","condition":"c","on_true":"~action8","on_completion":"~end9"},`+
		act("8", "wait", `"on_completion":"~while-condition1"`)+`,"~end8":{"type":"end"},"~end9":{"type":"end"}}`)))
	var got []string
	for _, it := range cacao.Checklist(pb) {
		s := it.Number + " " + it.Name
		if it.Branch != cacao.Always {
			s += " [" + string(it.Branch) + it.Case + "]"
		}
		for _, j := range it.Jumps {
			s += " " + string(j.On) + ">" + j.To
		}
		got = append(got, s)
	}
	want := []string{
		"1 first", "1a rescue [failure]", "2 fire?", "2a.1 leave [if]", "2a.2 call", "2b.1 colour [else] else>3", "2b.1a paint [casered]",
		"3 both", "3a left [parallel]", "3b right [parallel]", "4 still?", "4a wait [while]",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestCommandsForMachinesAreNotShownAsOrders(t *testing.T) {
	items := cacao.Checklist(parsed(t, small(flow(line))))
	if len(items) != 1 || len(items[0].Orders) != 2 {
		t.Fatalf("got %v, want one item with two orders", items)
	}
	if got := items[0].Orders[0].String(); got != "look" {
		t.Errorf("got %q, want the manual text", got)
	}
	if got := items[0].Orders[1].String(); got != "command for ssh (not run here)" {
		t.Errorf("got %q, want that it is not run", got)
	}
	if items[0].Agent != "Desk" || items[0].Role != "" {
		t.Errorf("got agent %q, role %q, want Desk without a role", items[0].Agent, items[0].Role)
	}
}

// TestPlaybooksOfOthers walks real playbooks: each that says that it is a CACAO 2.0
// playbook is read, written and laid out; what Check says of it is logged. A file that
// is named invalid, missing, infinite or changed is refused, or has problems.
func TestPlaybooksOfOthers(t *testing.T) {
	root := filepath.Join(os.Getenv("ALMENARA_TESTDATA"), "cacao")
	if _, err := os.Stat(root); os.Getenv("ALMENARA_TESTDATA") == "" || err != nil {
		t.Skip("ALMENARA_TESTDATA has no folder cacao")
	}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".json" {
			return err
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if bytes.Contains(raw, []byte(`"cacao-2.0"`)) {
			t.Run(d.Name(), func(t *testing.T) { foreign(t, path, raw) })
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func foreign(t *testing.T, path string, raw []byte) {
	name := filepath.Base(path)
	bad := slices.ContainsFunc([]string{"invalid", "missing", "infinite", "changed"}, func(s string) bool { return strings.Contains(name, s) })
	pb, err := cacao.Read(bytes.NewReader(raw))
	if err != nil {
		if t.Log(err); !bad {
			t.Errorf("got %v, want it read", err)
		}
		return
	}
	problems := cacao.Check(pb)
	for _, p := range problems {
		t.Log(p)
	}
	t.Logf("%d problems, %d items", len(problems), len(cacao.Checklist(pb)))
	if bad && len(problems) == 0 {
		t.Error("no problem found, want one")
	}
	again, err := pb.Canonical()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(problems, cacao.Check(parsed(t, string(again)))); diff != "" {
		t.Errorf("written and read again it has other problems (-first +second):\n%s", diff)
	}
}

func TestTheLargestPlaybookIsLaidOutInTime(t *testing.T) {
	var b strings.Builder
	b.WriteString(`{"a0":{"type":"start","on_completion":"a1"}`)
	for i := 1; i < cacao.MaxSteps; i++ {
		fmt.Fprintf(&b, `,"a%d":{"type":"if-condition","condition":"c","on_true":"a%d","on_false":"a%d","on_failure":"a%d"}`, i, i+1, i+2, i+3)
	}
	b.WriteString(`}`)
	pb := parsed(t, strings.ReplaceAll(small(b.String()), flow("~start0"), "a0"))
	start := time.Now()
	cacao.Check(pb)
	if got := len(cacao.Checklist(pb)); got != cacao.MaxSteps-1 {
		t.Errorf("got %d items, want %d", got, cacao.MaxSteps-1)
	}
	took := time.Since(start)
	t.Logf("%d steps in %v", cacao.MaxSteps, took)
	if took > 10*time.Second {
		t.Errorf("took %v, want less than 10 s", took)
	}
}

// The seeds are small on purpose: large ones keep the fuzzer busy with making them small.
func FuzzRead(f *testing.F) {
	f.Add([]byte(small(flow(line))))
	f.Add([]byte(`{"workflow_start":"a","workflow":{"a":{"type":"switch-condition","switch":"x","cases":{"1":"b","default":"c"},"step_extensions":{"` + cacao.ChecklistExtension + `":{"role":"operator","within":"PT15M","text":{"fr":{"name":"n","commands":["o"]}}}}},"b":{"type":"while-condition","on_true":"a","on_completion":"c"},"c":{"type":"end"}}}`))
	f.Add([]byte(`{"workflow_start":"a","workflow":{"a":{"type":"if-condition","on_true":"a","on_false":"b"},"b":{"type":"parallel","next_steps":["a","b","b"]}}}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		pb, err := cacao.Read(bytes.NewReader(raw))
		if err != nil {
			return
		}
		problems := cacao.Check(pb)
		seen := map[string]bool{}
		for _, it := range cacao.Checklist(pb.In("fr")) {
			if seen[it.Step] || seen["#"+it.Number] {
				t.Fatalf("step %q, number %s twice", it.Step, it.Number)
			}
			seen[it.Step], seen["#"+it.Number] = true, true
		}
		out, err := pb.Canonical()
		if err != nil {
			t.Fatal(err)
		}
		again, err := cacao.Read(bytes.NewReader(out))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(problems, cacao.Check(again)); diff != "" {
			t.Fatalf("(-first +second):\n%s", diff)
		}
	})
}
