package test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"lambdabase/internal/sample"

	"github.com/stretchr/testify/require"
)

// askRPM returns what rpm says is installed in a root filesystem, a line each, sorted.
func askRPM(t *testing.T, root, format string) []string {
	t.Helper()
	out, err := exec.Command("rpm", "--dbpath", filepath.Join(root, "var/lib/rpm"), "-qa", "--qf", format+`\n`).Output()
	require.NoError(t, err)
	return sortedLines(string(out))
}

func sortedLines(text string) []string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	slices.Sort(lines)
	return lines
}

func TestPackagesAreThoseThatRPMFinds(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("rpm"); err != nil {
		require.NotEqual(t, "required", os.Getenv("LAMBDABASE_TEST"), "no rpm")
		t.Skip("rpm is missing")
	}
	onEachBackend(t, func(t *testing.T, c *cli, where []string) {
		h := serveUpstream(t, "nodejs20.x", "nodejs18.x")
		for _, tc := range []struct{ runtime, platform, bash string }{
			{"nodejs20.x", "linux/amd64", "bash 5.2.15 1.amzn2023.0.2 x86_64"},
			{"nodejs20.x", "linux/arm64", "bash 5.2.15 1.amzn2023.0.2 aarch64"},
			{"nodejs18.x", "linux/amd64", "bash 4.2.46 34.amzn2 x86_64"},
		} {
			ask := append(append([]string{"inspect", tc.runtime, "--packages", "--platform=" + tc.platform}, h.flags()...), where...)
			header, text, _ := strings.Cut(c.mustRun(t, ask...), "\n")
			require.Equal(t, "PACKAGE VERSION RELEASE ARCH", strings.Join(strings.Fields(header), " "))
			var list []string
			for line := range strings.Lines(text) {
				list = append(list, strings.Join(strings.Fields(line), " "))
			}
			require.Contains(t, list, tc.bash)

			root := filepath.Join(t.TempDir(), "root")
			c.mustRun(t, append(append(buildArgs(h, tc.runtime), "--platform="+tc.platform, "-o", "type=local,dest="+root), where...)...)
			require.Equal(t, askRPM(t, root, "%{name} %|epoch?{%{epoch}:}:{}|%{version} %{release} %{arch}"), sortedLines(strings.Join(list, "\n")))

			var image struct {
				Packages []struct{ Name, Version, Release, Arch string }
			}
			require.NoError(t, json.Unmarshal([]byte(c.mustRun(t, append(ask, "--json")...)), &image))
			list = nil
			for _, p := range image.Packages {
				list = append(list, p.Name+" "+p.Version+" "+p.Release+" "+p.Arch)
			}
			require.Equal(t, askRPM(t, root, "%{name} %{version} %{release} %{arch}"), sortedLines(strings.Join(list, "\n")))
		}
	})
}

// rpmLayer is a layer with a database, or with what is in its place.
func rpmLayer(t *testing.T, database entry) []byte {
	return compress(t, packTar(t, append(taskDirs, dirEntry("var/lib", 0o755), dirEntry("var/lib/rpm", 0o755), database)...))
}

func TestPackagesAreThoseOfTheLastDatabaseHoweverLarge(t *testing.T) {
	t.Parallel()
	made, err := sample.Upstream(sample.UpstreamOptions{Branches: []string{"nodejs18.x"}})
	require.NoError(t, err)
	dir := t.TempDir()
	h := serve(t, made)
	c := newCLI(t)
	c.mustRun(t, append(buildArgs(h, "nodejs18.x"), "-o", "type=local,dest="+dir)...)
	database, err := os.ReadFile(filepath.Join(dir, "var/lib/rpm/Packages"))
	require.NoError(t, err)

	large := string(database) + strings.Repeat("\x00", 20<<20) // which a message of gRPC has no room for
	h = serve(t, []sample.Branch{
		newBranch("large", rpmLayer(t, file("var/lib/rpm/Packages", "of an earlier layer")), rpmLayer(t, file("var/lib/rpm/Packages", large))),
		newBranch("broken", rpmLayer(t, file("var/lib/rpm/Packages", string(database[:len(database)/2])))),
		newBranch("none", compress(t, packTar(t, taskDirs...))),
		newBranch("link", rpmLayer(t, symlink("var/lib/rpm/Packages", "/etc/passwd"))),
	})
	ask := func(runtime string) []string {
		return append([]string{"inspect", runtime, "--packages"}, h.flags()...)
	}
	require.Regexp(t, `(?m)^openssl-libs +1:1\.0\.2k +24\.amzn2\.0\.14 +x86_64$`, c.mustRun(t, ask("large")...))
	require.Contains(t, c.mustFail(t, 1, ask("broken")...), "lambdabase: broken: rpm database /var/lib/rpm/Packages: it can't be read: ")
	for _, runtime := range []string{"none", "link"} {
		require.Contains(t, c.mustFail(t, 1, ask(runtime)...), "lambdabase: "+runtime+" has no rpm database in /var/lib/rpm\n")
	}
	require.Contains(t, c.mustFail(t, 2, append(ask("large"), "/var")...), "leave out the path")
}
