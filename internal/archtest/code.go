package archtest

import (
	"bytes"
	"go/ast"
	"regexp"
	"slices"
	"strings"
)

// The bounds of files and functions, in lines.
const (
	warnFile = 500
	maxFile  = 800
	warnFunc = 60
	maxFunc  = 100
)

// packageRules checks the package's name and doc comment.
func (c *checker) packageRules(p *Package) {
	if slices.Contains([]string{"util", "utils", "common", "helpers", "helper", "models", "base"}, p.Name) {
		c.add("name", p.Path, "package %s says nothing about what is in it; name it after its words", p.Name)
	}
	documented, own := false, false
	for _, f := range p.Files {
		if strings.HasSuffix(f.Name, "_test.go") {
			continue
		}
		own = true
		documented = documented || f.AST.Doc != nil && len(f.AST.Doc.Text()) > 30
	}
	if own && !documented {
		c.add("doc", p.Path, "package %s has no doc comment; say what it is for, its words and what is not here", p.Name)
	}
}

// length checks how long a file and its functions are. The functions of tests,
// often tables, are only warned about.
func (c *checker) length(_ *Package, f *File) {
	lines := bytes.Count(f.Src, []byte("\n"))
	switch {
	case lines > maxFile:
		c.add("file-length", f.Name, "the file has %d lines, at most %d are allowed; split it by theme", lines, maxFile)
	case lines > warnFile:
		c.warn("file-length", f.Name, "the file has %d lines, aim at %d", lines, warnFile)
	}
	for _, d := range f.AST.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if !ok {
			continue
		}
		from, to := c.tree.fset.Position(fn.Pos()).Line, c.tree.fset.Position(fn.End()).Line
		switch n := to - from + 1; {
		case n > maxFunc && !f.Test:
			c.add("function-length", c.at(fn.Pos()), "function %s has %d lines, at most %d are allowed", fn.Name.Name, n, maxFunc)
		case n > warnFunc && !f.Test || n > maxFunc:
			c.warn("function-length", c.at(fn.Pos()), "function %s has %d lines, aim at %d", fn.Name.Name, n, warnFunc)
		}
	}
}

// code checks calls and declarations.
func (c *checker) code(p *Package, f *File) {
	for _, d := range f.AST.Decls {
		if fn, ok := d.(*ast.FuncDecl); ok && fn.Name.Name == "init" && fn.Recv == nil {
			c.add("init", c.at(fn.Pos()), "init() hides what happens at the start; let a constructor do it")
		}
	}
	names := map[string]string{}
	for _, imp := range []string{"time", "context", "fmt", "log", Module + "/internal/act"} {
		if l := f.local(imp); l != "" {
			names[l] = imp
		}
	}
	ast.Inspect(f.AST, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			if x, ok := n.X.(*ast.Ident); ok && names[x.Name] != "" {
				c.selector(p, f, n, names[x.Name])
			}
		case *ast.CallExpr:
			c.call(p, f, n, names)
		case *ast.CompositeLit:
			if isActTx(n.Type, names) {
				c.add("tx", c.at(n.Pos()), "an act.Tx is made here; only act makes one, in Do, Step and Housekeep")
			}
		case *ast.ValueSpec:
			if isActTx(n.Type, names) {
				c.add("tx", c.at(n.Pos()), "an act.Tx is declared here; only act makes one, in Do, Step and Housekeep")
			}
		}
		return true
	})
}

// selector checks the use of a name of the standard library that has an owner.
func (c *checker) selector(p *Package, f *File, n *ast.SelectorExpr, imp string) {
	name := n.Sel.Name
	switch {
	case imp == "time" && name == "Sleep":
		c.add("sleep", c.at(n.Pos()), "time.Sleep; wait on a condition, a channel or a timer with a context")
	case f.Test:
	case imp == "time" && (name == "Now" || name == "Since" || name == "Until") && p.Path != "internal/foundation/clock":
		c.add("clock", c.at(n.Pos()), "time.%s; take a clock.Clock", name)
	case imp == "context" && (name == "Background" || name == "TODO") && !mayBegin(p.Path):
		c.add("background", c.at(n.Pos()), "context.%s; take the caller's context", name)
	case imp == "fmt" && strings.HasPrefix(name, "Print") && !strings.HasPrefix(p.Path, "cmd/"):
		c.add("print", c.at(n.Pos()), "fmt.%s outside cmd; write to an io.Writer or log with slog", name)
	case imp == "log":
		c.add("print", c.at(n.Pos()), "package log; use slog with a context")
	}
}

func mayBegin(pkg string) bool {
	return strings.HasPrefix(pkg, "cmd/") || pkg == "internal/app" || strings.HasPrefix(pkg, "internal/app/")
}

// call checks who begins transactions.
func (c *checker) call(p *Package, f *File, n *ast.CallExpr, names map[string]string) {
	if id, ok := n.Fun.(*ast.Ident); ok && id.Name == "new" && len(n.Args) == 1 && isActTx(n.Args[0], names) {
		c.add("tx", c.at(n.Pos()), "an act.Tx is made here; only act makes one, in Do, Step and Housekeep")
	}
	sel, ok := n.Fun.(*ast.SelectorExpr)
	if !ok || f.Test {
		return
	}
	switch name := sel.Sel.Name; name {
	case "BeginWrite", "BeginTx":
		if !slices.Contains(writers(), p.Path) {
			c.add("write", c.at(n.Pos()), "%s begins a transaction; every write is an act: use act.Do, act.Step or act.Housekeep", name)
		}
	case "Step", "Housekeep":
		// Three arguments and more: context, name, closure. Others are namesakes.
		if _, closure := last(n.Args).(*ast.FuncLit); len(n.Args) == 3 && closure && p.Path != "internal/act" {
			if stepCallers()[roomPath(p.Path)] == "" {
				c.add("steps", c.at(n.Pos()), "%s leaves no entry in the ledger; name the package and the reason in archtest.stepCallers, or do an act", name)
			}
		}
	}
}

func last(args []ast.Expr) ast.Expr {
	if len(args) == 0 {
		return nil
	}
	return args[len(args)-1]
}

// writers are the packages that may begin a write transaction.
func writers() []string {
	return []string{"internal/act", "internal/foundation/sqldb", "internal/foundation/jobs"}
}

func roomPath(pkg string) string {
	parts := strings.Split(pkg, "/")
	return strings.Join(parts[:min(2, len(parts))], "/")
}

// isActTx tells whether a type expression is act.Tx itself, not a pointer to it.
func isActTx(t ast.Expr, names map[string]string) bool {
	sel, ok := t.(*ast.SelectorExpr)
	if !ok || sel.Sel.Name != "Tx" {
		return false
	}
	x, ok := sel.X.(*ast.Ident)
	return ok && names[x.Name] == Module+"/internal/act"
}

// actFrame checks that act offers a transaction in exactly three ways.
func (c *checker) actFrame() {
	for _, p := range c.tree.Packages {
		if p.Path != "internal/act" {
			continue
		}
		var got []string
		for _, f := range p.Files {
			if f.Test {
				continue
			}
			for _, d := range f.AST.Decls {
				if fn, ok := d.(*ast.FuncDecl); ok && fn.Name.IsExported() && takesTxClosure(fn.Type) {
					got = append(got, fn.Name.Name)
				}
			}
		}
		slices.Sort(got)
		if want := []string{"Do", "First", "Housekeep", "Step"}; !slices.Equal(got, want) {
			c.add("tx", p.Path, "act gives a Tx out in %v, it must be exactly %v", got, want)
		}
	}
}

// takesTxClosure tells whether a parameter is a function with a *Tx parameter.
func takesTxClosure(t *ast.FuncType) bool {
	for _, param := range t.Params.List {
		fn, ok := param.Type.(*ast.FuncType)
		if !ok {
			continue
		}
		for _, inner := range fn.Params.List {
			if star, ok := inner.Type.(*ast.StarExpr); ok {
				if id, ok := star.X.(*ast.Ident); ok && id.Name == "Tx" {
					return true
				}
			}
		}
	}
	return false
}

var (
	openEnd      = regexp.MustCompile(`\b(TO` + `DO|FIX` + `ME|X` + `XX|HA` + `CK)\b`)
	reasonedLint = regexp.MustCompile(`^//nolint:[a-z0-9,_]+ // \S+`)
)

// comments checks for open ends and for lint exceptions without a reason.
func (c *checker) comments(f *File) {
	for _, group := range f.AST.Comments {
		for _, cm := range group.List {
			if m := openEnd.FindString(cm.Text); m != "" {
				c.add("open-end", c.at(cm.Pos()), "%s in a comment; do it, or open an issue", m)
			}
			if strings.HasPrefix(cm.Text, "//nolint") && !reasonedLint.MatchString(cm.Text) {
				c.add("nolint", c.at(cm.Pos()), "a lint exception needs its linter and a reason: //nolint:linter // why")
			}
		}
	}
}
