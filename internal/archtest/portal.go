package archtest

import (
	"go/ast"
	"path"
	"slices"
	"strings"
)

// portalDoor holds the portal's handlers to Replies: only door.go of the portal's pages
// may hold a ResponseWriter or write a page, a redirect or an error.
func (c *checker) portalDoor(f *File) {
	if f.Test || !strings.HasPrefix(f.Name, "internal/portal/") || path.Base(f.Name) == "door.go" {
		return
	}
	ast.Inspect(f.AST, func(n ast.Node) bool {
		sel, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		x, named := sel.X.(*ast.Ident)
		if named && x.Name == "http" && slices.Contains([]string{"ResponseWriter", "Redirect", "Error", "ServeContent", "ResponseController"}, sel.Sel.Name) ||
			fieldNamed(sel.X, "site") && slices.Contains([]string{"Page", "Redirect", "Error"}, sel.Sel.Name) {
			c.add("portal", c.at(sel.Pos()), "a handler of the portal answers by itself (%s); return a portal.Reply, door.go writes it", sel.Sel.Name)
		}
		return true
	})
}

// fieldNamed tells whether an expression is x.name.
func fieldNamed(e ast.Expr, name string) bool {
	sel, ok := e.(*ast.SelectorExpr)
	return ok && sel.Sel.Name == name
}
