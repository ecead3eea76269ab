package test

import (
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

// Nodes share what they have built by the registry alone: any others go on with it, and what they push can be one index.
func TestNodesShareOneCacheInTheRegistry(t *testing.T) {
	t.Parallel()
	h := serveUpstream(t, "nodejs20.x")
	r := newPullLog(t)
	pushFrontendImage(t, sandbox.Start(t), r.host)
	tags := []string{"base:nodejs20.x-amd64", "base:nodejs20.x-arm64"}
	bakeExample(t, newNodes(t), h, r.host, "node")
	for object, times := range h.Counts() {
		require.Equal(t, 1, times, object)
	}
	want := digestsOf(t, r.host, tags)

	h.Reset()
	r.reset()
	x := newNodes(t)
	progress := bakeExample(t, x, h, r.host, "node")
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
	require.NotEmpty(t, g.Counts())
	for object, times := range g.Counts() {
		require.Equal(t, 1, times, "the architectures have no object in common: %s", object)
	}

	// One machine gives the same index, and images that were built apart are those that it has.
	one := g.openDoc(t, "machines.md", registry, g.daemon(t))
	one.run(t, strings.NewReplacer("--builder lambda ", "", "-index", "-one").Replace(p.blocks("sh")[1]))
	require.Equal(t, must(crane.Digest(registry+"/base:nodejs20.x-one")), must(crane.Digest(registry+"/base:nodejs20.x-index")))
	for _, arch := range []string{"amd64", "arm64"} {
		name := registry + "/base:python3.12"
		require.Equal(t, must(crane.Digest(name+"-"+arch)), must(crane.Digest(name, crane.WithPlatform(&v1.Platform{OS: "linux", Architecture: arch}))))
	}
}
