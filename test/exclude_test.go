package test

import (
	"slices"
	"strings"
	"testing"

	"lambdabase/frontend"
	"lambdabase/internal/exclude"
	"lambdabase/internal/sample"
	"lambdabase/internal/sample/githost"
	"lambdabase/test/fstree"
	"lambdabase/test/sandbox"

	"github.com/moby/buildkit/client"
	"github.com/stretchr/testify/require"
)

const emulator = "/usr/local/bin/aws-lambda-rie"

// without is a tree without paths and what is below them. Those that shared an inode with one still share it.
func without(t fstree.Tree, paths ...string) fstree.Tree {
	left, groups := fstree.Tree{}, map[string][]string{}
	for p, e := range t {
		if !slices.ContainsFunc(paths, func(x string) bool { return exclude.IsIn(p, x) }) {
			left[p] = e
			groups[e.Link] = append(groups[e.Link], p)
		}
	}
	delete(groups, "")
	for _, names := range groups {
		slices.Sort(names)
		for _, p := range names {
			e := left[p]
			if e.Link = names[0]; len(names) == 1 {
				e.Link = ""
			}
			left[p] = e
		}
	}
	return left
}

// without is what exporters would tell without the paths.
func (e exports) without(paths ...string) exports {
	e.Tar, e.Local, e.excluded = without(e.Tar, paths...), without(e.Local, paths...), paths
	return e
}

// ignoreParents leaves out the times of directories that paths were in: where a layer changed nothing else in one, the layers of
// docker build would leave it out.
func ignoreParents(paths []string) fstree.Option {
	return fstree.IgnoreMtime(func(dir string) bool {
		return slices.ContainsFunc(paths, func(p string) bool { return exclude.IsIn(p, dir) })
	})
}

func TestAnImageWithoutPathsIsTheOraclesWithoutThem(t *testing.T) {
	t.Parallel()
	d := sandbox.Start(t, sandbox.WithSnapshotter("overlayfs"))
	h := serveUpstream(t, "nodejs20.x")
	oracle := exportAll(t, d, h.oracle(t, "nodejs20.x", ""))
	plain := oneImage(t, d, h.request("nodejs20.x"))
	paths := []string{emulator, "/usr/share/doc", "/var/runtime/state", "/lib64", "/usr/bin/wall", "/etc/shadow"}
	for name, list := range map[string][]string{"one path": {emulator}, "files, folders and a symlink of several layers": paths} {
		for _, layers := range []string{"auto", "chain"} {
			t.Run(name+" "+layers, func(t *testing.T) {
				req := h.request("nodejs20.x", "layers", layers, "exclude", strings.Join(list, ","))
				image := requireExports(t, oracle.without(list...), d, req)
				requireNowhere(t, image, list...)
				require.Len(t, image.Layers, len(plain.Layers))
				requireHistory(t, image)
				if layers == "auto" && len(list) == 1 {
					require.Equal(t, 1, differentLayers(plain, image), "a layer that has nothing of it stays as it is")
				}
			})
		}
	}
}

// requireNowhere wants a path to be in no layer, nor a mark that it was removed.
func requireNowhere(t testing.TB, image sandbox.Image, paths ...string) {
	t.Helper()
	for i := range image.Layers {
		one := image
		one.Layers = image.Layers[i : i+1]
		tree, err := one.Tree()
		require.NoError(t, err)
		for p := range tree {
			require.NotContains(t, p, "/.wh.")
			require.False(t, slices.ContainsFunc(paths, func(x string) bool { return exclude.IsIn(p, x) }), "%s in layer %d", p, i)
		}
	}
}

// requireHistory wants a line of history for each layer.
func requireHistory(t testing.TB, image sandbox.Image) {
	t.Helper()
	lines := 0
	for _, line := range imageConfig(t, image).History {
		if !line.EmptyLayer {
			lines++
		}
	}
	require.Len(t, image.Layers, lines)
}

func differentLayers(a, b sandbox.Image) (n int) {
	for _, id := range diffIDs(b) {
		if !slices.Contains(diffIDs(a), id) {
			n++
		}
	}
	return n
}

// withoutPaths are layers and what is left out of them: the number of layers that are left then, merged and chained.
var withoutPaths = map[string]struct {
	layers          [][]entry
	paths           string
	merged, chained int
}{
	"a file of its own layer":              {[][]entry{{file("a", "1")}, {file("b", "2")}}, "/a", 1, 1},
	"all that there is":                    {[][]entry{{file("a", "1")}, {file("b", "2")}}, "/a,/b", 0, 0},
	"a folder of its own layer":            {[][]entry{{dirEntry("d", 0o700), file("d/a", "1")}, {file("b", "2")}}, "/d", 1, 1},
	"a file in a folder of its own":        {[][]entry{{dirEntry("d", 0o700), file("d/a", "1")}, {file("b", "2")}}, "/d/a", 2, 2},
	"a file in a folder that is shared":    {[][]entry{{dirEntry("d", 0o700), file("d/a", "1")}, {dirEntry("d", 0o700), file("d/b", "2")}}, "/d/b", 1, 1},
	"the same, the other way round":        {[][]entry{{dirEntry("d", 0o700), file("d/a", "1")}, {dirEntry("d", 0o700), file("d/b", "2")}}, "/d/a", 1, 2},
	"a folder with another time":           {[][]entry{{dirEntry("d", 0o700), file("d/a", "1")}, {file("c", "3"), dirEntry("d", 0o700), file("d/b", "2")}}, "/c,/d/b", 2, 1},
	"two layers left with the same folder": {[][]entry{{dirEntry("d", 0o700), file("d/a", "1")}, {dirEntry("d", 0o700), file("d/b", "2")}}, "/d/a,/d/b", 1, 1},
	"one that a later layer replaces":      {[][]entry{{file("a", "1"), file("x", "0")}, {file("a", "22")}, {file("b", "3")}}, "/a", 2, 2},
	"a hard link's first name":             {[][]entry{{file("a", "1"), hardlink("b", "a"), hardlink("c", "a")}}, "/a", 1, 1},
	"a hard link's second name":            {[][]entry{{file("a", "1"), hardlink("b", "a")}}, "/b", 1, 1},
	"what a later tar has a link to":       {[][]entry{{file("a", "1")}, {hardlink("b", "a")}}, "/a", 1, 1},
	"what a later tar is written through":  {[][]entry{{dirEntry("usr", 0o755), dirEntry("usr/lib64", 0o755), symlink("lib64", "usr/lib64")}, {file("lib64/b", "2")}}, "/lib64", 2, 2},
	"what is written through a symlink":    {[][]entry{{dirEntry("usr", 0o755), dirEntry("usr/lib64", 0o755), symlink("lib64", "usr/lib64")}, {file("lib64/b", "2"), file("c", "3")}}, "/usr/lib64/b", 2, 2},
	"a folder that becomes a file":         {[][]entry{{dirEntry("p", 0o755), file("p/a", "1"), file("x", "0")}, {file("p", "2"), file("y", "0")}}, "/p", 2, 2},
	"what was in a folder that is a file":  {[][]entry{{dirEntry("p", 0o755), file("p/a", "1")}, {file("p", "2")}}, "/p/a", 2, 2},
	"a folder, over two layers":            {[][]entry{{dirEntry("d", 0o755), dirEntry("d/e", 0o711), file("d/e/a", "1")}, {dirEntry("d", 0o755), dirEntry("d/e", 0o711), file("d/e/b", "2"), file("d/c", "3")}}, "/d/e", 1, 2},
	"names for a pattern":                  {[][]entry{{file("*", "1"), file("a?", "1"), file("[", "1"), file("[ab]", "1"), file("a", "1"), file("ab", "1")}}, "/*,/a?,/[,/[ab]", 1, 1},
	"a dangling symlink":                   {[][]entry{{symlink("a", "nowhere"), file("b", "1")}}, "/a", 1, 1},
	"a symlink, and not what it is to":     {[][]entry{{dirEntry("d", 0o755), file("d/a", "1"), symlink("l", "d")}}, "/l,/l/a", 1, 1},
	"a fifo, a device and odd names":       {[][]entry{{fifo("f"), device("z", 1, 3), file("ä€𝄞", "1"), file("b c", "1"), file("d", "1").xattr("user.x", "1")}}, "/f,/z,/ä€𝄞,/b c", 1, 1},
	"the time of a folder in nanoseconds":  {[][]entry{{dirEntry("d", 0o2750).owner(993, 990).xattr("user.x", "1").nanoseconds(123456789), file("d/a", "1"), file("d/b", "1")}}, "/d/b", 1, 1},
}

func TestWhatIsLeftOutOfLayersIsInNone(t *testing.T) {
	t.Parallel()
	d := sandbox.Start(t, sandbox.WithSnapshotter("overlayfs"))
	atOnce(t, withoutPaths, func(t *testing.T, name string, c struct {
		layers          [][]entry
		paths           string
		merged, chained int
	}) {
		h, ignore := serveAdversarial(t, name, c.layers)
		paths, err := exclude.Parse(c.paths)
		require.NoError(t, err)
		oracle := exportAll(t, d, h.oracle(t, "case", "")).without(paths...)
		for layers, want := range map[string]int{"auto": c.merged, "chain": c.chained} {
			req := h.request("case", "layers", layers, "exclude", c.paths)
			image := requireExports(t, oracle, d, req, fstree.IgnoreMtime(func(p string) bool {
				return ignore(p) || layers == "chain" && p == "/d" && strings.Contains(name, "another time")
			}))
			requireNowhere(t, image, paths...)
			requireHistory(t, image)
			require.Len(t, image.Layers, 1+want, layers)
		}
	})
}

func TestRuntimesWithTheSamePathsLeftOutShare(t *testing.T) {
	t.Parallel()
	d := sandbox.Start(t)
	h := serveUpstream(t, "nodejs20.x", "python3.12")
	first := oneImage(t, d, h.request("nodejs20.x", "exclude", emulator))
	res, err := d.Solve(t.Context(), t, h.request("python3.12", "exclude", "/no/such/path,"+emulator+"/"))
	require.NoError(t, err)
	require.Regexp(t, `#(\d+) unpack [0-9a-f]{12} [^\n]* without `+emulator+`\n#\d+ CACHED`, res.Progress)
	second := oneImage(t, d, h.request("python3.12", "exclude", "/no/such/path,"+emulator+"/"))
	plain := oneImage(t, d, h.request("python3.12"))
	shared := slices.DeleteFunc(diffIDs(second), func(id string) bool { return !slices.Contains(diffIDs(first), id) })
	require.Len(t, shared, 1+countShared(first, plain), "the layer without the emulator, and those that have nothing of it")
}

func countShared(a, b sandbox.Image) int { return len(b.Layers) - differentLayers(a, b) }

func TestAnImportedCacheServesBuildsWithoutPaths(t *testing.T) {
	t.Parallel()
	h := serveUpstream(t, "nodejs20.x")
	cache := []client.CacheOptionsEntry{{Type: "registry", Attrs: map[string]string{"ref": sandbox.Registry(t) + "/cache", "mode": "max"}}}
	req := h.request("nodejs20.x", "exclude", emulator)
	req.CacheExports = cache
	want := oneImage(t, sandbox.Start(t), req)
	h.Reset()
	req.CacheExports, req.CacheImports = nil, cache
	require.Equal(t, diffIDs(want), diffIDs(oneImage(t, sandbox.Start(t), req)))
	require.Zero(t, h.Total(githost.Object))
}

func TestPathsInAnyOrderGiveOneDigest(t *testing.T) {
	t.Parallel()
	d := sandbox.Start(t)
	h := serveUpstream(t, "nodejs20.x")
	first := oneImage(t, d, h.request("nodejs20.x", "exclude", emulator+",/etc/shadow"))
	for _, list := range []string{"/etc/shadow," + emulator, "/etc//shadow/," + emulator + ",/etc/shadow", emulator + "," + emulator + "/x,/etc/shadow"} {
		require.Equal(t, first.Digest, oneImage(t, sandbox.Start(t), h.request("nodejs20.x", "exclude", list)).Digest, list)
	}
	require.Equal(t, oneImage(t, d, h.request("nodejs20.x")).Digest, oneImage(t, d, h.request("nodejs20.x", "exclude", "/nowhere")).Digest, "what no layer has changes nothing")
}

func TestFunctionsStandOnBasesWithoutPaths(t *testing.T) {
	t.Parallel()
	d := sandbox.Start(t)
	first := compress(t, packTar(t, append([]entry{file("a", "1")}, taskDirs...)...))
	h := serve(t, []sample.Branch{
		newBranch("nodejs20.x", first, compress(t, packTar(t, file("b", "2"))), compress(t, packTar(t, file("c", "3"), file("d", "4")))),
		newBranch("provided.al2023", first),
	})
	for _, layers := range []string{"auto", "chain"} {
		image := oneImage(t, d, h.functionRequest(t, map[string]string{
			"Dockerfile": "FROM nodejs20.x\nCOPY --from=provided.al2023 /a /x\nCOPY Dockerfile /\n",
		}, "exclude", "/b,/c", "layers", layers))
		config := imageConfig(t, image)
		require.Len(t, config.RootFS.DiffIDs, 4, "one of three is gone")
		require.Len(t, config.History, 4)
		require.Contains(t, config.History[1].CreatedBy, "ADD c.tar.xz")
		require.Contains(t, config.History[1].CreatedBy, ", without /c")
		requireHistory(t, image)
		requireNowhere(t, image, "/b", "/c")
		base := oneImage(t, d, h.request("nodejs20.x", "exclude", "/b,/c", "layers", layers))
		require.Equal(t, diffIDs(base), diffIDs(image)[:2])
	}
	_, err := d.Solve(t.Context(), t, h.functionRequest(t, map[string]string{"Dockerfile": "FROM scratch AS x\nFROM nodejs20.x\nCOPY Dockerfile /\n"}, "exclude", "/var"))
	require.ErrorContains(t, err, "/var can't be left out: /var/task is in it, the working directory")
	requireAt(t, err, "Dockerfile", 2)
}

func TestACheckoutIsBuiltWithoutPathsToo(t *testing.T) {
	t.Parallel()
	d := sandbox.Start(t)
	h := serveUpstream(t, "nodejs20.x")
	paths := emulator + ",/etc/shadow"
	want := oneImage(t, d, h.request("nodejs20.x", "exclude", paths))
	require.Equal(t, diffIDs(want), diffIDs(oneImage(t, d, h.checkoutRequest(t, "nodejs20.x", "", "exclude", paths))))
	again := h.request("nodejs20.x", "exclude", paths, "no-cache", "")
	require.Equal(t, want.Digest, oneImage(t, d, again).Digest, "unpacked anew it is the same")
}

func TestAPathThatNoPlatformHasIsWarnedOf(t *testing.T) {
	t.Parallel()
	d := sandbox.Start(t)
	h := serveUpstream(t, "nodejs20.x")
	for _, layers := range []string{"auto", "chain"} {
		res, err := d.Solve(t.Context(), t, h.request("nodejs20.x", "layers", layers, "platform", "linux/amd64,linux/arm64", "exclude", emulator+",/lib64/libc.so,/no/such"))
		require.NoError(t, err)
		require.Len(t, res.Warnings, 2)
		require.Contains(t, string(res.Warnings[0].Short), "no layer of a base image has /lib64/libc.so (/lib64 is a symlink, which is not followed")
		require.Contains(t, string(res.Warnings[1].Short), "no layer of a base image has /no/such")
		require.Equal(t, frontend.LevelUnmet, res.Warnings[1].Level, "the command says it where it says little")
	}
}

func TestTheCommandLeavesPathsOut(t *testing.T) {
	t.Parallel()
	c := newCLI(t)
	d := sandbox.Start(t)
	h := serveUpstream(t, "nodejs20.x")
	want := oneImage(t, d, h.request("nodejs20.x", "exclude", emulator+",/etc/shadow"))
	args := append(buildArgs(h, "nodejs20.x"), "--exclude=/etc/shadow", "--exclude="+emulator)
	c.mustRun(t, append(args, "-o", "image.tar")...)
	requireDigest(t, c.file("image.tar"), want)

	require.Contains(t, c.mustRun(t, append([]string{"plan", "nodejs20.x"}, args[2:]...)...), "left out    /etc/shadow, "+emulator)
	require.Contains(t, c.mustFail(t, 1, append([]string{"inspect", "nodejs20.x", "/etc/shadow"}, args[2:]...)...), "has no /etc/shadow")
	require.Contains(t, c.mustFail(t, 2, append(args, "--exclude=etc")...), `"etc" is not absolute`)
	require.Contains(t, c.mustFail(t, 1, append(args, "--exclude=/var")...), "/var can't be left out: /var/task is in it")
}
