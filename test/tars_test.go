package test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	"lambdabase/internal/sample"
	"lambdabase/test/fstree"
	"lambdabase/test/sandbox"

	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/client/llb"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/stretchr/testify/require"
)

// hardToCarry has what an image may lose on its way through exporters and registries.
var hardToCarry = []entry{
	dirEntry("d", 0o2751).owner(1<<21+1, 1<<22),
	file("d/setuid", "1").mode(0o6755).owner(1<<21+1, 0),
	hardlink("d/again", "d/setuid"),
	dirEntry("sticky", 0o1777),
	file("sticky/capable", "2").xattr("security.capability", "\x01\x00\x00\x02\x00\x20\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"),
	file("nobodys", "3").mode(0),
	symlink("absolute", "/d/setuid"), symlink("outside", "../../../etc/passwd"), symlink("nowhere", strings.Repeat("x/", 400)+"y"), symlink("itself", "itself"),
	fifo("fifo"), device("null", 1, 3), device("far", 4095, 1<<20-1),
	file(strings.Repeat("n", 255), "4"), file("ä€𝄞/ノード", "5"), file("\xffname", "6"), file("a\nb", "7"), file("-rf", "8"), file(" ", "9"),
	file("empty", ""), file("zeros", string(make([]byte, 1<<20))),
}

// pulled is an image of a registry, as a daemon that has nothing of it gets it.
func pulled(ref string) sandbox.Request {
	return sandbox.Request{Func: func(ctx context.Context, c gateway.Client) (*gateway.Result, error) {
		def, err := llb.Image(ref).Marshal(ctx, llb.LinuxAmd64)
		if err != nil {
			return nil, err
		}
		return c.Solve(ctx, gateway.SolveRequest{Definition: def.ToPB()})
	}}
}

func TestWhatIsPushedAndPulledAgainEqualsTheOracle(t *testing.T) {
	t.Parallel()
	d, empty, registry := sandbox.Start(t), sandbox.Start(t), sandbox.Registry(t)
	tars := [][]byte{packTar(t, taskDirs...), packTar(t, hardToCarry...), packTar(t, file("last", "1"))}
	var packed [][]byte
	var readers []io.Reader
	for _, dt := range tars {
		packed, readers = append(packed, compress(t, dt)), append(readers, bytes.NewReader(dt))
	}
	untimed, err := fstree.HeaderlessDirs(readers...)
	require.NoError(t, err)
	h := serve(t, []sample.Branch{newBranch("case", packed...)})
	var want fstree.Tree
	for _, tc := range []struct {
		name string
		req  sandbox.Request
	}{{"oracle", h.oracle(t, "case", "")}, {"auto", h.request("case")}, {"chain", h.request("case", "layers", "chain")}} {
		ref := registry + "/" + tc.name
		_, err := d.Solve(t.Context(), t, tc.req, client.ExportEntry{Type: client.ExporterImage, Attrs: map[string]string{"name": ref, "push": "true"}})
		require.NoError(t, err, tc.name)
		got, err := empty.Tar(t, pulled(ref))
		require.NoError(t, err, tc.name)
		if want == nil {
			want = got
			require.Greater(t, len(want), len(hardToCarry))
		}
		require.Empty(t, fstree.Diff(want, got, fstree.IgnoreMtime(func(path string) bool { return untimed[path] })), tc.name)
	}
}

func TestAnXZOfSeveralStreamsIsUnpackedWhole(t *testing.T) {
	t.Parallel()
	d := sandbox.Start(t)
	dt := packTar(t, append([]entry{file("a", strings.Repeat("1", 5000)), file("b", "2")}, taskDirs...)...)
	half := len(dt) / 2 // in the middle of a file
	padding := make([]byte, 8)
	h := serve(t, []sample.Branch{
		newBranch("case", bytes.Join([][]byte{compress(t, dt[:half]), padding, compress(t, nil), compress(t, dt[half:])}, nil)),
		newBranch("single", compress(t, dt)),
	})
	want, err := d.Tar(t, h.request("single"))
	require.NoError(t, err)
	require.Len(t, want, 4)
	for _, req := range []sandbox.Request{h.oracle(t, "case", ""), h.request("case")} {
		got, err := d.Tar(t, req)
		require.NoError(t, err)
		require.Empty(t, fstree.Diff(want, got))
	}
}

// An object that was made from half of an archive has the right checksum. It is never taken for a whole one, wherever it ends.
func TestAnArchiveThatIsCutBuildsNothingThatTheOracleDoesNot(t *testing.T) {
	d := sandbox.Start(t)
	noise := make([]byte, 64<<10)
	for i := range noise {
		noise[i] = byte(i * i >> 7)
	}
	whole := compress(t, packTar(t, append(taskDirs[:2:2], file("a", string(noise)), file("b", string(noise[1:])))...))
	cuts := map[string]int{}
	var branches []sample.Branch
	for tenth := range 10 {
		name := fmt.Sprintf("cut%d", tenth)
		cuts[name] = len(whole)*tenth/10 + 1
		branches = append(branches, newBranch(name, whole[:cuts[name]]))
	}
	h := serve(t, branches)
	atOnce(t, cuts, func(t *testing.T, name string, size int) {
		_, oracleErr := d.Tar(t, h.oracle(t, name, ""))
		tree, err := d.Tar(t, h.request(name))
		require.Error(t, err, "built of %d bytes of %d: %v", size, len(whole), tree)
		require.ErrorContains(t, err, "a.tar.xz")
		requireAt(t, err, "Dockerfile."+name, 2)
		if oracleErr == nil {
			require.ErrorContains(t, err, "was not unpacked", "what docker build copies as it is, a file in the root")
		}
	})
}

func TestATarOfVeryManyEntriesEqualsTheOracle(t *testing.T) {
	entries := 5_000
	if os.Getenv(slowEnv) != "" {
		entries = 1_000_000
	}
	d := sandbox.Start(t, sandbox.WithSnapshotter("overlayfs"))
	many := make([]entry, 0, entries+2)
	many = append(many, taskDirs...)
	for i := range entries - entries/10 {
		if i%1000 == 0 {
			many = append(many, dirEntry(fmt.Sprintf("d%d", i/1000), 0o755))
		}
		many = append(many, file(fmt.Sprintf("d%d/%d", i/1000, i), ""))
	}
	many = append(many, dirEntry("wide", 0o755))
	for i := range entries / 10 { // in a directory that the next layer has too, so that it is listed
		many = append(many, file(fmt.Sprintf("wide/%d", i), ""))
	}
	h := serve(t, []sample.Branch{newBranch("case", compressFast(t, packTar(t, many...)), compress(t, packTar(t, dirEntry("wide", 0o755), file("wide/x", "1"))))})
	want, err := d.Tar(t, h.oracle(t, "case", ""))
	require.NoError(t, err)
	require.Greater(t, len(want), entries)
	got, err := d.Tar(t, h.request("case"))
	require.NoError(t, err)
	require.Empty(t, fstree.Diff(want, got))
}

// compressFast is compress by xz itself, for what is large.
func compressFast(t *testing.T, dt []byte) []byte {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "xz", "-0", "-c")
	cmd.Stdin = bytes.NewReader(dt)
	out, err := cmd.Output()
	require.NoError(t, err)
	return out
}
