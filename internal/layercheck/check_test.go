package layercheck

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/moby/buildkit/cache/util"
	"github.com/stretchr/testify/require"
)

// write makes a layer: "d/" is a directory, "a>b" a symlink, anything else a file.
func write(t *testing.T, root string, paths ...string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(root, 0o755))
	for _, p := range paths {
		name, target, isLink := strings.Cut(p, ">")
		name = filepath.Join(root, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o755))
		switch {
		case isLink:
			require.NoError(t, os.Symlink(target, name))
		case strings.HasSuffix(p, "/"):
			require.NoError(t, os.MkdirAll(name, 0o755))
		default:
			require.NoError(t, os.WriteFile(name, []byte(p), 0o644))
		}
	}
}

func TestLayersPassOnlyIfTheyCanJustBeMerged(t *testing.T) {
	for name, tc := range map[string]struct {
		layers [][]string
		want   string // what is told; empty: they pass
	}{
		"nothing shared":      {[][]string{{"a", "var/task/"}, {"b"}}, ""},
		"one layer":           {[][]string{{"var/task/"}}, ""},
		"file over file":      {[][]string{{"a", "var/task/"}, {"a"}}, ""},
		"working directory":   {[][]string{{"a"}, {"b"}}, "no layer has /var/task\n"},
		"... is a file":       {[][]string{{"var/task"}}, "no layer has /var/task\n"},
		"... behind a link":   {[][]string{{"srv/task/", "var>srv"}, {"b"}}, "no layer has /var/task\n"},
		"... is a link":       {[][]string{{"srv/task/", "var/task>/srv/task"}, {"b"}}, "no layer has /var/task\n"},
		"conflict":            {[][]string{{"var/task/", "lib64>usr"}, {"lib64/b"}}, "/lib64: a directory in one layer, something else in another\n"},
		"copied":              {[][]string{{"var/task/"}, {"archive1"}}, "archive1 was not unpacked, or is empty\n"},
		"another's archive":   {[][]string{{"var/task/", "archive1"}, {"b"}}, ""},
		"deep":                {[][]string{{"var/task/"}, {strings.Repeat("d/", 33)}}, "a path has more than 32 names, which takes long to merge\n"},
		"just not deep":       {[][]string{{"var/task/"}, {strings.Repeat("d/", 31) + "a"}}, ""},
		"a name of no text":   {[][]string{{"var/task/"}, {"\xff"}}, "/: BuildKit can't list what is in it, as a name or a symlink's target is not UTF-8, or as it is too much\n"},
		"a target of no text": {[][]string{{"var/task/"}, {"a>\xff"}}, "/: BuildKit can't list what is in it, as a name or a symlink's target is not UTF-8, or as it is too much\n"},
	} {
		t.Run(name, func(t *testing.T) {
			root, out := t.TempDir(), t.TempDir()
			args := []string{"--workdir=/var/task"}
			for i, paths := range tc.layers {
				write(t, filepath.Join(root, strconv.Itoa(i)), paths...)
				args = append(args, "archive"+strconv.Itoa(i))
			}
			var log bytes.Buffer
			require.NoError(t, Run(t.Context(), args, root, out, &log))
			require.Equal(t, tc.want, log.String())
			_, err := os.Stat(filepath.Join(out, "ok"))
			require.Equal(t, tc.want == "", err == nil)
		})
	}
}

func TestTheRootIsAWorkingDirectory(t *testing.T) {
	root := t.TempDir()
	write(t, filepath.Join(root, "0"), "a")
	out := t.TempDir()
	require.NoError(t, Run(t.Context(), []string{"--workdir=/", "x"}, root, out, os.Stderr))
	require.FileExists(t, filepath.Join(out, "ok"))
}

func TestWhatCannotBeReadIsAnErrorAndNoAnswer(t *testing.T) {
	out := t.TempDir()
	require.Error(t, Run(t.Context(), []string{"--workdir=/", "a", "b"}, t.TempDir(), out, &bytes.Buffer{}), "there are no layers")
	require.Error(t, Run(t.Context(), []string{"--nonsense"}, t.TempDir(), out, &bytes.Buffer{}))
	require.NoFileExists(t, filepath.Join(out, "ok"))
}

// A directory of more than the gateway's messages have room for isn't listed, as the gateway doesn't.
func TestADirectoryWithTooMuchInItIsNotListed(t *testing.T) {
	root := t.TempDir()
	target := strings.Repeat("t", 4000)
	for i := range 4400 {
		require.NoError(t, os.Symlink(target, filepath.Join(root, strconv.Itoa(i))))
	}
	_, err := dir(root).List(t.Context(), "/")
	require.ErrorContains(t, err, "BuildKit can't list what is in it")
}

func TestALayerIsListedAsBuildKitDoes(t *testing.T) {
	root := t.TempDir()
	write(t, root, "a", "d/b", "d/e/", "l>a", "d/l>/nowhere")
	require.NoError(t, os.Chmod(filepath.Join(root, "d"), 0o711|os.ModeSticky))
	require.NoError(t, os.Link(filepath.Join(root, "a"), filepath.Join(root, "hard")))
	for _, name := range []string{"/", "/d", "/d/e"} {
		want, err := util.ReadDir(t.Context(), root, util.ReadDirRequest{Path: name})
		require.NoError(t, err)
		got, err := dir(root).List(t.Context(), name)
		require.NoError(t, err)
		require.Equal(t, want, got, name)
	}
}
