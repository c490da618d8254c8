package guard_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"almenara.example/internal/act"
	"almenara.example/internal/guard"
)

// machineOnly lists verbs that no role has: the program does them on a standing
// instruction, in its own room.
func machineOnly() []string {
	return []string{
		"outbound.receive_mail", "portal.ask_link", "portal.note_link", "portal.send_link",
		"constituency.match_again", "incident.recount", "incident.remind", "ledger.note_restore", "guard.offer_key", "warn.escalate", "warn.note_outcome", "warn.send_notice", "warn.take_mail", "watch.expire", "watch.forget_delivery",
		"watch.match_again", "watch.set_delivery_aside", "watch.take_in", "watch.take_in_rows",
	}
}

// others lists verbs of those who have no role.
func others() map[string]act.Actor {
	return map[string]act.Actor{
		"guard.found": guard.LocalOperator(), "guard.let_back_in": guard.LocalOperator(), "ledger.note_backup": guard.LocalOperator(),
		"guard.sign_in_by_link": visitor(), "guard.sign_in_by_passkey": visitor(), "warn.answer_by_link": visitor(),
		"warn.open_by_link":       visitor(),
		"warn.answer":             {ID: "person:9", Kind: act.Person, Org: 5, Roles: []string{guard.RoleContact}},
		"guard.issue_fetch_token": {ID: "person:9", Kind: act.Person, Org: 5, Roles: []string{guard.RoleContact}},
	}
}

func visitor() act.Actor { return act.Actor{ID: "visitor", Kind: act.Visitor} }

func withRole(role string) act.Actor {
	return act.Actor{ID: "person:9", Kind: act.Person, Org: guard.OwnOrg, Roles: []string{role}}
}

// verbsInCode collects the text of every field and assignment named Verb below
// internal/, tests left out.
func verbsInCode(t *testing.T) []string {
	t.Helper()
	found := map[string]bool{}
	note := func(name string, e ast.Expr) {
		lit, ok := e.(*ast.BasicLit)
		if !ok || name != "Verb" {
			return
		}
		if text, err := strconv.Unquote(lit.Value); err == nil && strings.Contains(text, ".") {
			found[text] = true
		}
	}
	root := os.DirFS("..")
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") || strings.Contains(name, "archtest") {
			return err
		}
		src, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, src, parser.SkipObjectResolution)
		if err != nil {
			return nil //nolint:nilerr // the compiler says that better
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.KeyValueExpr:
				if key, ok := n.Key.(*ast.Ident); ok {
					note(key.Name, n.Value)
				}
			case *ast.AssignStmt:
				for i, left := range n.Lhs {
					if sel, ok := left.(*ast.SelectorExpr); ok && i < len(n.Rhs) {
						note(sel.Sel.Name, n.Rhs[i])
					}
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for v := range found {
		out = append(out, v)
	}
	slices.Sort(out)
	return out
}

func allows(t *testing.T, p *guard.Policies, a act.Actor, verb string) bool {
	t.Helper()
	d, err := p.Decide(t.Context(), nil, act.Call{Actor: a, Verb: verb})
	if err != nil {
		t.Fatal(err)
	}
	if d.Allow && d.Policy == "" {
		t.Errorf("%s: allowed without the id of a policy", verb)
	}
	return d.Allow
}

func TestEveryVerbInTheCodeIsSomebodysToDo(t *testing.T) {
	p, err := guard.LoadPolicies()
	if err != nil {
		t.Fatal(err)
	}
	verbs := verbsInCode(t)
	if len(verbs) < 20 {
		t.Fatalf("got %d verbs, want those of all rooms: %v", len(verbs), verbs)
	}
	for _, verb := range verbs {
		if who, ok := others()[verb]; ok {
			if !allows(t, p, who, verb) {
				t.Errorf("%s is not permitted to %s", verb, who.Kind)
			}
			continue
		}
		var may []string
		for _, role := range guard.Roles() {
			if role != guard.RoleContact && allows(t, p, withRole(role), verb) {
				may = append(may, role)
			}
		}
		switch machine := slices.Contains(machineOnly(), verb); {
		case len(may) == 0 && !machine:
			t.Errorf("%s is permitted to no role: name it in policies/*.cedar or list it as the machine's", verb)
		case machine && !allows(t, p, act.MachineActor(verb), verb):
			t.Errorf("%s is not permitted to the machine of its room", verb)
		}
	}
}

func TestWhatEachRoleMayDo(t *testing.T) {
	p, err := guard.LoadPolicies()
	if err != nil {
		t.Fatal(err)
	}
	const (
		admin, officer, lead, keeper = guard.RoleAdministrator, guard.RoleWatchOfficer, guard.RoleDutyLead, guard.RoleConstituency
		reader, oversight            = guard.RoleReader, guard.RoleOversight
		feed                         = guard.RoleFeed
	)
	everybody := guard.Roles()
	for verb, roles := range map[string][]string{
		"watch.read":                   {officer, lead, keeper, reader, oversight},
		"watch.read_raw":               {officer, lead},
		"watch.deliver":                {officer, lead, feed},
		"watch.close_finding":          {officer, lead},
		"watch.set_mode":               {lead},
		"watch.accept_preview":         {lead},
		"watch.add_source":             {admin, lead},
		"warn.release_notice":          {lead},
		"guard.release":                {lead},
		"guard.add_person":             {admin},
		"guard.add_contact":            {admin, officer, keeper, lead},
		"guard.change_contact":         {admin, officer, keeper, lead},
		"guard.change_person":          {admin},
		"guard.grant_role":             {admin},
		"guard.set_roles":              {admin},
		"guard.issue_link":             {admin},
		"guard.issue_token":            {admin},
		"guard.let_back_in":            {},
		"guard.found":                  {},
		"guard.change_key":             {admin},
		"guard.change_contact_key":     {admin, officer, keeper, lead},
		"guard.change_own_key":         everybody,
		"guard.end_organisation":       {admin, keeper, lead},
		"constituency.claim_asset":     {keeper, lead},
		"duty.read":                    {officer, lead, keeper, reader, oversight},
		"duty.change_shift":            {lead},
		"duty.write_handover":          {officer, lead},
		"guard.read":                   {admin, lead, oversight},
		"guard.sign_out":               everybody,
		"guard.end_own_token":          everybody,
		"guard.end_session":            {admin},
		"guard.remove_passkey":         everybody,
		"guard.remove_passkey_of":      {admin},
		"ledger.read":                  {admin, lead, oversight},
		"ledger.state_restore":         {admin},
		"constituency.change_operator": {keeper, lead},
		"constituency.change_asset":    {officer, keeper, lead},
		"watch.no_such_verb":           {},
	} {
		for _, role := range everybody {
			if got, want := allows(t, p, withRole(role), verb), slices.Contains(roles, role); got != want {
				t.Errorf("%s by %s: got %v, want %v", verb, role, got, want)
			}
		}
	}
}

func TestAnAnswerThatIsRememberedIsThatOfTheSameCallOnly(t *testing.T) {
	p, err := guard.LoadPolicies()
	if err != nil {
		t.Fatal(err)
	}
	allowed := func(a act.Actor, verb string) bool {
		t.Helper()
		d, err := p.Decide(t.Context(), nil, act.Call{Actor: a, Verb: verb, Purpose: "warn"})
		if err != nil || d.Allow && d.Policy == "" || !d.Allow && len(d.Reasons) == 0 {
			t.Fatalf("%s: got %+v and %v, want an answer with its policy or reasons", verb, d, err)
		}
		return d.Allow
	}
	warn, watch := act.MachineActor("warn.send"), act.MachineActor("watch.intake")
	scoped := warn
	scoped.Scope = []string{"watch.read"}
	for round := range 3 {
		for _, c := range []struct {
			who  act.Actor
			verb string
			want bool
		}{
			{warn, "warn.send_notice", true},
			{watch, "warn.send_notice", false},
			{scoped, "warn.send_notice", false},
			{warn, "guard.grant_role", false},
			{withRole(guard.RoleAdministrator), "guard.grant_role", true},
			{withRole(guard.RoleReader), "guard.grant_role", false},
		} {
			if got := allowed(c.who, c.verb); got != c.want {
				t.Errorf("round %d, %s by %s %v %v: got %v, want %v", round, c.verb, c.who.ID, c.who.Roles, c.who.Scope, got, c.want)
			}
		}
		for i := range 1200 { // more than are remembered
			allowed(act.MachineActor("room"+strconv.Itoa(i)+".do"), "warn.send_notice")
		}
	}
}

func TestMachinesVisitorsAndScopesKeepToTheirOwn(t *testing.T) {
	p, err := guard.LoadPolicies()
	if err != nil {
		t.Fatal(err)
	}
	scoped := withRole(guard.RoleAdministrator)
	scoped.Scope = []string{"guard.read"}
	nothing := withRole(guard.RoleAdministrator)
	nothing.Scope = []string{}
	for _, c := range []struct {
		name string
		who  act.Actor
		verb string
		want bool
	}{
		{"a machine in its room", act.MachineActor("watch.intake"), "watch.take_in", true},
		{"a machine in another room", act.MachineActor("watch.intake"), "warn.send_notice", false},
		{"a machine that releases", act.MachineActor("warn.send"), "guard.release", true},
		{"another machine that releases", act.MachineActor("watch.intake"), "guard.release", false},
		{"a machine that grants a role", act.MachineActor("warn.send"), "guard.grant_role", false},
		{"a visitor who signs in", visitor(), "guard.sign_in_by_link", true},
		{"a visitor who reads", visitor(), "watch.read", false},
		{"a visitor who changes a person", visitor(), "guard.change_self", false},
		{"a token within its scope", scoped, "guard.read", true},
		{"a token beyond its scope", scoped, "guard.grant_role", false},
		{"a token with an empty scope", nothing, "guard.read", false},
		{"the local operator", guard.LocalOperator(), "guard.let_back_in", true},
		{"nobody", act.Actor{}, "watch.read", false},
	} {
		if got := allows(t, p, c.who, c.verb); got != c.want {
			t.Errorf("%s (%s): got %v, want %v", c.name, c.verb, got, c.want)
		}
	}
}

func BenchmarkADecision(b *testing.B) {
	p, err := guard.LoadPolicies()
	if err != nil {
		b.Fatal(err)
	}
	c := act.Call{Actor: withRole(guard.RoleDutyLead), Verb: "watch.set_mode"}
	b.ReportAllocs()
	for b.Loop() {
		if d, err := p.Decide(b.Context(), nil, c); err != nil || !d.Allow {
			b.Fatal(d, err)
		}
	}
}
