package frontend

import (
	"bytes"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// uses is, for each file of the package, what it uses of which other: one name of each.
type uses map[string]map[string]string

func TestFilesUseEachOtherInOneDirectionOnly(t *testing.T) {
	files := usesOfPackage(t)
	require.NotEmpty(t, files["build.go"])
	require.Empty(t, files.cycle(), "each file in this chain uses a name that the next one declares")
	order := documentedOrder(t)
	require.ElementsMatch(t, order, slices.Collect(maps.Keys(files)), "doc.go lists every file")
	for i, file := range order {
		for _, later := range order[i+1:] {
			require.Empty(t, files[file][later], "%s uses a name of %s, which stands below it in doc.go", file, later)
		}
	}
}

// documentedOrder is the list of files in the package's comment.
func documentedOrder(t *testing.T) []string {
	doc, err := os.ReadFile("doc.go")
	require.NoError(t, err)
	order := []string{"doc.go"}
	for _, found := range regexp.MustCompile(`(?m)^//\t(\S+\.go) `).FindAllStringSubmatch(string(doc), -1) {
		order = append(order, found[1])
	}
	return order
}

func TestACycleOfFilesIsFound(t *testing.T) {
	files := uses{"a.go": {"b.go": "b"}, "b.go": {"c.go": "c"}, "c.go": {"d.go": "d"}, "d.go": {"b.go": "x"}}
	require.Equal(t, "b.go uses c of c.go, which uses d of d.go, which uses x of b.go", files.cycle())
	delete(files["d.go"], "b.go")
	require.Empty(t, files.cycle())
}

// cycle is a chain of files that ends where it begins; empty if there is none.
func (u uses) cycle() string {
	done := map[string]bool{}
	var visit func(chain []string) string
	visit = func(chain []string) string {
		last := chain[len(chain)-1]
		if i := slices.Index(chain, last); i < len(chain)-1 {
			return u.describe(chain[i:])
		}
		for _, next := range slices.Sorted(maps.Keys(u[last])) {
			if done[next] {
				continue
			}
			if found := visit(append(chain, next)); found != "" {
				return found
			}
		}
		done[last] = true
		return ""
	}
	for _, file := range slices.Sorted(maps.Keys(u)) {
		if found := visit([]string{file}); found != "" {
			return found
		}
	}
	return ""
}

func (u uses) describe(chain []string) string {
	text := chain[0]
	for i, next := range chain[1:] {
		if i > 0 {
			text += ", which"
		}
		text += " uses " + u[chain[i]][next] + " of " + next
	}
	return text
}

// usesOfPackage reads what stands in this directory. A field or method belongs to the file that declares it, not to the one
// that declares its type.
func usesOfPackage(t *testing.T) uses {
	fset := token.NewFileSet()
	files := parsePackage(t, fset)
	info := &types.Info{Uses: map[*ast.Ident]types.Object{}}
	config := types.Config{Importer: exportImporter(t, fset)}
	pkg, err := config.Check("lambdabase/frontend", fset, files, info)
	require.NoError(t, err)

	nameOf := func(pos token.Pos) string { return filepath.Base(fset.Position(pos).Filename) }
	found := uses{}
	for _, file := range files {
		found[nameOf(file.Pos())] = map[string]string{}
	}
	for ident, object := range info.Uses {
		if object.Pkg() != pkg || !object.Pos().IsValid() {
			continue
		}
		from, to := nameOf(ident.Pos()), nameOf(object.Pos())
		if old := found[from][to]; from != to && (old == "" || ident.Name < old) {
			found[from][to] = ident.Name
		}
	}
	return found
}

func parsePackage(t *testing.T, fset *token.FileSet) (files []*ast.File) {
	names, err := filepath.Glob("*.go")
	require.NoError(t, err)
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(fset, name, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		files = append(files, file)
	}
	return files
}

// exportImporter imports what the go command has compiled for this test already.
func exportImporter(t *testing.T, fset *token.FileSet) types.Importer {
	list := exec.Command("go", "list", "-export", "-deps", "-f", "{{.ImportPath}} {{.Export}}", ".")
	list.Stderr = os.Stderr
	out, err := list.Output()
	require.NoError(t, err)
	exports := map[string]string{}
	for line := range bytes.Lines(out) {
		if name, file, ok := strings.Cut(strings.TrimSpace(string(line)), " "); ok {
			exports[name] = file
		}
	}
	return importer.ForCompiler(fset, "gc", func(path string) (io.ReadCloser, error) { return os.Open(exports[path]) })
}
