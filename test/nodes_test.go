package test

import (
	"bytes"
	"strings"
	"testing"

	"lambdabase/internal/sample/githost"
	"lambdabase/test/sandbox"

	"github.com/google/go-containerregistry/pkg/crane"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/stretchr/testify/require"
)

// newNodes has two daemons as buildx' builder "sandbox": one for each architecture.
func newNodes(t *testing.T) buildx {
	t.Helper()
	x := buildx{bin: sandbox.Tool(t, "buildx"), config: t.TempDir()}
	x.run(t, "create", "--name=sandbox", "--driver=remote", "--platform=linux/amd64", sandbox.Start(t).Addr)
	x.run(t, "create", "--name=sandbox", "--driver=remote", "--platform=linux/arm64", "--append", sandbox.Start(t).Addr)
	return x
}

// Two machines, one for each architecture, give the index that one gives.
func TestTwoNodesGiveTheIndexOfOne(t *testing.T) {
	t.Parallel()
	h := serveUpstream(t, "nodejs20.x")
	registry := newPullLog(t).host
	one := sandbox.Start(t)
	pushFrontendImage(t, one, registry)
	build := func(x buildx, tag string) (index string) {
		h.Reset()
		args := []string{"build", "--builder=sandbox", "--provenance=false", "--platform=linux/amd64,linux/arm64", "--push", "--tag=" + registry + "/" + tag,
			"--build-arg=BUILDKIT_SYNTAX=" + registry + "/lambda-frontend", "--build-arg=LAMBDABASE_RUNTIME=nodejs20.x"}
		x.run(t, append(append(args, flags(h.options(""), "--build-arg=", buildArg)...), t.TempDir())...)
		return must(crane.Digest(registry + "/" + tag))
	}
	want := build(newBuildx(t, one), "base:one")
	objects := h.Counts()
	require.Equal(t, want, build(newNodes(t), "base:two"))
	require.Equal(t, objects, h.Counts(), "the architectures have no object in common")
}

// Nodes share what they have built by the registry alone: any others go on with it, and what they push can be one index.
func TestNodesShareOneCacheInTheRegistry(t *testing.T) {
	t.Parallel()
	h := serveUpstream(t, "nodejs20.x", "python3.12")
	r := newPullLog(t)
	pushFrontendImage(t, sandbox.Start(t), r.host)
	tags := []string{"base:nodejs20.x-amd64", "base:nodejs20.x-arm64", "base:python3.12-amd64", "base:python3.12-arm64"}
	bakeExample(t, newNodes(t), h, r.host, "node", "python")
	for object, times := range h.Counts() {
		require.Equal(t, 1, times, object)
	}
	want := digestsOf(t, r.host, tags)

	h.Reset()
	r.reset()
	x := newNodes(t)
	progress := bakeExample(t, x, h, r.host, "node", "python")
	require.Equal(t, want, digestsOf(t, r.host, tags))
	require.Zero(t, h.Total(githost.Object), progress)
	for _, tag := range tags {
		require.Zero(t, r.layersPulled(t, r.host+"/"+tag), tag+"\n"+progress)
	}

	name := r.host + "/base:nodejs20.x"
	x.run(t, "imagetools", "create", "--tag="+name, name+"-amd64", name+"-arm64")
	for _, arch := range []string{"amd64", "arm64"} {
		image, err := crane.Digest(name, crane.WithPlatform(&v1.Platform{OS: "linux", Architecture: arch}))
		require.NoError(t, err)
		require.Equal(t, want["base:nodejs20.x-"+arch], image)
	}
}

func TestMachinesAreAsTheirDocumentSays(t *testing.T) {
	t.Parallel()
	g := startGitHub(t, "python3.12")
	amd64, arm64 := g.daemon(t), g.daemon(t)
	_, registry := frontendImage(t, amd64)
	p := g.openDoc(t, "machines.md", registry, amd64)
	p.text = strings.NewReplacer("tcp://amd64.example:1234", amd64.Addr, "tcp://arm64.example:1234", arm64.Addr).Replace(p.text)
	for _, block := range p.blocks("sh") {
		p.run(t, block)
	}
	for index, runtime := range map[string]string{"base:nodejs20.x-index": "nodejs20.x", "base:python3.12": "python3.12"} {
		for _, platform := range []string{"linux/amd64", "linux/arm64"} {
			want := imageConfig(t, oneImage(t, amd64, g.request(runtime, "platform", platform)))
			dt, err := crane.Config(registry+"/"+index, crane.WithPlatform(must(v1.ParsePlatform(platform))))
			require.NoError(t, err)
			got, err := v1.ParseConfigFile(bytes.NewReader(dt))
			require.NoError(t, err)
			require.Equal(t, want.Config.Labels, got.Config.Labels)
			require.Len(t, got.RootFS.DiffIDs, len(want.RootFS.DiffIDs))
			for i, id := range want.RootFS.DiffIDs {
				require.Equal(t, id.String(), got.RootFS.DiffIDs[i].String())
			}
		}
	}
}
