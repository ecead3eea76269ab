package frontend

import (
	"context"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/moby/buildkit/exporter/containerimage/exptypes"
	"github.com/moby/buildkit/solver/errdefs"
	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
	"github.com/opencontainers/go-digest"
	"github.com/pkg/errors"
	"github.com/stretchr/testify/require"
)

func last(s *stub) string { return s.solved[len(s.solved)-1] }

func imageOf(t *testing.T, dt []byte) (image dockerspec.DockerOCIImage) {
	require.NoError(t, json.Unmarshal(dt, &image))
	return image
}

func TestABaseImageIsMergedFromLayersSolvedOnTheirOwn(t *testing.T) {
	s := newStub(nil)
	res := built(t, s)
	require.Len(t, s.solved, 6, "tree, two layers and their objects, merge")
	require.Contains(t, last(s), "merge <- 1 <- 3")
	require.Contains(t, last(s), "mkdir /var/task 755", "no layer has it")

	image := imageOf(t, res.Metadata[exptypes.ExporterImageConfigKey])
	require.Equal(t, []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "A=b"}, image.Config.Env)
	require.Equal(t, time.Unix(1728915339, 0).UTC(), *image.Created)
	require.Equal(t, map[string]string{"lambdabase.runtime": "nodejs20.x", "lambdabase.commit": stubCommit}, image.Config.Labels)
	require.Len(t, image.History, 3)
	require.Contains(t, image.History[0].CreatedBy, "ADD x86_64/a.tar.xz / # sha256:aaaa")
}

func TestPlatformsShareOneCommit(t *testing.T) {
	s := newStub(map[string]string{"platform": "linux/amd64,linux/arm64"})
	res := built(t, s)
	require.Len(t, res.Refs, 2)
	require.Equal(t, 1, count(s.resolved, "refs/heads/"))
	require.Equal(t, 1, count(s.solved, "source git://"))
	arm := imageOf(t, res.Metadata[exptypes.ExporterImageConfigKey+"/linux/arm64"])
	require.Equal(t, "arm64", arm.Architecture)
	require.Len(t, arm.History, 2, "arm64 has the working directory in a layer")
	require.Contains(t, string(res.Metadata[exptypes.ExporterPlatformsKey]), "linux/arm64")
}

func TestAPinnedCommitIsNotResolved(t *testing.T) {
	s := newStub(map[string]string{"commit": strings.Repeat("1", 40)})
	built(t, s)
	require.Zero(t, count(s.resolved, "refs/heads/"))
	require.Equal(t, 1, count(s.solved, "#"+strings.Repeat("1", 40)))
}

func TestLayersAreChainedWhereMergingWouldDiffer(t *testing.T) {
	conflict := func(s *stub) { s.layers[stubOID("b")]["etc"] = stubFile{mode: os.ModeDir | 0o700} }
	for name, tc := range map[string]struct {
		layers string
		change func(*stub)
		merged bool
	}{
		"auto":                       {"auto", func(*stub) {}, true},
		"auto with a conflict":       {"auto", conflict, false},
		"auto on a graphdriver":      {"auto", func(s *stub) { s.noMerge = true }, false},
		"merge":                      {"merge", func(*stub) {}, true},
		"chain":                      {"chain", func(*stub) {}, false},
		"chain whatever it overlaps": {"chain", conflict, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStub(map[string]string{"layers": tc.layers})
			tc.change(s)
			built(t, s)
			require.Equal(t, tc.merged, strings.Contains(last(s), "merge"), last(s))
			require.Equal(t, !tc.merged, strings.Contains(last(s), "file <- 1 <- 2"), last(s))
		})
	}
	s := newStub(map[string]string{"layers": "merge"})
	conflict(s)
	require.ErrorContains(t, buildError(t, s), "/etc: directory drwxr-xr-x 0:0 in one layer, drwx------ 0:0 in another")
	s = newStub(map[string]string{"layers": "merge"})
	s.noMerge = true
	require.ErrorContains(t, buildError(t, s), "merge needs BuildKit 0.10")
}

func TestOldDaemonsTellTheCommitByACheckout(t *testing.T) {
	for name, files := range map[string]stubRef{
		"detached": {".git/HEAD": {data: stubCommit + "\n"}},
		"branch":   {".git/HEAD": {data: "ref: refs/heads/nodejs20.x\n"}, ".git/refs/heads/nodejs20.x": {data: stubCommit + "\n"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStub(nil)
			s.noGit = true
			for p, f := range files {
				s.tree[p] = f
			}
			res := built(t, s)
			image := imageOf(t, res.Metadata[exptypes.ExporterImageConfigKey])
			require.Equal(t, stubCommit, image.Config.Labels["lambdabase.commit"])
			require.Equal(t, time.Unix(1728915339, 0).UTC(), *image.Created, "the tree tells it")
		})
	}
}

func TestUsersSayLabelsAndDate(t *testing.T) {
	s := newStub(map[string]string{"label:team": "platform", "build-arg:SOURCE_DATE_EPOCH": "86400"})
	res := built(t, s)
	image := imageOf(t, res.Metadata[exptypes.ExporterImageConfigKey])
	require.Equal(t, "platform", image.Config.Labels["team"])
	require.Equal(t, time.Unix(86400, 0).UTC(), *image.Created)
	require.Contains(t, last(s), "time=86400000000000")
	require.Empty(t, count(s.resolved, stubCommit), "the commit's date isn't asked for")
}

func TestAnEmptyTarAddsNothing(t *testing.T) {
	for _, layers := range []string{"auto", "chain"} {
		s := newStub(map[string]string{"layers": layers})
		dt := string(archive(t, nil))
		s.layers[stubOID("b")] = stubRef{stubOID("b"): {data: dt}}
		s.tree["x86_64/b.tar.xz"] = stubFile{data: strings.Replace(stubPointer("b").data, "size 5", "size 1024", 1)}
		image := imageOf(t, built(t, s).Metadata[exptypes.ExporterImageConfigKey])
		require.NotContains(t, last(s), stubOID("b"), layers)
		require.True(t, image.History[1].EmptyLayer, layers)
	}
}

func TestARecipeOfEmptyTarsIsAnEmptyImage(t *testing.T) {
	for _, layers := range []string{"auto", "chain"} {
		s := newStub(map[string]string{"layers": layers})
		for _, digit := range []string{"a", "b"} {
			s.layers[stubOID(digit)] = stubRef{stubOID(digit): {data: string(archive(t, nil))}}
			s.tree["x86_64/"+digit+".tar.xz"] = stubFile{data: strings.Replace(stubPointer(digit).data, "size 5", "size 1024", 1)}
		}
		built(t, s)
		require.Contains(t, last(s), "0 file\n    name: WORKDIR /var/task", layers)
	}
}

func TestErrorsSayWhatWhereAndWhatToDo(t *testing.T) {
	tree := func(name string, f stubFile) func(*stub) { return func(s *stub) { s.tree[name] = f } }
	for name, tc := range map[string]struct {
		opts   map[string]string
		change func(*stub)
		want   []string
		line   int32 // in x86_64/Dockerfile.nodejs20.x
	}{
		"unknown runtime":  {opts: map[string]string{"runtime": "nodejs21.x"}, want: []string{"no runtime nodejs21.x", "did you mean nodejs24.x, nodejs22.x"}},
		"unknown host":     {opts: map[string]string{"repository": "https://h/x", "objects": ""}, want: []string{"objects of https://h/x must be asked for by the LFS batch API", "name the image as option source, or give objects a URL template"}},
		"proxy's password": {opts: map[string]string{"objects": "lfs", "source": "reg/lambda-frontend", "build-arg:https_proxy": "http://u:p@proxy.example"}, want: []string{"build argument https_proxy has user information", "pass it as the secret HTTPS_PROXY"}},
		"unknown SSH host": {opts: map[string]string{"repository": "git@git.example:o/r"}, want: []string{"repository git@git.example:o/r", "known-hosts"}},
		"lost commit":      {opts: map[string]string{"commit": strings.Repeat("0", 40)}, want: []string{"commit 0000", "upstream replaces", "leave out the commit"}},
		"platform":         {opts: map[string]string{"platform": "linux/s390x"}, want: []string{"has no platform linux/s390x", "it has linux/amd64, linux/arm64"}},
		"windows":          {opts: map[string]string{"platform": "windows/amd64"}, want: []string{"has no platform windows/amd64"}},
		"target":           {opts: map[string]string{"target": "x"}, want: []string{"target \"x\" makes no sense"}},
		"sub-request":      {opts: map[string]string{"requestid": "frontend.lint"}, want: []string{"unsupported request frontend.lint"}},
		"epoch":            {opts: map[string]string{"build-arg:SOURCE_DATE_EPOCH": "today"}, want: []string{"invalid SOURCE_DATE_EPOCH \"today\""}},
		"long value":       {opts: map[string]string{"layers": strings.Repeat("a", 4<<10)}, want: []string{`invalid option layers: "aaaa`, "a...(3849 bytes left out)...aaa", "want one of auto, merge, chain"}},
		"late epoch":       {opts: map[string]string{"build-arg:SOURCE_DATE_EPOCH": "253402300800"}, want: []string{"up to the year 9999"}},
		"no recipe":        {change: func(s *stub) { s.tree = stubRef{"README.md": {}} }, want: []string{"branch nodejs20.x is no runtime", "Dockerfile.nodejs20.x"}},
		"no folder":        {change: func(s *stub) { s.tree = stubRef{"x86_64": {}, "arm64": {}} }, want: []string{"branch nodejs20.x is no runtime"}},
		"recipe folder":    {change: func(s *stub) { s.tree = stubRef{"x86_64": stubDir, "x86_64/Dockerfile.nodejs20.x": stubDir} }, want: []string{"branch nodejs20.x is no runtime"}},
		"several recipes":  {change: func(s *stub) { s.tree = stubRef{"Dockerfile.a": {}, "Dockerfile.b": {}} }, want: []string{"several recipes", "Dockerfile.a, Dockerfile.b"}},
		"instruction":      {change: tree("x86_64/Dockerfile.nodejs20.x", stubFile{data: "FROM scratch\nADD a.tar.xz /\nRUN x\n"}), want: []string{"x86_64/Dockerfile.nodejs20.x:3: RUN"}, line: 3},
		"no file":          {change: func(s *stub) { delete(s.tree, "x86_64/b.tar.xz") }, want: []string{"x86_64/Dockerfile.nodejs20.x:3: ADD: x86_64/b.tar.xz doesn't exist"}, line: 3},
		"symlink":          {change: tree("x86_64/a.tar.xz", stubFile{mode: os.ModeSymlink | 0o777}), want: []string{":2: ADD: x86_64/a.tar.xz is a symlink"}, line: 2},
		"folder":           {change: tree("x86_64/a.tar.xz", stubDir), want: []string{":2: ADD: x86_64/a.tar.xz is no plain file"}, line: 2},
		"symlinked folder": {change: tree("x86_64", stubFile{mode: os.ModeSymlink | 0o777}), want: []string{"x86_64 is a symlink"}},
		"symlinked recipe": {change: tree("x86_64/Dockerfile.nodejs20.x", stubFile{mode: os.ModeSymlink | 0o777}), want: []string{"is a symlink"}},
		"content in git":   {change: tree("x86_64/a.tar.xz", stubFile{data: strings.Repeat("x", 2000)}), want: []string{"x86_64/a.tar.xz has 2000 bytes: not a Git LFS pointer"}, line: 2},
		"short content":    {change: tree("x86_64/a.tar.xz", stubFile{data: "xyz"}), want: []string{"x86_64/a.tar.xz: not a Git LFS pointer"}, line: 2},
		"damaged pointer":  {change: tree("x86_64/b.tar.xz", stubFile{data: "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n"}), want: []string{"x86_64/b.tar.xz: invalid Git LFS pointer"}, line: 3},
		"huge recipe":      {change: tree("x86_64/Dockerfile.nodejs20.x", stubFile{data: strings.Repeat("#", maxTextSize+1)}), want: []string{"at most 262144 are expected"}},
		"archive not unpacked": {change: func(s *stub) { s.layers[stubOID("b")] = stubRef{stubOID("b"): {data: "hello"}} },
			want: []string{"x86_64/b.tar.xz (object sha256:bbbb", "was not unpacked: it is no archive"}, line: 3},
		"pointer unpacked in a chain": {opts: map[string]string{"layers": "chain"}, change: func(s *stub) {
			s.tree["x86_64/b.tar.xz"] = stubFile{data: strings.Replace(stubPointer("b").data, "size 5", "size 42", 1)}
			s.layers[stubOID("b")] = stubRef{stubOID("b"): {data: "version https://git-lfs.github.com/spec/v1"}}
		}, want: []string{"was not unpacked: it is a Git LFS pointer itself"}, line: 3},
		"wrong size in the pointer": {change: func(s *stub) { s.layers[stubOID("b")] = stubRef{stubOID("b"): {data: "hello, world"}} },
			want: []string{"was not unpacked, and has 12 bytes: its pointer says 5"}, line: 3},
		"panic":      {change: func(s *stub) { s.panics = true }, want: []string{"internal error", "please report it"}},
		"one object": {change: func(s *stub) { s.fails = map[string]string{stubOID("a"): "digest mismatch for https://h"} }, want: []string{"fetch x86_64/a.tar.xz (object sha256:aaaa", "it answers with status 404, not found"}},
		"gone by now": {change: func(s *stub) {
			s.fails, s.http = map[string]string{stubOID("a"): "digest mismatch for https://h"}, digest.Digest("sha256:"+stubOID("a"))
		}, want: []string{"it does send the object when asked again"}},
		"other content": {change: func(s *stub) {
			s.fails, s.http = map[string]string{stubOID("a"): "digest mismatch for https://h"}, digest.Digest("sha256:"+stubOID("e"))
		}, want: []string{"it sent something else, sha256:eeee"}},
		"no diagnosis": {change: func(s *stub) {
			s.fails, s.noGit, s.opts["commit"] = map[string]string{stubOID("a"): "digest mismatch"}, true, stubCommit
		}, want: []string{"can't tell): try the URL"}},
		"two objects": {change: func(s *stub) { s.fails = map[string]string{stubOID("a"): "boom", stubOID("b"): "bang"} }, want: []string{"2 objects failed", "x86_64/a.tar.xz", "boom", "x86_64/b.tar.xz", "bang"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStub(tc.opts)
			if tc.change != nil {
				tc.change(s)
			}
			err := buildError(t, s)
			for _, w := range tc.want {
				require.ErrorContains(t, err, w)
			}
			sources := errdefs.Sources(err)
			if tc.line == 0 {
				require.Empty(t, sources)
				return
			}
			require.Len(t, sources, 1)
			require.Equal(t, "x86_64/Dockerfile.nodejs20.x", sources[0].Info.Filename)
			require.Equal(t, tc.line, sources[0].Ranges[0].Start.Line)
		})
	}
}

func TestAnEndedRequestEndsWithItsReason(t *testing.T) {
	ctx, cancel := context.WithCancelCause(context.Background())
	s := newStub(nil)
	s.fails = map[string]string{stubOID("a"): "boom"}
	s.onLayer = func() { cancel(errors.New("the user has left")) }
	_, err := Frontend{}.Build(ctx, s)
	require.ErrorContains(t, err, "the user has left")
	require.NotContains(t, err.Error(), "boom")
}

func TestSubRequestsOfARuntimeAreDescribed(t *testing.T) {
	s := newStub(map[string]string{"requestid": "frontend.subrequests.describe"})
	require.Contains(t, string(built(t, s).Metadata["result.json"]), "frontend.subrequests.describe")
}

func TestWhatAUserShouldKnowIsAWarning(t *testing.T) {
	today := time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
	s := newStub(nil)
	_, err := Frontend{Today: today}.Build(context.Background(), s)
	require.NoError(t, err)
	require.Equal(t, []string{"runtime nodejs20.x is past its end of support (2026-04-30)"}, s.warned)

	s = newStub(nil)
	_, err = Frontend{Today: today.AddDate(0, 0, -1)}.Build(context.Background(), s)
	require.NoError(t, err)
	require.Empty(t, s.warned, "the last day is a day of support")

	s = newStub(nil)
	s.layers[stubOID("b")]["etc"] = stubFile{mode: os.ModeDir | 0o700}
	built(t, s)
	require.Equal(t, []string{"layers of nodejs20.x are unpacked one onto the other: /etc: directory drwxr-xr-x 0:0 in one layer, drwx------ 0:0 in another"}, s.warned)
}

func TestARuntimeFromBeforeTheFoldersIsX86(t *testing.T) {
	old := stubRef{"Dockerfile.nodejs20.x": {data: "FROM scratch\nADD a.tar.xz /\n"}, "a.tar.xz": stubPointer("a")}
	s := newStub(nil)
	s.tree = old
	built(t, s)
	s = newStub(map[string]string{"platform": "linux/arm64"})
	s.tree = old
	require.ErrorContains(t, buildError(t, s), "runtime nodejs20.x has no platform linux/arm64 at commit "+stubCommit+", it has linux/amd64")
}

func TestABranchUnderAnotherNameHasItsOnlyRecipe(t *testing.T) {
	s := newStub(map[string]string{"runtime": "mirror/2024-10"})
	s.branches["mirror/2024-10"] = stubCommit
	built(t, s)
}

func TestTheSameRequestAsksForTheSame25Times(t *testing.T) {
	var first []string
	for range 25 {
		s := newStub(map[string]string{"platform": "linux/amd64,linux/arm64"})
		built(t, s)
		slices.Sort(s.solved) // layers and platforms are solved in parallel, in any order
		if first == nil {
			first = s.solved
		}
		require.Equal(t, first, s.solved)
	}
}

func count(texts []string, part string) (n int) {
	for _, t := range texts {
		if strings.Contains(t, part) {
			n++
		}
	}
	return n
}
