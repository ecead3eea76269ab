package sample

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/ulikunitz/xz"
)

func headers(t *testing.T, tarball []byte) []*tar.Header {
	t.Helper()
	raw, err := xz.NewReader(bytes.NewReader(tarball))
	require.NoError(t, err)
	var all []*tar.Header
	for r := tar.NewReader(raw); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return all
		}
		require.NoError(t, err)
		all = append(all, h)
	}
}

func TestEveryDirectoryHasAHeaderBeforeItsChildren(t *testing.T) {
	for _, b := range upstream(t, UpstreamOptions{Branches: []string{"nodejs20.x", "dotnet8"}}) {
		for name, tarball := range b.LFS {
			seen := map[string]bool{".": true}
			for _, h := range headers(t, tarball) {
				entry := path.Clean(h.Name)
				require.True(t, seen[path.Dir(entry)], "%s in %s", entry, name)
				require.True(t, entry == "." || !seen[entry], "%s twice in %s", entry, name)
				seen[entry] = h.Typeflag == tar.TypeDir
			}
		}
	}
}

func TestLayersOfAnImageAgreeAboutTheirDirectories(t *testing.T) {
	type like struct {
		directory bool
		mode      int64
		uid, gid  int
	}
	for _, b := range upstream(t, UpstreamOptions{Branches: []string{"dotnet8", "ruby3.3", "python2.7"}}) {
		entries := map[string]like{}
		for _, tarball := range b.LFS {
			for _, h := range headers(t, tarball) {
				name, is := path.Clean(h.Name), like{h.Typeflag == tar.TypeDir, h.Mode, h.Uid, h.Gid}
				if before, ok := entries[name]; ok && (before.directory || is.directory) {
					require.Equal(t, before, is, name)
				}
				entries[name] = is
			}
		}
	}
}

func TestAnImageHoldsWhatBuildersGetWrong(t *testing.T) {
	b := upstream(t, UpstreamOptions{Branches: []string{"nodejs20.x"}})[0]
	found := map[string]bool{}
	for _, tarball := range b.LFS {
		for _, h := range headers(t, tarball) {
			found["link"] = found["link"] || h.Typeflag == tar.TypeLink
			found["symlink"] = found["symlink"] || h.Typeflag == tar.TypeSymlink
			found["fifo"] = found["fifo"] || h.Typeflag == tar.TypeFifo
			found["setuid"] = found["setuid"] || h.Name == "usr/bin/su" && h.Mode == 0o4755
			found["setgid"] = found["setgid"] || h.Mode&0o2000 != 0 && h.Typeflag == tar.TypeReg
			found["sticky"] = found["sticky"] || h.Name == "tmp/" && h.Mode == 0o1777
			found["owner"] = found["owner"] || h.Uid == 1000 && h.Gid == 1000
			found["capability"] = found["capability"] || len(h.PAXRecords["SCHILY.xattr.security.capability"]) == 20
			found["xattr"] = found["xattr"] || h.PAXRecords["SCHILY.xattr.user.origin"] == "sample"
			found["over 255, PAX"] = found["over 255, PAX"] || len(h.Name) > 255 && h.Format == tar.FormatPAX
			found["over 255, GNU"] = found["over 255, GNU"] || len(h.Name) > 255 && h.Format == tar.FormatGNU
			found["fraction"] = found["fraction"] || h.ModTime.Nanosecond() != 0
			found["whole second"] = found["whole second"] || h.ModTime.Equal(h.ModTime.Truncate(time.Second))
			found["empty"] = found["empty"] || h.Typeflag == tar.TypeReg && h.Size == 0
		}
	}
	for what, is := range found {
		require.True(t, is, what)
	}
	require.Len(t, found, 14)
}

func TestShellIsInTheRunnableImagesOnly(t *testing.T) {
	shell := filepath.Join(t.TempDir(), "busybox")
	require.NoError(t, os.WriteFile(shell, []byte("busybox"), 0o755))
	with := upstream(t, UpstreamOptions{Shell: shell, Branches: []string{"nodejs20.x", "python3.12", "python3.11"}})
	without := upstream(t, UpstreamOptions{Branches: []string{"nodejs20.x", "python3.12", "python3.11"}})
	changed := []string{}
	for i := range with {
		for name := range with[i].LFS {
			if !bytes.Equal(with[i].LFS[name], without[i].LFS[name]) {
				changed = append(changed, with[i].Name)
			}
		}
	}
	require.Equal(t, []string{"nodejs20.x", "python3.12"}, changed, "one OS layer, shared")
}

func TestTarReadsEveryKindOfLayer(t *testing.T) {
	if _, err := exec.LookPath("xz"); err != nil {
		t.Skip("xz is not installed")
	}
	b := upstream(t, UpstreamOptions{Scale: 0.001, Branches: []string{"nodejs20.x"}})[0]
	for name, tarball := range b.LFS {
		list := exec.Command("tar", "tJf", "-")
		list.Stdin = bytes.NewReader(tarball)
		out, err := list.CombinedOutput()
		require.NoError(t, err, "%s: %s", name, out)
		require.Equal(t, len(headers(t, tarball)), bytes.Count(out, []byte("\n")), name)
	}
}
