package archtest

import (
	"fmt"
	"go/ast"
	"go/token"
	"path"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
)

// forbidden are the constructs that one SQL text for two engines cannot have.
type forbidden struct {
	pattern *regexp.Regexp
	why     string
}

// forbiddenSQL is searched in texts without comments and quoted strings.
func forbiddenSQL() []forbidden {
	f := func(pattern, why string) forbidden { return forbidden{regexp.MustCompile(`(?i)` + pattern), why} }
	return []forbidden{
		f(`\bi?like\b`, "LIKE folds case differently on the two engines; compare exactly or search in Go"),
		f(`::`, "a cast with :: is PostgreSQL's; bind the right type, or use cast(… as …)"),
		f(`\?`, "a ? parameter; both engines take $1"),
		f(`\binsert\s+or\s+\w+`, "INSERT OR … is SQLite's; use on conflict (…) do …"),
		f(`\b(autoincrement|(big|small)?serial|identity)\b`, "numbers come from Go, not from the database"),
		f(`\bcollate\b`, "the database collates by C; name no collation"),
		f(`\bfor\s+update\b`, "SQLite has no FOR UPDATE; acts are serial already"),
		f(`\bnow\s*\(\s*\)|\bcurrent_(timestamp|time|date)\b`, "the time comes from the clock as a parameter"),
	}
}

// quotes matches a comment or a quoted string.
var quotes = regexp.MustCompile(`'(?:[^']|'')*'|--[^\n]*`)

// CheckSQL returns what is wrong with one SQL text, wherever it stands.
func CheckSQL(text string) []string {
	bare := quotes.ReplaceAllString(text, "''")
	var out []string
	for _, f := range forbiddenSQL() {
		if m := f.pattern.FindString(bare); m != "" {
			out = append(out, fmt.Sprintf("%q in SQL: %s", m, f.why))
		}
	}
	return out
}

var looksLikeSQL = regexp.MustCompile(`(?is)^\s*(select\s|insert\s+(into|or)\s|update\s+\w+\s+set\s|delete\s+from\s|with\s+(recursive\s+)?\w+\s*(\([^)]*\)\s*)?as\s|create\s+(unique\s+)?(table|index)\s|alter\s+table\s)`)

// sqlLiterals checks the string literals of a file that begin like SQL, together
// with what is added to them by +.
func (c *checker) sqlLiterals(p *Package, f *File) {
	if f.Test || strings.HasSuffix(p.Path, "/postgres") || strings.HasSuffix(p.Path, "/sqlite") {
		return
	}
	seen := map[ast.Node]bool{}
	ast.Inspect(f.AST, func(n ast.Node) bool {
		if n == nil || seen[n] {
			return false
		}
		var text string
		switch n := n.(type) {
		case *ast.BinaryExpr:
			if n.Op != token.ADD {
				return true
			}
			var parts []string
			literals(n, &parts, seen)
			text = strings.Join(parts, " ")
		case *ast.BasicLit:
			text = unquoted(n)
		default:
			return true
		}
		if looksLikeSQL.MatchString(text) {
			for _, why := range CheckSQL(text) {
				c.add("sql", c.at(n.Pos()), "%s", why)
			}
			for _, why := range c.foreignTables(p, text) {
				c.add("sql-walls", c.at(n.Pos()), "%s", why)
			}
		}
		return true
	})
}

func literals(e ast.Expr, parts *[]string, seen map[ast.Node]bool) {
	switch e := e.(type) {
	case *ast.BinaryExpr:
		seen[e] = true
		literals(e.X, parts, seen)
		literals(e.Y, parts, seen)
	case *ast.BasicLit:
		seen[e] = true
		*parts = append(*parts, unquoted(e))
	}
}

func unquoted(l *ast.BasicLit) string {
	if l.Kind != token.STRING {
		return ""
	}
	s, err := strconv.Unquote(l.Value)
	if err != nil {
		return ""
	}
	return s
}

var (
	tableRead    = regexp.MustCompile(`(?i)\b(?:from|join)\s+(\w+)`)
	tableWritten = regexp.MustCompile(`(?i)\b(?:insert\s+into|update|delete\s+from)\s+(\w+)`)
)

// foreignTables says which tables of other rooms a text touches. A room writes
// its own tables only; it reads its own and, for joins, those of guard and
// constituency below it.
func (c *checker) foreignTables(p *Package, text string) []string {
	bare := quotes.ReplaceAllString(text, "''")
	here := roomPath(p.Path)
	var out []string
	for _, m := range tableWritten.FindAllStringSubmatch(bare, -1) {
		if owner := c.tableOwner(m[1]); owner != "" && owner != here {
			out = append(out, fmt.Sprintf("%s writes table %s of %s; call that room's verb", here, m[1], owner))
		}
	}
	for _, m := range tableRead.FindAllStringSubmatch(bare, -1) {
		owner := c.tableOwner(m[1])
		if owner == "" || owner == here {
			continue
		}
		a, _, _ := stairOf(here)
		b, _, _ := stairOf(owner)
		if b > a || owner != "internal/guard" && owner != "internal/constituency" {
			out = append(out, fmt.Sprintf("%s reads table %s of %s; call that room's query", here, m[1], owner))
		}
	}
	return out
}

// tableOwner is the room whose migrations make a table, "" for none.
func (c *checker) tableOwner(name string) string {
	if t, ok := c.tables()[name]; ok {
		return roomPath(path.Dir(path.Dir(t.file)))
	}
	return ""
}

// table is what a migration says about a table.
type table struct {
	file    string
	primary []string
}

// tables collects every table that a migration makes.
func (c *checker) tables() map[string]table {
	if c.made != nil {
		return c.made
	}
	c.made = map[string]table{}
	for f, text := range c.tree.SQL {
		for _, st := range statements(text) {
			if name, columns, ok := createTable(st); ok {
				c.made[name] = table{f, primaryKey(columns)}
			}
		}
	}
	return c.made
}

// migrations checks the migration files: the common rules, columns, and foreign
// keys, which point to primary keys of the same or a lower room only.
func (c *checker) migrations() {
	files := make([]string, 0, len(c.tree.SQL))
	for f := range c.tree.SQL {
		files = append(files, f)
	}
	sort.Strings(files)
	for _, f := range files {
		if ofOneEngine(f) {
			continue // its text is that engine's own
		}
		for _, why := range CheckSQL(c.tree.SQL[f]) {
			c.add("sql", f, "%s", why)
		}
		for _, st := range statements(c.tree.SQL[f]) {
			if name, columns, ok := createTable(st); ok {
				c.columns(f, name, columns)
			} else if m := addColumn.FindStringSubmatch(st); m != nil {
				c.column(f, m[1], m[2], false)
			}
			c.references(f, st)
		}
	}
}

// ofOneEngine tells whether a file stands in a folder of one engine.
func ofOneEngine(file string) bool {
	return strings.Contains(file, "/sqlite/") || strings.Contains(file, "/postgres/")
}

var (
	tableHead  = regexp.MustCompile(`(?is)^\s*create\s+table\s+(?:if\s+not\s+exists\s+)?(\w+)\s*\((.*)\)\s*$`)
	addColumn  = regexp.MustCompile(`(?is)alter\s+table\s+(\w+)\s+add\s+column\s+(.*)$`)
	primary    = regexp.MustCompile(`(?is)^\s*primary\s+key\s*\(([^)]*)\)`)
	constraint = regexp.MustCompile(`(?is)^\s*(primary\s+key|unique|foreign\s+key|check|constraint)\b`)
	reference  = regexp.MustCompile(`(?is)references\s+(\w+)\s*(?:\(([^)]*)\))?`)
	nullReason = regexp.MustCompile(`--\s*null:\s*\S`)
	lineRemark = regexp.MustCompile(`--[^\n]*`)
)

// statements cuts a migration at its semicolons outside comments.
func statements(text string) []string {
	var out []string
	var b strings.Builder
	for line := range strings.SplitAfterSeq(text, "\n") {
		code, remark, found := strings.Cut(line, "--")
		for {
			head, rest, more := strings.Cut(code, ";")
			b.WriteString(head)
			if !more {
				break
			}
			out = append(out, b.String())
			b.Reset()
			code = rest
		}
		if found {
			b.WriteString("--" + remark)
		}
	}
	return append(out, b.String())
}

// createTable takes a create-table statement apart: name and top-level items,
// each with the remarks on its lines.
func createTable(statement string) (name string, items []string, ok bool) {
	m := tableHead.FindStringSubmatch(leading(withoutStrings(statement)))
	if m == nil {
		return "", nil, false
	}
	depth, start := 0, 0
	body := m[2]
	inRemark := false
	for i := 0; i < len(body); i++ {
		switch ch := body[i]; {
		case inRemark:
			inRemark = ch != '\n'
		case ch == '-' && strings.HasPrefix(body[i:], "--"):
			inRemark = true
		case ch == '(':
			depth++
		case ch == ')':
			depth--
		case ch == ',' && depth == 0:
			end := i + 1
			if nl := strings.IndexByte(body[end:], '\n'); nl >= 0 && strings.HasPrefix(strings.TrimLeft(body[end:end+nl], " \t"), "--") {
				end += nl // the remark behind the comma belongs to this column
			}
			items = append(items, body[start:i]+" "+body[i+1:end])
			start, i = end, end-1
		}
	}
	return m[1], append(items, body[start:]), true
}

// withoutStrings empties the quoted strings and leaves the remarks.
func withoutStrings(s string) string {
	return quotes.ReplaceAllStringFunc(s, func(q string) string {
		if strings.HasPrefix(q, "'") {
			return "''"
		}
		return q
	})
}

// leading takes whole-line remarks from the head of a statement.
func leading(s string) string {
	for {
		s = strings.TrimLeft(s, " \t\n")
		if !strings.HasPrefix(s, "--") {
			return s
		}
		_, s, _ = strings.Cut(s, "\n")
	}
}

func primaryKey(items []string) []string {
	for _, it := range items {
		bare := lineRemark.ReplaceAllString(it, "")
		if m := primary.FindStringSubmatch(bare); m != nil {
			return strings.FieldsFunc(m[1], func(r rune) bool { return r == ',' || r == ' ' || r == '\n' })
		}
		if f := strings.Fields(bare); len(f) > 0 && !constraint.MatchString(bare) && strings.Contains(strings.ToLower(bare), "primary key") {
			return f[:1]
		}
	}
	return nil
}

func (c *checker) columns(file, name string, items []string) {
	pk := primaryKey(items)
	if len(pk) == 0 {
		c.add("sql", file, "table %s has no primary key", name)
	}
	for _, it := range items {
		bare := strings.TrimSpace(lineRemark.ReplaceAllString(it, ""))
		if bare == "" || constraint.MatchString(bare) {
			continue
		}
		c.column(file, name, it, slices.Contains(pk, strings.Fields(bare)[0]))
	}
}

// column checks one column: type, not null, or a reason.
func (c *checker) column(file, tableName, item string, key bool) {
	bare := strings.ToLower(lineRemark.ReplaceAllString(item, ""))
	f := strings.Fields(bare)
	if len(f) < 2 {
		c.add("sql", file, "table %s: column %q has no type", tableName, strings.TrimSpace(bare))
		return
	}
	if t := strings.TrimRight(f[1], ","); !slices.Contains([]string{"text", "bigint", "integer", "boolean", "bytea", "real", "double"}, t) {
		c.add("sql", file, "%s.%s has type %s; use text, bigint, integer, boolean, bytea or double precision (time is bigint microseconds, JSON is text)", tableName, f[0], t)
	}
	switch notNull := strings.Contains(strings.Join(f, " "), "not null"); {
	case key && !notNull:
		c.add("sql", file, "%s.%s is of the primary key and must say not null (SQLite would take null)", tableName, f[0])
	case !notNull && !nullReason.MatchString(item):
		c.add("sql", file, "%s.%s may be null; say not null, or why: -- null: reason", tableName, f[0])
	}
}

// references checks the foreign keys of a statement.
func (c *checker) references(file, statement string) {
	for _, m := range reference.FindAllStringSubmatch(lineRemark.ReplaceAllString(statement, ""), -1) {
		t, known := c.tables()[m[1]]
		if !known {
			c.add("sql", file, "a foreign key points to %s, which no migration makes", m[1])
			continue
		}
		here, _, _ := stairOf(path.Dir(path.Dir(file)))
		there, _, _ := stairOf(path.Dir(path.Dir(t.file)))
		if there > here {
			c.add("sql", file, "a foreign key points up to %s of %s", m[1], path.Dir(path.Dir(t.file)))
		}
		cols := strings.FieldsFunc(m[2], func(r rune) bool { return r == ',' || r == ' ' })
		if len(cols) > 0 && !slices.Equal(cols, t.primary) {
			c.add("sql", file, "a foreign key points to %s (%s), which is not its primary key", m[1], m[2])
		}
	}
}
