package sample

import (
	"archive/tar"
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/ulikunitz/xz"
)

// installed is what packages.txt has of a system, as rpm -qa says it, sorted.
func installed(t *testing.T, version, machine string) (names []string) {
	list, err := os.ReadFile("rpmdb/packages.txt")
	require.NoError(t, err)
	for line := range strings.Lines(string(list)) {
		if f := strings.Fields(line); f[0] == version {
			names = append(names, f[1]+"-"+f[3]+"-"+f[4]+"."+strings.Replace(f[5], "-", machine, 1))
		}
	}
	slices.Sort(names)
	return names
}

// unpackDatabase writes what a tarball has in var/lib/rpm into a folder.
func unpackDatabase(t *testing.T, tarball []byte) (dir string, names []string) {
	raw, err := xz.NewReader(bytes.NewReader(tarball))
	require.NoError(t, err)
	dir = t.TempDir()
	for r := tar.NewReader(raw); ; {
		h, err := r.Next()
		if err == io.EOF {
			return dir, names
		}
		require.NoError(t, err)
		if name, ok := strings.CutPrefix(h.Name, "var/lib/rpm/"); ok && name != "" {
			content, err := io.ReadAll(r)
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(filepath.Join(dir, name), content, 0o644))
			names = append(names, name)
		}
	}
}

func TestRPMReadsTheDatabaseOfEachSystem(t *testing.T) {
	branches := map[string]Branch{}
	for _, b := range upstream(t, UpstreamOptions{Branches: []string{"nodejs20.x", "nodejs18.x", "go1.x"}}) {
		branches[b.Name] = b
	}
	for _, tc := range []struct{ branch, machine, version, file string }{
		{"nodejs20.x", "x86_64", "2023", "rpmdb.sqlite"},
		{"nodejs20.x", "aarch64", "2023", "rpmdb.sqlite"},
		{"nodejs18.x", "x86_64", "2", "Packages"},
		{"nodejs18.x", "aarch64", "2", "Packages"},
		{"go1.x", "x86_64", "2018.03", "Packages"},
	} {
		t.Run(tc.branch+" "+tc.machine, func(t *testing.T) {
			found := 0
			for path, tarball := range branches[tc.branch].LFS {
				if (add{TreePath: path}).machine() != tc.machine {
					continue
				}
				dir, names := unpackDatabase(t, tarball)
				if len(names) == 0 {
					continue
				}
				found++
				require.Equal(t, []string{tc.file}, names)
				if _, err := exec.LookPath("rpm"); err != nil {
					t.Skip("rpm is not installed")
				}
				out, err := exec.Command("rpm", "--dbpath", dir, "-qa").Output()
				require.NoError(t, err)
				is := strings.Fields(string(out))
				slices.Sort(is)
				require.Equal(t, installed(t, tc.version, tc.machine), is)
			}
			require.Equal(t, 1, found, "layers with a database")
		})
	}
}
