package bench

import (
	"os"
	"regexp"
	"strconv"
	"testing"

	"lambdabase/test/bench/report"
	"lambdabase/test/sandbox"

	"github.com/stretchr/testify/require"
)

// What make bench sets.
const (
	sampleEnv = "LAMBDABASE_BENCH"       // the folder that keeps the samples between runs: real sizes take minutes to make
	casesEnv  = "LAMBDABASE_BENCH_CASES" // a regular expression: the groups that are measured
	countEnv  = "LAMBDABASE_BENCH_COUNT" // rounds
	slowEnv   = "LAMBDABASE_SLOW"
)

const (
	docs   = "../../docs/performance"
	readme = "../../README.md"
)

// TestMeasure measures, and writes the report after each group.
func TestMeasure(t *testing.T) {
	dir := os.Getenv(sampleEnv)
	if dir == "" {
		t.Skipf("no folder in %s: make bench sets it", sampleEnv)
	}
	chosen, err := regexp.Compile(os.Getenv(casesEnv))
	require.NoError(t, err)
	rounds, err := strconv.Atoi(os.Getenv(countEnv))
	require.NoError(t, err, countEnv)
	sandbox.Require(t, "buildkitd", "buildctl", "buildx")
	e := newEnv(t, realSizes(dir))
	for _, g := range groups() {
		if chosen.MatchString(g.name) {
			measured := e.compare(t, g, rounds)
			require.False(t, t.Failed(), "nothing is written of a group that failed")
			save(t, measured)
		}
	}
}

// TestEveryWayIsMeasured tries what make bench runs, at small sizes.
func TestEveryWayIsMeasured(t *testing.T) {
	if os.Getenv(slowEnv) == "" {
		t.Skipf("%s is not set: make test-full sets it", slowEnv)
	}
	sandbox.Require(t, "buildkitd", "buildctl", "buildx")
	e := newEnv(t, smallSizes(t.TempDir()))
	for _, g := range groups() {
		t.Run(g.name, func(t *testing.T) { requireMeasured(t, g, e.compare(t, g, 1)) })
	}
}

// requireMeasured holds a group to what is so at any size.
func requireMeasured(t *testing.T, g group, measured report.Group) {
	t.Helper()
	require.Len(t, measured.Ways, len(g.ways))
	for _, w := range measured.Ways {
		require.NotEmpty(t, w.Runs, w.Name)
		for _, run := range w.Runs {
			require.Positive(t, run.Seconds, w.Name)
			require.True(t, run.Memory > 0 || w.Name == report.Floor, w.Name)
			require.Positive(t, run.Distinct, w.Name)
		}
	}
	if g.machines {
		ours := measured.Ways[0].Runs[0]
		require.Equal(t, ours.Distinct, ours.Bytes, "each object once")
		require.Positive(t, ours.Frontends)
		require.Positive(t, ours.Daemons)
	}
	if g.name == "sixteen" || g.name == "fresh" {
		ours := measured.Ways[len(measured.Ways)-1].Runs[0]
		require.Zero(t, ours.Layers)
		require.Contains(t, []int64{0, ours.Distinct}, ours.Bytes)
	}
}

// save puts a group into the report, and makes the document anew.
func save(t *testing.T, g report.Group) {
	t.Helper()
	var names []string
	for _, g := range groups() {
		names = append(names, g.name)
	}
	r := readReport(t)
	r.Put(g, names)
	for file, content := range files(t, r) {
		require.NoError(t, os.WriteFile(file, []byte(content), 0o644))
	}
}

// files are those that a report is written to, as it makes them.
func files(t *testing.T, r report.Report) map[string]string {
	t.Helper()
	text, err := r.JSON()
	require.NoError(t, err)
	doc, err := r.Insert(read(t, docs+".md"))
	require.NoError(t, err)
	summary, err := r.Summarize(read(t, readme))
	require.NoError(t, err)
	return map[string]string{docs + ".json": string(text), docs + ".md": doc, docs + ".svg": r.Chart(), readme: summary}
}

func readReport(t *testing.T) report.Report {
	t.Helper()
	r, err := report.Parse([]byte(read(t, docs+".json")))
	require.NoError(t, err)
	return r
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	return string(text)
}

func TestTheDocumentsAreWhatWasMeasured(t *testing.T) {
	for file, want := range files(t, readReport(t)) {
		require.Equal(t, want, read(t, file), "make bench writes it")
	}
}
