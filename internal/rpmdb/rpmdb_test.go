package rpmdb

import (
	"archive/tar"
	"bytes"
	"encoding/binary"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"lambdabase/internal/rootfs/rootfstest"

	"github.com/pkg/errors"
	"github.com/stretchr/testify/require"
	"github.com/ulikunitz/xz"
)

func TestMain(m *testing.M) {
	if RunChild() {
		return
	}
	os.Exit(m.Run())
}

// databases are those of the sample by "<version of the system>/<architecture>/<file>".
func databases(t testing.TB) map[string]string {
	packed, err := os.ReadFile("../sample/rpmdb/databases.tar.xz")
	require.NoError(t, err)
	raw, err := xz.NewReader(bytes.NewReader(packed))
	require.NoError(t, err)
	all := map[string]string{}
	for r := tar.NewReader(raw); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			require.Len(t, all, 5)
			return all
		}
		require.NoError(t, err)
		content, err := io.ReadAll(r)
		require.NoError(t, err)
		all[h.Name] = string(content)
	}
}

// packagesOf is what the sample's list has of a system.
func packagesOf(t *testing.T, version, arch string) (all []Package) {
	list, err := os.ReadFile("../sample/rpmdb/packages.txt")
	require.NoError(t, err)
	for line := range strings.Lines(string(list)) {
		if f := strings.Fields(line); f[0] == version {
			epoch, err := strconv.Atoi(f[2])
			require.NoError(t, err)
			all = append(all, Package{f[1], epoch, f[3], f[4], strings.Replace(f[5], "-", arch, 1)})
		}
	}
	slices.SortFunc(all, Package.compare)
	return all
}

// withDatabase is a root filesystem with a database at a path.
func withDatabase(name, content string) *rootfstest.FS {
	files := map[string]rootfstest.File{name: {Data: content}}
	for dir := path.Dir(name); dir != "/"; dir = path.Dir(dir) {
		files[dir] = rootfstest.Dir()
	}
	return rootfstest.New(files)
}

func TestPackagesAreThoseThatRPMHasWritten(t *testing.T) {
	for name, content := range databases(t) {
		for _, dir := range []string{"/var/lib/rpm", "/usr/lib/sysimage/rpm"} {
			packages, err := Read(t.Context(), withDatabase(path.Join(dir, path.Base(name)), content))
			require.NoError(t, err, name)
			system := strings.Split(name, "/")
			require.Equal(t, packagesOf(t, system[0], system[1]), packages, name)
		}
	}
}

func TestARootFilesystemWithoutADatabaseSaysSo(t *testing.T) {
	for name, root := range map[string]*rootfstest.FS{
		"empty":  rootfstest.New(nil),
		"folder": rootfstest.New(map[string]rootfstest.File{"/var": rootfstest.Dir(), "/var/lib": rootfstest.Dir(), "/var/lib/rpm": rootfstest.Dir()}),
		"link": rootfstest.New(map[string]rootfstest.File{
			"/var": rootfstest.Dir(), "/var/lib": rootfstest.Dir(), "/var/lib/rpm": rootfstest.Dir(), "/var/lib/rpm/Packages": rootfstest.Link("/etc/shadow"),
		}),
	} {
		_, err := Read(t.Context(), root)
		require.ErrorIs(t, err, ErrNone, name)
	}
}

func TestVersionsAreWrittenAsRPMDoes(t *testing.T) {
	require.Equal(t, "1:1.0.2k", Package{Epoch: 1, Version: "1.0.2k"}.EpochVersion())
	require.Equal(t, "2.26", Package{Version: "2.26"}.EpochVersion())
}

func TestADatabaseThatIsCutOffIsAnError(t *testing.T) {
	for name, content := range databases(t) {
		if !strings.Contains(name, "x86_64") {
			continue
		}
		for _, size := range []int{0, 1, 16, 100, 511, 512, 4095, 4096, 4100, len(content) / 2, len(content) - 4096} {
			_, err := Read(t.Context(), withDatabase("/var/lib/rpm/"+path.Base(name), content[:size]))
			require.Error(t, err, "%s: %d bytes", name, size)
			require.ErrorContains(t, err, "rpm database /var/lib/rpm/"+path.Base(name)+": it ", "%s: %d bytes", name, size)
		}
	}
}

// overwrite puts a number of Berkeley DB into a page of 4096 bytes.
func overwrite(content string, page, offset int, number uint32) string {
	dt := []byte(content)
	binary.LittleEndian.PutUint32(dt[page*4096+offset:], number)
	return string(dt)
}

// overflowPage is the first page with a part of a header.
func overflowPage(t *testing.T, content string) int {
	for page := range len(content) / 4096 {
		if content[page*4096+25] == 7 {
			return page
		}
	}
	t.Fatal("no such page")
	return 0
}

func TestAGarbledDatabaseIsAnErrorInShortTime(t *testing.T) {
	content := databases(t)["2/x86_64/Packages"]
	page := overflowPage(t, content)
	ends := limits{cpu: 60, memory: 256 << 20} // by what is wrong alone, on a machine that is busy, too
	for name, tc := range map[string]struct {
		content, want string
		limits        limits
	}{
		"an index out of its page": {overwrite(content, 1, 26, 0xffffffff), "index out of range", ends},
		"more entries than bytes":  {overwrite(content, 1, 20, 0xfffe), "out of range", ends},
		"pages in a circle":        {overwrite(content, page, 16, uint32(page)), "memory", ends},
		"a page of another kind":   {overwrite(content, page, 22, 0x0d000000), "it can't be read: that takes more than 1 seconds", limits{cpu: 1, memory: ends.memory}},
		"a page size of 3":         {overwrite(content, 0, 20, 3), "it can't be read: unexpected page size: 3", ends},
		"text":                     {strings.Repeat("no database\n", 1000), "it can't be read: unexpected encryption algorithm: 110", ends},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "Packages")
			require.NoError(t, os.WriteFile(file, []byte(tc.content), 0o600))
			_, err := tc.limits.parse(t.Context(), file)
			require.ErrorContains(t, err, tc.want)
		})
	}
}

func FuzzAnyDatabaseGivesPackagesOrAnError(f *testing.F) {
	for name, content := range databases(f) {
		if strings.HasSuffix(name, "Packages") {
			f.Add([]byte(content), uint16(4096+25), byte(13))
		} else {
			f.Add([]byte(content[:64<<10]), uint16(100), byte(5))
		}
	}
	f.Fuzz(func(t *testing.T, content []byte, at uint16, value byte) {
		if int(at) < len(content) {
			content[at] = value
		}
		file := filepath.Join(t.TempDir(), "Packages")
		require.NoError(t, os.WriteFile(file, content, 0o600))
		packages, err := limits{cpu: 1, memory: 256 << 20}.parse(t.Context(), file)
		for _, p := range packages {
			require.NotEmpty(t, p.Name)
		}
		if err != nil {
			require.Regexp(t, `^it (can't be read: .|is broken)`, err.Error())
		}
	})
}
