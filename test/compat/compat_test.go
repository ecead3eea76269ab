package compat

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
)

func measured() Report {
	r := Report{Features: []string{"a", "b", "c"}}
	r.Put(Daemon{"Docker Engine 20.10", map[string]Verdict{"a": Yes(), "b": Partly("slower"), "c": No("gone")}})
	r.Put(Daemon{"v0.9.1", map[string]Verdict{"a": No("gone"), "b": Yes(), "c": Yes()}})
	r.Put(Daemon{"v0.33.1", map[string]Verdict{"a": Yes(), "b": Yes(), "c": Yes()}})
	return r
}

func TestTheTableHasAColumnForEachDaemonAndANumberForEachNote(t *testing.T) {
	require.Equal(t, head+`| feature | v0.9.1 | v0.33.1 | Docker Engine 20.10 |
|---|---|---|---|
| a | no (1) | yes | yes |
| b | yes | yes | partly (2) |
| c | yes | yes | no (1) |

1. gone.
2. slower.
`, measured().Markdown())
}

func TestADaemonIsPutInThePlaceOfItself(t *testing.T) {
	r := measured()
	r.Put(Daemon{"v0.9.1", map[string]Verdict{"a": Yes()}})
	d, ok := r.Find("v0.9.1")
	require.True(t, ok)
	require.Equal(t, Yes(), d.Verdicts["a"])
	require.Len(t, r.Daemons, 3)
	require.Equal(t, []string{"v0.9.1", "v0.33.1"}, r.Versions(), "by number, not by letter")
	_, ok = r.Find("v0.1.0")
	require.False(t, ok)
}

func TestTheReportIsReadAsItIsWritten(t *testing.T) {
	dt, err := measured().JSON()
	require.NoError(t, err)
	r, err := Parse(dt)
	require.NoError(t, err)
	require.Equal(t, measured(), r)
	_, err = Parse([]byte("{"))
	require.ErrorContains(t, err, "measured compatibility: ")
}

// root is the module's folder.
const root = "../.."

func read(t *testing.T, file string) string {
	t.Helper()
	dt, err := os.ReadFile(filepath.Join(root, file))
	require.NoError(t, err)
	return string(dt)
}

func published(t *testing.T) Report {
	t.Helper()
	r, err := Parse([]byte(read(t, "docs/compatibility.json")))
	require.NoError(t, err)
	return r
}

func TestTheDocumentIsWhatWasMeasured(t *testing.T) {
	r := published(t)
	require.Equal(t, r.Markdown(), read(t, "docs/compatibility.md"), "make test-compat writes both")
	for _, d := range r.Daemons {
		require.Len(t, d.Verdicts, len(r.Features), d.Name)
		for _, feature := range r.Features {
			v, ok := d.Verdicts[feature]
			require.True(t, ok, "%s on %s wasn't measured", feature, d.Name)
			require.Equal(t, v.Support == Full, v.Note == "", "%s on %s", feature, d.Name)
		}
	}
}

func TestWhatWasMeasuredIsWhatIsPromised(t *testing.T) {
	versions := published(t).Versions()
	oldest, newest := versions[0], versions[len(versions)-1]
	require.Equal(t, find(t, "go.mod", `github\.com/moby/buildkit (v\S+)`), newest, "the BuildKit of the command")
	require.Equal(t, find(t, "Makefile", `(?m)^OLDEST\s*:= (v\S+)`), oldest)
	require.Equal(t, find(t, "Makefile", `(?m)^NEWEST\s*:= (v\S+)`), newest)
	require.Contains(t, read(t, "README.md"), "Tested with BuildKit "+oldest+" to "+newest)
	require.Contains(t, read(t, "README.md"), "(docs/compatibility.md)")
}

func find(t *testing.T, file, pattern string) string {
	t.Helper()
	found := regexp.MustCompile(pattern).FindStringSubmatch(read(t, file))
	require.NotNil(t, found, "%s in %s", pattern, file)
	return found[1]
}
