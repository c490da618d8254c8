package archtest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// Module is the module's path.
const Module = "almenara.example"

// Tree is the module's source as the rules see it.
type Tree struct {
	Packages []*Package
	SQL      map[string]string // migrations: path → text
	Locales  map[string]string // locales/*.toml: path → text
	Pages    map[string]string // templates: path → text
	fset     *token.FileSet
}

// Package is one folder of Go files.
type Package struct {
	Path  string // relative to the module, "internal/watch"
	Name  string
	Files []*File
}

// File is one Go file.
type File struct {
	Name string // relative to the module
	Test bool   // _test.go, or in a …test package
	Src  []byte
	AST  *ast.File
}

// Load reads the module at root: packages from `go list`, migrations from the
// folders of that name.
func Load(ctx context.Context, root string) (*Tree, error) {
	root, err := filepath.Abs(root)
	if err != nil {
		return nil, err
	}
	files := map[string]string{}
	cmd := exec.CommandContext(ctx, "go", "list", "-e", "-json=Dir,GoFiles,TestGoFiles,XTestGoFiles,IgnoredGoFiles", "./...")
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w", err)
	}
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p struct {
			Dir                                                string
			GoFiles, TestGoFiles, XTestGoFiles, IgnoredGoFiles []string
		}
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, fmt.Errorf("read go list: %w", err)
		}
		for _, name := range slices.Concat(p.GoFiles, p.TestGoFiles, p.XTestGoFiles, p.IgnoredGoFiles) {
			if err := read(files, root, filepath.Join(p.Dir, name)); err != nil {
				return nil, err
			}
		}
	}
	for _, top := range []string{"internal", "web"} {
		if err := readData(files, root, top); err != nil {
			return nil, err
		}
	}
	return Parse(files)
}

// readData reads the migrations, catalogue files and templates below top.
func readData(files map[string]string, root, top string) error {
	return filepath.WalkDir(filepath.Join(root, top), func(p string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		folder, ext := filepath.Base(filepath.Dir(p)), filepath.Ext(p)
		if folder == "migrations" && ext == ".sql" || folder == "locales" && ext == ".toml" || ext == ".html" {
			return read(files, root, p)
		}
		return nil
	})
}

func read(files map[string]string, root, name string) error {
	rel, err := filepath.Rel(root, name)
	if err != nil {
		return err
	}
	b, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	files[filepath.ToSlash(rel)] = string(b)
	return nil
}

// Parse makes a tree of named texts: .go files and migrations/*.sql,
// locales/*.toml and templates (*.html).
func Parse(files map[string]string) (*Tree, error) {
	t := &Tree{SQL: map[string]string{}, Locales: map[string]string{}, Pages: map[string]string{}, fset: token.NewFileSet()}
	byPath := map[string]*Package{}
	names := make([]string, 0, len(files))
	for n := range files {
		names = append(names, n)
	}
	slices.Sort(names)
	for _, name := range names {
		switch path.Ext(name) {
		case ".sql":
			t.SQL[name] = files[name]
			continue
		case ".toml":
			t.Locales[name] = files[name]
			continue
		case ".html":
			t.Pages[name] = files[name]
			continue
		}
		tree, err := parser.ParseFile(t.fset, name, files[name], parser.ParseComments)
		if err != nil {
			return nil, err
		}
		dir := path.Dir(name)
		p := byPath[dir]
		if p == nil {
			p = &Package{Path: dir}
			byPath[dir] = p
			t.Packages = append(t.Packages, p)
		}
		test := strings.HasSuffix(name, "_test.go")
		if !test || p.Name == "" {
			p.Name = strings.TrimSuffix(tree.Name.Name, "_test")
		}
		p.Files = append(p.Files, &File{Name: name, Test: test || testPackage(dir), Src: []byte(files[name]), AST: tree})
	}
	return t, nil
}

// Imports lists what the package's own files (not its tests) import, sorted.
func (p *Package) Imports() []string {
	var out []string
	for _, f := range p.Files {
		if !strings.HasSuffix(f.Name, "_test.go") {
			out = append(out, f.imports()...)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func (f *File) imports() []string {
	var out []string
	for _, i := range f.AST.Imports {
		out = append(out, strings.Trim(i.Path.Value, `"`))
	}
	return out
}

// local is the name by which the file knows an import, "" when it has not got it.
func (f *File) local(importPath string) string {
	for _, i := range f.AST.Imports {
		if strings.Trim(i.Path.Value, `"`) != importPath {
			continue
		}
		if i.Name != nil {
			return i.Name.Name
		}
		return path.Base(importPath)
	}
	return ""
}

// testPackage tells whether a folder serves tests only: it is below test/ or
// tools/, or its name ends in "test".
func testPackage(dir string) bool {
	return strings.HasSuffix(dir, "test") || strings.HasPrefix(dir, "test/") || strings.HasPrefix(dir, "tools/")
}
