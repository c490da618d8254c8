package archtest

import (
	"go/ast"
	"go/token"
	"slices"
	"strings"
)

// variables holds the rule of package variables. One is allowed when it cannot
// change while the program runs:
//
//   - the blank identifier (a statement about types), and what //go:embed fills;
//   - an error made by errors.New, fmt.Errorf or fault.New;
//   - what is compiled once: regexp.MustCompile, template.Must, netip.MustParse…,
//     language.Make, sync.OnceValue and the like, see compiled;
//   - a lower-case table (an array, slice, map or struct literal) that nothing in
//     the package assigns to, appends to, deletes from or takes the address of.
//
// Everything else, such as a counter, a cache, a registry or a pointer, belongs
// into a value that somebody makes and passes on. Test files are free.
func (c *checker) variables(p *Package) {
	written := p.writtenNames()
	for _, f := range p.Files {
		if f.Test {
			continue
		}
		for _, d := range f.AST.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok || g.Tok != token.VAR {
				continue
			}
			for _, s := range g.Specs {
				spec, ok := s.(*ast.ValueSpec)
				if !ok || embeds(g.Doc) || embeds(spec.Doc) {
					continue
				}
				for i, name := range spec.Names {
					var value ast.Expr
					if i < len(spec.Values) {
						value = spec.Values[i]
					}
					if why := mutable(name, value, written); why != "" {
						c.add("variable", c.at(name.Pos()), "package variable %s %s; put it into a value that is made and passed on, or into a function", name.Name, why)
					}
				}
			}
		}
	}
}

// mutable says why a variable can change; "" when it cannot.
func mutable(name *ast.Ident, value ast.Expr, written map[string]bool) string {
	if name.Name == "_" {
		return ""
	}
	if written[name.Name] {
		return "is written to"
	}
	switch v := value.(type) {
	case nil:
		return "has no value, so somebody will set it"
	case *ast.CallExpr:
		if !compiled(v) {
			return "is made by a call that is not known to yield something fixed"
		}
		return ""
	case *ast.CompositeLit:
		if name.IsExported() {
			return "is an exported table that anybody may change"
		}
		return ""
	case *ast.BasicLit:
		return "is a plain value; make it a constant"
	case *ast.FuncLit:
		return "is a function value; declare a function"
	default:
		return "is not known to be fixed"
	}
}

// compiled tells whether a call makes an error or something compiled once.
func compiled(call *ast.CallExpr) bool {
	fun := call.Fun
	if ix, ok := fun.(*ast.IndexExpr); ok { // an explicit type argument
		fun = ix.X
	}
	sel, ok := fun.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	x, ok := sel.X.(*ast.Ident)
	if !ok {
		// template.Must(template.New("x").Funcs(f).Parse(s)) has the package inside.
		inner, isCall := sel.X.(*ast.CallExpr)
		return isCall && compiled(inner)
	}
	name := x.Name + "." + sel.Sel.Name
	if x.Name == "netip" || x.Name == "regexp" || x.Name == "language" {
		return strings.HasPrefix(sel.Sel.Name, "Must") || strings.HasPrefix(sel.Sel.Name, "Make") || sel.Sel.Name == "AddrFrom4"
	}
	return slices.Contains([]string{
		"errors.New", "fmt.Errorf", "fault.New", "template.Must", "strings.NewReplacer",
		"sync.OnceValue", "sync.OnceValues", "crc32.MakeTable", "base32.NewEncoding", "time.Date",
		"reflect.TypeFor", "reflect.TypeOf",
	}, name)
}

func embeds(doc *ast.CommentGroup) bool {
	return doc != nil && slices.ContainsFunc(doc.List, func(c *ast.Comment) bool {
		return strings.HasPrefix(c.Text, "//go:embed ")
	})
}

// writtenNames collects the names that the package's own files assign to, whole
// or in part, delete from, clear, or take the address of. It knows no scopes: a
// local variable of the same name counts too.
func (p *Package) writtenNames() map[string]bool {
	declared, written := p.packageNames(), map[string]bool{}
	mark := func(e ast.Expr) {
		if n := root(e); declared[n] {
			written[n] = true
		}
	}
	for _, f := range p.Files {
		if f.Test {
			continue
		}
		ast.Inspect(f.AST, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.AssignStmt:
				if n.Tok == token.DEFINE {
					return true
				}
				for _, l := range n.Lhs {
					mark(l)
				}
			case *ast.IncDecStmt:
				mark(n.X)
			case *ast.UnaryExpr:
				if n.Op == token.AND {
					mark(n.X)
				}
			case *ast.RangeStmt:
				if n.Tok == token.ASSIGN {
					mark(n.Key)
				}
			case *ast.CallExpr:
				if id, ok := n.Fun.(*ast.Ident); ok && (id.Name == "delete" || id.Name == "clear") && len(n.Args) > 0 {
					mark(n.Args[0])
				}
			}
			return true
		})
	}
	return written
}

func (p *Package) packageNames() map[string]bool {
	out := map[string]bool{}
	for _, f := range p.Files {
		for _, d := range f.AST.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok || g.Tok != token.VAR {
				continue
			}
			for _, s := range g.Specs {
				if spec, ok := s.(*ast.ValueSpec); ok {
					for _, n := range spec.Names {
						out[n.Name] = true
					}
				}
			}
		}
	}
	return out
}

// root is the variable at the bottom of a[i].b, or "".
func root(e ast.Expr) string {
	for {
		switch x := e.(type) {
		case *ast.Ident:
			return x.Name
		case *ast.IndexExpr:
			e = x.X
		case *ast.SelectorExpr:
			e = x.X
		case *ast.ParenExpr:
			e = x.X
		case *ast.StarExpr:
			e = x.X
		default:
			return ""
		}
	}
}
