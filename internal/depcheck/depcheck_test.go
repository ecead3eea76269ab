package depcheck

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// rule is what a package must not be built of.
type rule struct {
	pkg       string
	forbidden []string // packages, with all below them
	because   string
	through   []string // packages, with all below them, whose own imports are their business
}

const (
	buildkit   = "github.com/moby/buildkit/"
	containerd = "github.com/containerd/containerd/v2/"
)

var rules = []rule{
	{
		pkg:       "lambdabase/llb/lambda2llb",
		forbidden: []string{"net/http", "golang.org/x/crypto/ssh", "github.com/go-git", "os/exec"},
		because:   "it is pure: a plan in, LLB out",
		through:   []string{buildkit}, // its LLB client has them
	},
	{
		pkg:       "lambdabase/llb/splice",
		forbidden: []string{"net/http", "golang.org/x/crypto/ssh", "github.com/go-git", "os/exec", buildkit + "client/llb"},
		because:   "it is pure: definitions in, definition out",
	},
	{
		pkg:       "lambdabase/internal/conflict",
		forbidden: []string{"net", "golang.org/x/crypto/ssh", "github.com/go-git", "os/exec", strings.TrimSuffix(buildkit, "/")},
		because:   "it is pure: what layers have in, conflicts out",
	},
	{
		pkg:       "lambdabase/internal/lambdarules",
		forbidden: []string{"net/http", "golang.org/x/crypto/ssh", "github.com/go-git", buildkit + "client", buildkit + "frontend", "oras.land/oras-go"},
		because:   "it is pure: blobs in, what Lambda says of them out",
	},
	{
		pkg: "lambdabase/cmd/check-layers",
		forbidden: []string{
			"net", "os/exec", strings.TrimSuffix(buildkit, "/"), "google.golang.org/grpc", "github.com/go-git",
			"lambdabase/frontend", "lambdabase/internal/lfs", "lambdabase/internal/rootfs", "lambdabase/llb",
		},
		because: "each change of what it is made of makes all checks of layers anew",
	},
	{
		pkg: "lambdabase/cmd/lambda-frontend",
		forbidden: []string{
			buildkit + "worker", buildkit + "control", buildkit + "cache", buildkit + "snapshot", buildkit + "executor/runcexecutor",
			buildkit + "executor/oci", buildkit + "source/git", buildkit + "source/http", buildkit + "source/containerimage",
			buildkit + "solver/bboltcachestorage", buildkit + "exporter/containerimage/image",
			containerd + "plugins/snapshots", containerd + "core/metadata", "github.com/containerd/go-runc",
			"lambdabase/internal/embedded", "lambdabase/internal/sample", "lambdabase/internal/usergit",
			"lambdabase/internal/mirror/store", "oras.land/oras-go",
			"lambdabase/internal/rpmdb", "modernc.org",
		},
		because: "it runs in a daemon's container, with the daemon outside",
	},
	{
		pkg:       "lambdabase/cmd/lambdabase",
		forbidden: []string{"lambdabase/internal/sample/faults", "lambdabase/internal/sample/hosttest", "lambdabase/internal/rootfs/rootfstest", "github.com/stretchr/testify", "testing"},
		because:   "its sample is a server like any other: what makes it fail is for tests",
	},
}

func TestPackagesAreBuiltOfNothingThatIsForbidden(t *testing.T) {
	for _, r := range rules {
		t.Run(r.pkg, func(t *testing.T) {
			require.Empty(t, r.violation(importsOf(t, r.pkg)), r.because)
		})
	}
}

// A panic in a goroutine of errgroup's ends the process, whoever recovers elsewhere.
func TestGoroutinesInGroupsMakeErrorsOfPanics(t *testing.T) {
	list := exec.Command("go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, "lambdabase/...")
	list.Stderr = os.Stderr
	out, err := list.Output()
	require.NoError(t, err)
	for line := range bytes.Lines(out) {
		names := strings.Fields(string(line))
		if slices.Contains(names[1:], "golang.org/x/sync/errgroup") {
			require.Equal(t, "lambdabase/internal/panics", names[0], "take that package's Group")
		}
	}
}

func TestEachDependencyHasItsReason(t *testing.T) {
	out, err := exec.Command("go", "mod", "edit", "-json", "../../go.mod").Output()
	require.NoError(t, err)
	var mod struct {
		Require []struct {
			Path     string
			Indirect bool
		}
	}
	require.NoError(t, json.Unmarshal(out, &mod))
	var want, listed []string
	for _, r := range mod.Require {
		if !r.Indirect {
			want = append(want, r.Path)
		}
	}
	doc, err := os.ReadFile("../../docs/dependencies.md")
	require.NoError(t, err)
	for _, row := range regexp.MustCompile("(?m)^\\| `(\\S+)` \\| .{5,} \\|$").FindAllSubmatch(doc, -1) {
		listed = append(listed, string(row[1]))
	}
	require.ElementsMatch(t, want, listed)
}

func TestWhatIsForbiddenOfThisModuleIsThere(t *testing.T) {
	for _, r := range rules {
		for _, pkg := range r.forbidden {
			if dir, ok := strings.CutPrefix(pkg, "lambdabase/"); ok {
				require.DirExists(t, filepath.Join("..", "..", filepath.FromSlash(dir)), "a package that was renamed is not kept out any more")
			}
		}
	}
}

func TestAForbiddenDependencyIsFoundWithItsChain(t *testing.T) {
	imports := map[string][]string{"a": {"x/y", "b"}, "x/y": {"net/http"}, "b": {"c"}, "c": {"net/http/httptrace"}}
	r := rule{pkg: "a", forbidden: []string{"net/http"}}
	require.Equal(t, "a > x/y > net/http", r.violation(imports))
	r.through = []string{"x"}
	require.Equal(t, "a > b > c > net/http/httptrace", r.violation(imports))
	delete(imports, "c")
	require.Empty(t, r.violation(imports))
}

// violation is the shortest chain of imports to a package that is forbidden; empty if there is none.
func (r rule) violation(imports map[string][]string) string {
	seen, chains := map[string]bool{r.pkg: true}, [][]string{{r.pkg}}
	for len(chains) > 0 {
		chain := chains[0]
		chains = chains[1:]
		last := chain[len(chain)-1]
		if isBelow(last, r.forbidden) {
			return strings.Join(chain, " > ")
		}
		if isBelow(last, r.through) {
			continue
		}
		for _, next := range imports[last] {
			if !seen[next] {
				seen[next] = true
				chains = append(chains, append(slices.Clone(chain), next))
			}
		}
	}
	return ""
}

func isBelow(pkg string, roots []string) bool {
	return slices.ContainsFunc(roots, func(root string) bool {
		return pkg == strings.TrimSuffix(root, "/") || strings.HasPrefix(pkg, strings.TrimSuffix(root, "/")+"/")
	})
}

// importsOf has what a package imports, and what that imports, and so on.
func importsOf(t *testing.T, pkg string) map[string][]string {
	list := exec.Command("go", "list", "-deps", "-f", `{{.ImportPath}} {{join .Imports " "}}`, pkg)
	list.Stderr = os.Stderr
	out, err := list.Output()
	require.NoError(t, err)
	imports := map[string][]string{}
	for line := range bytes.Lines(out) {
		names := strings.Fields(string(line))
		imports[names[0]] = names[1:]
	}
	require.NotEmpty(t, imports[pkg])
	return imports
}
