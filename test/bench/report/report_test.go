package report

import (
	"encoding/xml"
	"io"
	"strings"
	"testing"

	"github.com/pkg/errors"
	"github.com/stretchr/testify/require"
)

// measured is a group of two ways in three rounds, in which the machine was busy once.
func measured() Report {
	ours := Way{Name: Daemon, Runs: []Run{{Seconds: 1, CPU: 2, Memory: 9e6}, {Seconds: 4, CPU: 2, Memory: 8e6}, {Seconds: 2, CPU: 3, Memory: 9e6}}}
	theirs := Way{Name: Usual, Runs: []Run{{Seconds: 3, CPU: 5, Objects: 4, Bytes: 2e6}, {Seconds: 12, CPU: 5, Objects: 4, Bytes: 2e6}, {Seconds: 4, CPU: 6}}}
	return Report{Groups: []Group{{
		Name: "cold", Title: "Cold & new", Charted: true, Machine: Machine{Date: "2026-01-02", CPUs: 2, Load: 1.25}, Ways: []Way{theirs, ours},
	}}}
}

func TestSpread(t *testing.T) {
	require.Equal(t, spread{2, 1, 3}, spreadOf([]float64{3, 1, 2}))
	require.Equal(t, spread{2.5, 1, 4}, spreadOf([]float64{4, 3, 1, 2}))
	require.Equal(t, "2.50 (1.00 .. 4.00)", spread{2.5, 1, 4}.format("%.2f"))
	require.Equal(t, "2", spread{2, 2, 2}.format("%.0f"))
	require.Zero(t, spreadOf(nil))
}

func TestRatioIsThatOfEachRound(t *testing.T) {
	ways := measured().Groups[0].Ways
	require.Equal(t, spread{3, 2, 3}, ratio(ways[0], ways[1], wall))
	require.Zero(t, ratio(ways[0], ways[1], objects), "nothing to divide by")
}

func TestTheReportIsReadAsItIsWritten(t *testing.T) {
	text, err := measured().JSON()
	require.NoError(t, err)
	r, err := Parse(text)
	require.NoError(t, err)
	require.Equal(t, measured(), r)
	require.Contains(t, string(text), "\n      {\"seconds\": 1,\"cpu_seconds\": 2,\"peak_memory\": 9000000},\n", "a run is a line")
	_, err = Parse([]byte("{"))
	require.ErrorContains(t, err, "results of the benchmark: ")
}

func TestAGroupIsPutInThePlaceOfItself(t *testing.T) {
	r := Report{}
	for _, name := range []string{"b", "gone", "a", "b"} {
		r.Put(Group{Name: name, Title: name}, []string{"a", "b", "gone"})
	}
	r.Put(Group{Name: "b", Title: "new"}, []string{"a", "b"})
	require.Equal(t, []Group{{Name: "a", Title: "a"}, {Name: "b", Title: "new"}}, r.Groups)
}

const wantTables = `## Aims

| | aim | measured | reached |
|---|---|---|---|
| usual way / daemon, no export | at least 1.80 | 3.00 (2.00 .. 3.00) | yes |

## Cold & new

| ` + "`cold`" + ` | wall, s | times the last | CPU s | objects | MB of objects | peak MB |
|---|---|---|---|---|---|---|
| usual way: clone, checkout, git lfs fetch, docker build | 4.00 (3.00 .. 12.00) | 3.00 | 5.00 | 4 | 2 | 0 |
| lambdabase on a daemon | 2.00 (1.00 .. 4.00) | 1.00 | 2.00 | 0 | 0 | 9 |

2026-01-02; 2 CPUs; load before: 1.2; runs of each: 3.

`

func TestTablesStandBetweenTheirLines(t *testing.T) {
	doc, err := measured().Insert("a\n" + Begin + "\nold\n" + End + "\nb\n")
	require.NoError(t, err)
	require.Equal(t, "a\n"+Begin+"\n\n"+wantTables+End+"\nb\n", doc)
	again, err := measured().Insert(doc)
	require.NoError(t, err)
	require.Equal(t, doc, again)
	_, err = measured().Insert("a\n" + End + "\n" + Begin)
	require.ErrorContains(t, err, "no lines ")
}

func TestAimsAreReachedFromTheRightSide(t *testing.T) {
	for want, line := range map[string]string{
		"| x | at most 2.00 | 2.00 | yes |":  atMost("x", "%.2f", 2, nil).line(spread{2, 2, 2}),
		"| x | at most 2.00 | 2.10 | no |":   atMost("x", "%.2f", 2, nil).line(spread{2.1, 2.1, 2.1}),
		"| x | at least 2.00 | 2.00 | yes |": atLeast("x", 2, nil).line(spread{2, 2, 2}),
		"| x | at least 2.00 | 1.90 | no |":  atLeast("x", 2, nil).line(spread{1.9, 1.9, 1.9}),
	} {
		require.Equal(t, want, line)
	}
}

func TestChartIsAnImageOfTheMedians(t *testing.T) {
	chart := measured().Chart()
	for decoder := xml.NewDecoder(strings.NewReader(chart)); ; {
		_, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
	}
	for _, part := range []string{"Cold &amp; new", ">usual way<", ">lambdabase on a daemon<", ">4.00 s<", ">2.00 s<", "prefers-color-scheme: dark"} {
		require.Contains(t, chart, part)
	}
	r := measured()
	r.Groups[0].Charted = false
	require.NotContains(t, r.Chart(), "<rect")
}

func TestSummaryHasTheRatiosToTheUsualWay(t *testing.T) {
	r := measured()
	r.Groups = append(r.Groups, Group{Name: "other", Ways: []Way{{Name: Daemon}}})
	readme, err := r.Summarize(Begin + End)
	require.NoError(t, err)
	require.Contains(t, readme, "|---|---|---|\n| Cold & new | 3.0 (2.0 .. 3.0) |  |\n\n"+End)
	_, err = r.Summarize("")
	require.ErrorContains(t, err, "no lines ")
}
