package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"lambdabase/internal/catalog"

	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/solver/pb"
	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"
)

const escape = "a\x1b[31m\u009b\u202e"

func requireSafe(t *testing.T, text string) {
	t.Helper()
	require.NotContains(t, text, "\x1b")
	require.NotContains(t, text, "\u009b")
	require.NotContains(t, text, "\u202e")
	require.NotEmpty(t, text)
}

func TestWhatADaemonTellsIsSafeToShow(t *testing.T) {
	status := &client.SolveStatus{
		Vertexes: []*client.Vertex{
			{Digest: "sha256:a", Name: escape, Error: escape, ProgressGroup: &pb.ProgressGroup{Name: escape}},
			{Digest: "sha256:b", Name: "[linux/amd64 2/3] RUN make"},
		},
		Statuses: []*client.VertexStatus{{ID: escape, Name: escape}},
		Logs:     []*client.VertexLog{{Vertex: "sha256:a", Data: []byte("10%\r" + escape + "\n")}, {Vertex: "sha256:b", Data: []byte(escape)}},
		Warnings: []*client.VertexWarning{{Short: []byte(escape), Detail: [][]byte{[]byte(escape)}, SourceInfo: &pb.SourceInfo{Filename: escape, Data: []byte(escape)}}},
	}
	d := newDisplayCleaner()
	d.clean(status)
	require.Equal(t, "10%\ra\\x1b[31m\\u009b\\u202e\n", string(status.Logs[0].Data))
	require.Equal(t, escape, string(status.Logs[1].Data), "a RUN of the user's")
	status.Logs = nil
	dt, err := json.Marshal(status)
	require.NoError(t, err)
	require.NotContains(t, string(dt), `\u001b`)
	requireSafe(t, string(dt))

	next := &client.SolveStatus{Logs: []*client.VertexLog{{Vertex: "sha256:b", Data: []byte(escape)}}}
	d.clean(next)
	require.Equal(t, escape, string(next.Logs[0].Data))
}

func TestNamesOfRuntimesAndOfTheCacheAreSafeToPrint(t *testing.T) {
	var out bytes.Buffer
	c := &cobra.Command{}
	c.SetOut(&out)
	list := []listedRuntime{{catalog.Runtime{Name: escape, Platforms: []string{escape}, Commit: "0"}, []string{"0", "1"}}}
	require.NoError(t, printRuntimes(c, list, true))
	require.Regexp(t, `COMMITS KEPT\n.* 2\n$`, out.String())
	requireSafe(t, out.String())
	require.Contains(t, out.String(), `"a\x1b[31m\u009b\u202e"`)
	out.Reset()
	require.NoError(t, printJSON(c, list))
	requireSafe(t, out.String())
	require.NotContains(t, out.String(), "\\x")

	out.Reset()
	now := time.Now()
	require.NoError(t, (&backend{addr: "x"}).printDiskUsage(c, []*client.UsageInfo{{Description: "unpack " + escape + "\nx", LastUsedAt: &now}}))
	requireSafe(t, out.String())
	require.Equal(t, 3, strings.Count(out.String(), "\n"))
}
