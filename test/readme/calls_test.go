package readme

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A message that is in the table and not in a test may be one that the code says no longer.
func TestEveryMessageOfTheTableIsTakenFromTheCode(t *testing.T) {
	root, err := moduleRoot()
	require.NoError(t, err)
	dt, err := os.ReadFile(filepath.Join(root, document))
	require.NoError(t, err)
	table, files := messages(string(dt)), goFiles(t, root)
	require.Greater(t, len(table), 40)

	called := map[string]token.Position{}
	for name, source := range files {
		if strings.HasSuffix(name, "_test.go") {
			addCalls(t, called, name, source)
		}
	}
	for i, message := range table {
		assert.NotContains(t, table[:i], message, "it stands in the table once")
		if _, ok := called[message]; !ok {
			t.Errorf("no test passes the message `%s` of %s to readme.Explains; the code that says it may be in %s", message, document, origins(files, message))
		}
	}
	for message, position := range called {
		assert.Contains(t, table, message, "%s has no row for it, and %s passes it to readme.Explains", document, position)
	}
}

// goFiles are the module's, by their paths in it.
func goFiles(t *testing.T, root string) map[string]string {
	files := map[string]string{}
	require.NoError(t, filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && path != root && (strings.HasPrefix(entry.Name(), ".") || isModule(path)) {
			return filepath.SkipDir
		}
		if entry.IsDir() || filepath.Ext(path) != ".go" {
			return nil
		}
		dt, err := os.ReadFile(path)
		name, _ := filepath.Rel(root, path)
		files[name] = string(dt)
		return err
	}))
	return files
}

func isModule(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "go.mod"))
	return err == nil
}

// addCalls adds the messages that calls of Explains in a file name.
func addCalls(t *testing.T, called map[string]token.Position, name, source string) {
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, name, source, parser.SkipObjectResolution)
	require.NoError(t, err)
	ast.Inspect(file, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok || !isExplains(call.Fun) {
			return true
		}
		message, ok := call.Args[len(call.Args)-1].(*ast.BasicLit)
		if !ok {
			t.Errorf("%s: the message is no string literal, so that it can't be looked for", fset.Position(call.Pos()))
			return true
		}
		text, err := strconv.Unquote(message.Value)
		require.NoError(t, err)
		called[text] = fset.Position(call.Pos())
		return true
	})
}

func isExplains(fun ast.Expr) bool {
	selector, ok := fun.(*ast.SelectorExpr)
	if !ok || selector.Sel.Name != "Explains" {
		return false
	}
	pkg, ok := selector.X.(*ast.Ident)
	return ok && pkg.Name == "readme"
}

// origins are the files of the code that have the plain words of a message on one line, behind a quotation mark.
func origins(files map[string]string, message string) (names []string) {
	line := regexp.MustCompile(`(?m)^\s*[^/\s].*".*\b` + strings.Join(wordRE.FindAllString(message, -1), `\b.*\b`) + `\b`)
	for name, source := range files {
		if !strings.HasSuffix(name, "_test.go") && line.MatchString(source) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// wordRE matches words without digits, which are often those of an example.
var wordRE = regexp.MustCompile(`\b[A-Za-z']{2,}\b`)

func TestCallsAreFoundWhereverTheyStand(t *testing.T) {
	called := map[string]token.Position{}
	addCalls(t, called, "x_test.go", "package x\n\nfunc f() {\n\tg(func() { readme.Explains(t, err.Error(), \"a `b`\") })\n\tother.Explains(t, \"\", \"c\")\n}\n")
	require.Equal(t, map[string]token.Position{"a `b`": {Filename: "x_test.go", Offset: 34, Line: 4, Column: 13}}, called)
}

func TestTheCodeThatSaysAMessageIsNamed(t *testing.T) {
	files := map[string]string{"b.go": `	f("secret %s is wrong")`, "a.go": "x\n\tf(\"secret \" + name + \" is wrong\")", "c.go": `"secret"`, "d.go": `// of "secret S is wrong"`, "a_test.go": `"secret S is wrong"`}
	require.Equal(t, []string{"a.go", "b.go"}, origins(files, "secret ... is wrong"))
}
