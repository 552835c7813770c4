package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const house = "github.com/oore-ci/oore"

// room says what the code of a folder may import besides the standard library: of
// the house, and of the modules outside, each of which has its rooms here and nowhere
// else. A room that is not in the table may import nothing.
type room struct {
	house   []string
	outside []string
	http    bool // may know net/http
}

func importLaw() map[string]room {
	fiber := []string{"github.com/gofiber/fiber/v2", "github.com/valyala/fasthttp", "github.com/google/uuid"}
	return map[string]room{
		"app/core":  {outside: []string{"go.yaml.in/yaml/v3", "github.com/bmatcuk/doublestar/v4", "github.com/netresearch/go-cron"}},
		"app":       {house: []string{"app/core"}, outside: []string{"golang.org/x/sync", "golang.org/x/crypto"}},
		"templates": {house: []string{"app/core"}, outside: []string{"rsc.io/qr"}},
		"runner":    {house: []string{"app/core"}, http: true, outside: []string{"golang.org/x/sys", "golang.org/x/image", "howett.net/plist", "google.golang.org/protobuf", "github.com/klauspost/compress/zstd"}},
		"store": {house: []string{"app/core"}, outside: []string{
			"gorm.io/gorm", "gorm.io/driver/postgres", "github.com/libtnb/sqlite", "modernc.org/sqlite", "github.com/jackc/pgx/v5",
		}},
		"store/backup":      {},
		"store/blob":        {house: []string{"app/core"}, outside: []string{"github.com/minio/minio-go/v7"}, http: true},
		"store/archive":     {house: []string{"app/core"}, outside: []string{"github.com/klauspost/compress", "golang.org/x/sync"}},
		"handlers":          {house: []string{"app", "app/core", "handlers/api", "handlers/web"}, outside: fiber, http: true},
		"handlers/api":      {house: []string{"app", "app/core", "handlers/sse"}, outside: fiber, http: true},
		"handlers/web":      {house: []string{"app", "app/core", "templates", "handlers/sse"}, outside: fiber, http: true},
		"handlers/sse":      {house: []string{"app/core"}, outside: fiber}, // no door: how both of them send what lasts
		"handlers/localgit": {house: []string{"app", "app/core"}},
		"handlers/metrics":  {house: []string{"app/core"}, outside: []string{"github.com/prometheus/client_golang"}, http: true},
		"handlers/traces":   {house: []string{"app/core"}, outside: []string{"go.opentelemetry.io/otel"}}, // speaks HTTP by its SDK alone
		"handlers/outbound": {house: []string{"app/core"}, http: true},                                    // no door: main gives it to those that ask outside
		"handlers/notify":   {house: []string{"app/core", "templates"}, http: true, outside: []string{"github.com/wneessen/go-mail"}},
		"handlers/github": {house: []string{"app", "app/core", "templates"}, http: true, outside: []string{
			"github.com/google/go-github/v60", "github.com/palantir/go-githubapp", "github.com/bradleyfalzon/ghinstallation/v2", "github.com/rs/zerolog", "golang.org/x/time", "golang.org/x/oauth2",
		}},
		"handlers/oidc":   {house: []string{"app/core"}, http: true, outside: []string{"github.com/coreos/go-oidc/v3", "golang.org/x/oauth2"}},
		"handlers/gitlab": {house: []string{"app", "app/core", "templates"}, http: true, outside: []string{"github.com/xanzy/go-gitlab", "golang.org/x/time"}},
		"handlers/slack":  {house: []string{"app", "app/core", "templates"}, http: true, outside: []string{"github.com/slack-go/slack", "golang.org/x/time"}},
	}
}

// source is a parsed file of the tree.
type source struct {
	path, dir string
	test      bool // a test, or a package that only tests import
	ast       *ast.File
}

func sources(t *testing.T) []source {
	t.Helper()
	var all []source
	fset := token.NewFileSet()
	err := fs.WalkDir(os.DirFS("."), ".", func(name string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir():
			if name != "." && (strings.HasPrefix(e.Name(), ".") || e.Name() == "testdata" || e.Name() == "node_modules") {
				return fs.SkipDir
			}
			return nil
		case !strings.HasSuffix(name, ".go"):
			return nil
		}
		file, err := parser.ParseFile(fset, name, nil, parser.ParseComments|parser.SkipObjectResolution)
		test := strings.HasSuffix(name, "_test.go") || testPackage(path.Dir(name))
		all = append(all, source{path: name, dir: path.Dir(name), test: test, ast: file})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func testPackage(dir string) bool { return strings.HasSuffix(dir, "test") }

func TestRoomsImportOnlyWhatTheyMay(t *testing.T) {
	table := importLaw()
	for _, s := range sources(t) {
		if s.test {
			continue
		}
		for _, spec := range s.ast.Imports {
			name, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			if testPackage(name) || name == "testing" {
				t.Errorf("%s imports %s, which is for tests", s.path, name)
			}
			if s.dir == "." {
				continue // main composes, so it knows everybody
			}
			if _, known := table[s.dir]; !known {
				t.Errorf("%s is in a room that imports_test.go does not know", s.path)
			}
			if !mayImport(table[s.dir], name) {
				t.Errorf("%s must not import %s", s.path, name)
			}
		}
	}
}

func mayImport(r room, name string) bool {
	if inHouse, ok := strings.CutPrefix(name, house+"/"); ok {
		return slices.Contains(r.house, inHouse)
	}
	if first, _, _ := strings.Cut(name, "/"); strings.Contains(first, ".") {
		return slices.ContainsFunc(r.outside, func(module string) bool {
			return name == module || strings.HasPrefix(name, module+"/")
		})
	}
	return r.http || name != "net/http" && !strings.HasPrefix(name, "net/http/")
}

func TestNothingIsGlobalButConstants(t *testing.T) {
	for _, s := range sources(t) {
		for _, decl := range s.ast.Decls {
			switch d := decl.(type) {
			case *ast.FuncDecl:
				if d.Recv == nil && d.Name.Name == "init" {
					t.Errorf("%s has an init function", s.path)
				}
				if !s.test && strings.HasSuffix(d.Name.Name, "FromContext") {
					t.Errorf("%s: %s hides a dependency in a context", s.path, d.Name.Name)
				}
			case *ast.GenDecl:
				if d.Tok == token.VAR && !s.test {
					mutableVars(t, s, d)
				}
			}
		}
	}
}

func mutableVars(t *testing.T, s source, d *ast.GenDecl) {
	t.Helper()
	for _, spec := range d.Specs {
		v, ok := spec.(*ast.ValueSpec)
		if !ok {
			continue
		}
		embedded := d.Doc != nil && strings.HasPrefix(d.Doc.List[len(d.Doc.List)-1].Text, "//go:embed ")
		linked := s.path == "version.go" // set by the linker
		if v.Names[0].Name == "_" || embedded || linked {
			continue
		}
		for i, name := range v.Names {
			if i >= len(v.Values) || !constant(v.Values[i]) {
				t.Errorf("%s: the package variable %s can change", s.path, name.Name)
			}
		}
	}
}

// constant tells the values that are constants in all but name: compiled patterns
// and templates, sentinel errors, and tables without functions in them.
func constant(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.CallExpr:
		f, ok := e.Fun.(*ast.SelectorExpr)
		if !ok {
			return false
		}
		pkg, _ := f.X.(*ast.Ident)
		return pkg != nil && slices.Contains([]string{"regexp.MustCompile", "errors.New", "template.Must", "texttemplate.Must", "strings.NewReplacer"}, pkg.Name+"."+f.Sel.Name)
	case *ast.CompositeLit:
		plain := true
		ast.Inspect(e, func(n ast.Node) bool {
			switch n.(type) {
			case *ast.FuncLit, *ast.CallExpr, *ast.UnaryExpr:
				plain = false
			}
			return plain
		})
		return plain
	}
	return false
}

func TestTheStoreShowsNoDatabase(t *testing.T) {
	for _, s := range sources(t) {
		if s.dir != "store" || s.test {
			continue
		}
		for _, decl := range s.ast.Decls {
			f, ok := decl.(*ast.FuncDecl)
			if !ok || !f.Name.IsExported() || f.Recv != nil && !exportedType(f.Recv.List[0].Type) {
				continue
			}
			ast.Inspect(f.Type, func(n ast.Node) bool {
				if x, ok := n.(*ast.SelectorExpr); ok {
					if pkg, ok := x.X.(*ast.Ident); ok && slices.Contains([]string{"gorm", "sql", "pgx", "pgconn"}, pkg.Name) {
						t.Errorf("%s: %s shows %s.%s", s.path, f.Name.Name, pkg.Name, x.Sel.Name)
					}
				}
				return true
			})
		}
	}
}

func exportedType(e ast.Expr) bool {
	if star, ok := e.(*ast.StarExpr); ok {
		e = star.X
	}
	name, ok := e.(*ast.Ident)
	return ok && name.IsExported()
}

func TestTopLevelFolders(t *testing.T) {
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	allowed := []string{"app", "docs", "handlers", "runner", "store", "templates"}
	for _, e := range entries {
		if e.IsDir() && !strings.HasPrefix(e.Name(), ".") && !slices.Contains(allowed, e.Name()) {
			t.Errorf("the folder %s is none of %v", e.Name(), allowed)
		}
	}
}

// Later releases of these two need each other's later majors; they move together.
func TestPinnedModules(t *testing.T) {
	mod, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`github\.com/palantir/go-githubapp v0\.24\.1`, `github\.com/google/go-github/v60 v60\.0\.0`} {
		if !regexp.MustCompile(`(?m)^(?:require )?\s*` + want + `(?:\s|$)`).Match(mod) {
			t.Errorf("go.mod does not pin %s", want)
		}
	}
}
