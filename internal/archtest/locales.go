package archtest

import (
	"fmt"
	"go/ast"
	"maps"
	"path"
	"regexp"
	"slices"
	"sort"
	"strings"

	"github.com/BurntSushi/toml"
)

var (
	place      = regexp.MustCompile(`\{\{\s*\.(\w+)`)
	wordInPage = regexp.MustCompile(`[{(\s]T\s+"([a-z]+\.[a-zA-Z0-9_.]+)"`)
)

// locales checks the catalogue's files: every language of a folder has the same
// keys with the same places, and every key of a fault in the code is in an
// English file.
func (c *checker) locales() {
	folders := map[string]map[string]map[string]string{} // folder → language → key → text
	known := map[string]bool{}
	for name, text := range c.tree.Locales {
		var raw map[string]any
		if _, err := toml.Decode(text, &raw); err != nil {
			c.add("locales", name, "the file cannot be read: %v", err)
			continue
		}
		// fr.toml, or clocks.fr.toml for a topic of its own.
		lang, dir := strings.TrimSuffix(path.Base(name), ".toml"), path.Dir(name)
		if at := strings.LastIndexByte(lang, '.'); at >= 0 {
			dir, lang = dir+"/"+lang[:at], lang[at+1:]
		}
		if folders[dir] == nil {
			folders[dir] = map[string]map[string]string{}
		}
		flat := map[string]string{}
		flatten("", raw, flat)
		folders[dir][lang] = flat
		if lang == "en" {
			for k := range flat {
				known[k] = true
			}
		}
	}
	for dir, languages := range folders {
		c.sameKeys(dir, languages)
	}
	if len(known) > 0 {
		c.faultKeys(known)
		c.pageKeys(known)
	}
	sort.SliceStable(c.violations, func(i, j int) bool { // maps come in any order
		a, b := c.violations[i], c.violations[j]
		return a.Rule == "locales" && b.Rule == "locales" && a.Where+a.Why < b.Where+b.Why
	})
}

func (c *checker) sameKeys(dir string, languages map[string]map[string]string) {
	en := languages["en"]
	if en == nil {
		c.add("locales", dir, "there is no en.toml")
		return
	}
	for lang, texts := range languages {
		if lang == "en" {
			continue
		}
		for k, text := range texts {
			if want, ok := en[k]; !ok {
				c.add("locales", dir+"/"+lang+".toml", "%s is not in en.toml", k)
			} else if a, b := places(want), places(text); !slices.Equal(a, b) {
				c.add("locales", dir+"/"+lang+".toml", "%s has the places %v, en.toml has %v", k, b, a)
			}
		}
		for k := range en {
			if _, ok := texts[k]; !ok && (!forOutsiders(lang) || outsidersWord(k)) {
				c.add("locales", dir+"/"+lang+".toml", "%s is missing", k)
			}
		}
	}
	for _, lang := range []string{"fr", "es"} {
		if languages[lang] != nil || forOutsiders(lang) && !slices.ContainsFunc(slices.Collect(maps.Keys(en)), outsidersWord) {
			continue
		}
		c.add("locales", dir, "there is no %s.toml", lang)
	}
}

// forOutsiders tells whether a language is spoken to organisations outside alone: it
// has the words that they meet, and the desk's only where somebody wrote them.
func forOutsiders(lang string) bool { return lang == "es" }

// outsidersWord tells whether a key is one that organisations outside meet: on the
// portal's pages, those of signing in and the own affairs, and in mails.
func outsidersWord(key string) bool {
	for _, p := range []string{
		"frame.", "fault.", "portal.", "pgp.", "warn.mail.", "warn.severity.", "warn.warning.severity.", "warn.answer.already", "warn.answer.invalid",
		"warn.answer.long", "warn.answer.reason", "warn.answer.what", "warn.link.", "warn.notice.none", "warn.hook.", "outbound.hook.", "constituency.claim.many",
		"guard.signin.", "guard.signout.", "guard.link.title", "guard.link.for", "guard.link.once", "guard.link.use", "guard.passkey", "guard.session", "guard.me.", "guard.how.",
		"guard.browser", "guard.person.field.zone", "guard.person.field.language", "guard.key.", "guard.name.", "guard.email.", "guard.credential.", "guard.token.life",
		"guard.token.many", "guard.token.none", "guard.token.outside", "guard.token.end", "guard.tokens.none",
		"watch.what.", "incident.mail.", "incident.why.", "incident.none", "incident.changed_meanwhile", "incident.invalid", "incident.state.not_open", "incident.state.closed", "incident.kind.", "incident.marking.",
		"incident.text.", "incident.lead.", "incident.entry.", "incident.audience.", "incident.question.", "incident.task.", "incident.file.", "incident.observable.",
	} {
		if key == p || strings.HasSuffix(p, ".") && strings.HasPrefix(key, p) || !strings.HasSuffix(p, ".") && strings.HasPrefix(key, p+".") {
			return key != "guard.tokens.none.why" && key != "warn.mail.title" && !strings.HasPrefix(key, "warn.severity.hint.")
		}
	}
	return false
}

// flatten writes nested tables as dotted keys; a table of plural forms is one
// text, whose places are those of all its forms.
func flatten(prefix string, in map[string]any, out map[string]string) {
	if prefix != "" && plural(in) {
		var all []string
		for _, k := range slices.Sorted(maps.Keys(in)) {
			all = append(all, fmt.Sprint(in[k]))
		}
		out[prefix] = strings.Join(all, "\n")
		return
	}
	for k, v := range in {
		if prefix != "" {
			k = prefix + "." + k
		}
		if t, ok := v.(map[string]any); ok {
			flatten(k, t, out)
			continue
		}
		out[k] = fmt.Sprint(v)
	}
}

func plural(t map[string]any) bool {
	if _, ok := t["other"].(string); !ok {
		return false
	}
	for k := range t {
		if !slices.Contains([]string{"zero", "one", "two", "few", "many", "other"}, k) {
			return false
		}
	}
	return true
}

func places(text string) []string {
	var out []string
	for _, m := range place.FindAllStringSubmatch(text, -1) {
		out = append(out, m[1])
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// faultKeys looks for keys of faults that no English file has.
func (c *checker) faultKeys(known map[string]bool) {
	const pkg = Module + "/internal/foundation/fault"
	argument := map[string]int{"New": 1, "OnField": 1, "Wrap": 1, "Hide": 1, "Join": 0}
	for _, p := range c.tree.Packages {
		for _, f := range p.Files {
			local := f.local(pkg)
			if f.Test || local == "" {
				continue
			}
			check := func(e ast.Expr) {
				lit, ok := e.(*ast.BasicLit)
				if !ok {
					return
				}
				if key := unquoted(lit); key != "" && !known[key] {
					c.add("locales", c.at(e.Pos()), "the public sentence %q is in no locales/en.toml", key)
				}
			}
			ast.Inspect(f.AST, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.CallExpr:
					if i, ok := argument[faultName(n.Fun, local)]; ok && i < len(n.Args) {
						check(n.Args[i])
					}
				case *ast.CompositeLit:
					if faultName(n.Type, local) != "Error" {
						return true
					}
					for _, e := range n.Elts {
						if kv, ok := e.(*ast.KeyValueExpr); ok && fmt.Sprint(kv.Key) == "Key" {
							check(kv.Value)
						}
					}
				}
				return true
			})
		}
	}
}

// pageKeys looks for keys in templates, {{T "key" …}}, that no English file has.
func (c *checker) pageKeys(known map[string]bool) {
	for _, name := range slices.Sorted(maps.Keys(c.tree.Pages)) {
		for i, line := range strings.Split(c.tree.Pages[name], "\n") {
			for _, m := range wordInPage.FindAllStringSubmatch(line, -1) {
				if !known[m[1]] {
					c.add("locales", fmt.Sprintf("%s:%d", name, i+1), "the word %q is in no locales/en.toml", m[1])
				}
			}
		}
	}
}

// faultName is the name in fault.Name, "" for anything else.
func faultName(e ast.Expr, local string) string {
	sel, ok := e.(*ast.SelectorExpr)
	if !ok {
		return ""
	}
	if x, ok := sel.X.(*ast.Ident); !ok || x.Name != local {
		return ""
	}
	return sel.Sel.Name
}
