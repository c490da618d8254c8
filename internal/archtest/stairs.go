package archtest

import (
	"slices"
	"strings"
)

// Stair is one stair: what stands on it may import what is on lower ones.
type Stair struct {
	Rooms []string // folders of internal/; those on one stair do not import each other
	What  string
}

// Stairs are the stairs of internal/, lowest first. Below all of them are the
// public libraries at the root; above all of them are cmd/, test/ and tools/.
func Stairs() []Stair {
	return []Stair{
		{[]string{"foundation"}, "no domain words"},
		{[]string{"ledger"}, "entries, tree, checkpoints"},
		{[]string{"act"}, "the frame of every verb"},
		{[]string{"guard"}, "who may"},
		{[]string{"outbound"}, "the only way out"},
		{[]string{"constituency"}, "who is who, what is whose"},
		{[]string{"duty"}, "who is on duty, and the pack for the night"},
		{[]string{"risk"}, "what depends on what"},
		{[]string{"watch"}, "deliveries and findings"},
		{[]string{"warn"}, "notices and receipts"},
		{[]string{"incident"}, "response until recovery"},
		{[]string{"evidence"}, "items and cases"},
		{[]string{"cooperate", "referral"}, "help across borders; platforms"},
		{[]string{"exercise"}, "drills of the rooms below"},
		{[]string{"exchange", "strategy", "oversight", "desk", "portal"}, "galleries"},
		{[]string{"demo"}, "a nation to look at, through verbs and imports"},
		{[]string{"app"}, "wiring and life"},
	}
}

const (
	libraries = -1 // the stair of the public libraries
	top       = 1000
)

// stairOf returns the stair of a package and its room; ok is false for a folder
// of internal/ that is not on the stairs.
func stairOf(pkg string) (stair int, room string, ok bool) {
	first, rest, _ := strings.Cut(pkg, "/")
	switch first {
	case "cmd", "test", "tools":
		return top, first, true
	case "internal":
	default:
		return libraries, first, true
	}
	room, _, _ = strings.Cut(rest, "/")
	if room == "archtest" || room == "" {
		return top, room, true
	}
	for i, s := range Stairs() {
		if slices.Contains(s.Rooms, room) {
			return i, room, true
		}
	}
	return 0, room, false
}

// imports checks what a package imports of this module; its test files only for
// what a public library must never see.
func (c *checker) imports(p *Package) {
	if _, room, ok := stairOf(p.Path); !ok {
		c.add("stairs", p.Path, "%s is not on the stairs; give it a place in archtest.Stairs and ARCHITECTURE.md", room)
		return
	}
	for _, f := range p.Files {
		for _, imp := range f.imports() {
			to, ours := strings.CutPrefix(imp, Module+"/")
			if !ours || to == p.Path {
				continue
			}
			rule, why := wall(p.Path, to, f.Test)
			if why != "" {
				c.add(rule, f.Name, "%s", why)
			}
		}
	}
}

// wall says why a file of package from may not import package to; "" when it may.
// Test files are held only to the wall of the public libraries.
func wall(from, to string, test bool) (rule, why string) {
	a, roomA, _ := stairOf(from)
	b, roomB, known := stairOf(to)
	if !known {
		return "stairs", to + " is not on the stairs; give it a place in archtest.Stairs and ARCHITECTURE.md"
	}
	if a == libraries && b != libraries {
		return "libraries", "the public library " + from + " imports " + to + "; libraries know nothing of internal/"
	}
	if test || a == top && from != "cmd/almenara" && !strings.HasPrefix(from, "cmd/") {
		return "", ""
	}
	if testPackage(to) {
		return "test-packages", from + " imports " + to + ", which serves tests only"
	}
	if why := doors(from, to, roomA, roomB); why != "" {
		return "doors", why
	}
	if roomA == "demo" && (to == "internal/foundation/sqldb" || to == "internal/foundation/blob" || to == "internal/ledger") {
		return "demo", from + " imports " + to + "; the demo enters only through verbs and imports"
	}
	if isMail(to) && roomA != "outbound" && !isMail(from) {
		return "mail", from + " imports " + to + "; only outbound sends and fetches: let it carry a Parcel"
	}
	if b > a || b == a && a != libraries && roomA != roomB {
		return "stairs", from + " imports " + to + ", which stands above or beside it; imports only go down: hear its facts, or declare a small interface here and join it in app"
	}
	if roomA == "evidence" && b > slices.IndexFunc(Stairs(), func(s Stair) bool { return s.Rooms[0] == "outbound" }) && roomB != "evidence" {
		return "stairs", from + " imports " + to + "; evidence imports no other room"
	}
	return "", ""
}

// doors holds the walls between rooms: only the room's own package, no doors.
func doors(from, to, roomA, roomB string) string {
	if !strings.HasPrefix(to, "internal/") || roomB == "foundation" {
		return ""
	}
	door := "internal/" + roomB + "/" + roomB + "web"
	if to == door || strings.HasPrefix(to, door+"/") {
		if roomA != "app" && from != door && !strings.HasPrefix(from, door+"/") {
			return from + " imports " + to + ", a room's door; only app opens doors"
		}
		return ""
	}
	if roomA != roomB && roomA != "app" && to != "internal/"+roomB {
		return from + " imports " + to + "; room to room only the room's own package, internal/" + roomB
	}
	return ""
}

func isMail(pkg string) bool {
	for _, p := range []string{"internal/foundation/mail", "internal/foundation/fetch"} {
		if pkg == p || strings.HasPrefix(pkg, p+"/") {
			return true
		}
	}
	return false
}
