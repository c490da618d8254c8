package archtest

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
)

// The markers between which the drawing stands.
const (
	mapBegin = "<!-- stairs: drawn by `make map` -->"
	mapEnd   = "<!-- end of stairs -->"
)

// Map draws the tree's stairs, highest first: each room with its packages, the
// lower rooms that it imports, and what it is for.
func Map(t *Tree) string {
	rooms, imports := map[string][]string{}, map[string][]string{}
	for _, p := range t.Packages {
		stair, room, ok := stairOf(p.Path)
		if !ok || onlyTests(p) || testPackage(p.Path) || room == "" {
			continue
		}
		if stair == libraries {
			room = "libraries"
		}
		rooms[room] = append(rooms[room], p.Path)
		for _, imp := range p.Imports() {
			to, ours := strings.CutPrefix(imp, Module+"/")
			if !ours {
				continue
			}
			s, r, _ := stairOf(to)
			if s == libraries {
				r = "libraries"
			}
			if r != room && !slices.Contains(imports[room], r) {
				imports[room] = append(imports[room], r)
			}
		}
	}
	var b strings.Builder
	b.WriteString("```\n")
	line := func(room, what string) {
		if len(rooms[room]) == 0 {
			return
		}
		b.WriteString(strings.TrimRight(fmt.Sprintf("%-13s %-33s %s", room, what, below(imports[room])), " ") + "\n")
		if in := inner(room, rooms[room]); in != "" {
			fmt.Fprintf(&b, "%-13s   %s\n", "", in)
		}
	}
	line("cmd", "the command line")
	stairs := Stairs()
	for i := len(stairs) - 1; i >= 0; i-- {
		for _, r := range stairs[i].Rooms {
			line(r, stairs[i].What)
		}
	}
	line("libraries", "public, a format each")
	b.WriteString("```\n")
	return b.String()
}

func onlyTests(p *Package) bool {
	return !slices.ContainsFunc(p.Files, func(f *File) bool { return !strings.HasSuffix(f.Name, "_test.go") })
}

// below lists imports in the order of the stairs, lowest first.
func below(imports []string) string {
	order := []string{"libraries"}
	for _, s := range Stairs() {
		order = append(order, s.Rooms...)
	}
	slices.SortFunc(imports, func(a, b string) int { return slices.Index(order, a) - slices.Index(order, b) })
	if len(imports) == 0 {
		return ""
	}
	return "on " + strings.Join(imports, ", ")
}

// inner lists a room's packages besides the room itself, wrapped.
func inner(room string, pkgs []string) string {
	var names []string
	for _, p := range pkgs {
		switch {
		case p == "internal/"+room:
		case room == "libraries" || room == "cmd":
			names = append(names, p)
		default:
			names = append(names, strings.TrimPrefix(p, "internal/"+room+"/"))
		}
	}
	slices.SortFunc(names, func(a, b string) int { return strings.Compare(path.Clean(a), path.Clean(b)) })
	var b strings.Builder
	width := 0
	for i, n := range names {
		if i > 0 && width+len(n) > 70 {
			b.WriteString("\n                ")
			width = 0
		} else if i > 0 {
			b.WriteString(" ")
		}
		b.WriteString(n)
		width += len(n) + 1
	}
	return b.String()
}

// PutMap returns text with the drawing between its markers replaced.
func PutMap(text, drawing string) (string, error) {
	head, rest, ok := strings.Cut(text, mapBegin)
	_, tail, ok2 := strings.Cut(rest, mapEnd)
	if !ok || !ok2 {
		return "", errors.New("the markers of the stairs are missing")
	}
	return head + mapBegin + "\n" + drawing + mapEnd + tail, nil
}
