package splice

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/solver/pb"
	"github.com/opencontainers/go-digest"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
)

var (
	userFile = llb.NewSourceMap(nil, "Dockerfile", "Dockerfile", []byte("FROM nodejs20.x\n"))
	baseFile = llb.NewSourceMap(nil, "x86_64/Dockerfile.nodejs20.x", "Dockerfile", []byte("FROM scratch\nADD a /\n"))
)

func line(n int32) []*pb.Range {
	return []*pb.Range{{Start: &pb.Position{Line: n}, End: &pb.Position{Line: n}}}
}

func image(ref string) llb.State { return llb.Image(ref, userFile.Location(line(1))) }

// base is a graph as lambda2llb makes one; it also has an output that isn't its first.
func base(name string) llb.State {
	layer := func(l string) llb.State {
		src := llb.HTTP("https://h/"+l, llb.Filename(l), baseFile.Location(line(2)))
		return llb.Scratch().File(llb.Copy(src, l, "/", &llb.CopyInfo{AttemptUnpack: true}), llb.WithCustomName("unpack "+l))
	}
	return llb.Merge([]llb.State{layer("shared"), layer(name)})
}

// program is a Dockerfile of random steps over some bases.
func program(rng *rand.Rand, bases []llb.State) llb.State {
	states := slices.Clone(bases)
	pick := func() llb.State { return states[rng.IntN(len(states))] }
	for i := range 2 + rng.IntN(12) {
		var next llb.State
		switch rng.IntN(5) {
		case 0:
			next = pick().Run(llb.Shlexf("step %d", i), llb.AddEnv("A", "1"), userFile.Location(line(int32(i)))).Root()
		case 1:
			next = pick().File(llb.Copy(pick(), "/a", fmt.Sprintf("/b%d", i)), llb.WithCustomNamef("copy %d", i))
		case 2:
			next = llb.Merge([]llb.State{pick(), pick(), llb.Image("docker.io/library/alpine:3")})
		case 3:
			run := pick().Run(llb.Shlexf("mount %d", i))
			run.AddMount("/from", pick(), llb.Readonly)
			next = run.AddMount("/out", pick())
		case 4:
			next = llb.Diff(pick(), pick())
		}
		states = append(states, next)
	}
	return states[len(states)-1]
}

func marshal(t *testing.T, st llb.State) *pb.Definition {
	t.Helper()
	def, err := st.Marshal(context.Background(), llb.LinuxAmd64)
	require.NoError(t, err)
	return def.ToPB()
}

func replace(t *testing.T, def *pb.Definition, bases map[string]*pb.Definition) *pb.Definition {
	t.Helper()
	images, err := Images(def)
	require.NoError(t, err)
	graphs := map[digest.Digest]*pb.Definition{}
	for _, i := range images {
		if g, ok := bases[i.Ref]; ok {
			graphs[i.Digest] = g
		}
	}
	out, err := Replace(def, graphs)
	require.NoError(t, err)
	return out
}

func TestAReplacedImageIsAsIfItHadBeenWrittenOut(t *testing.T) {
	refs := []string{"docker.io/library/nodejs20.x:latest", "docker.io/library/java21:latest"}
	written := []llb.State{base("nodejs20.x"), base("java21")}
	graphs := map[string]*pb.Definition{refs[0]: marshal(t, written[0]), refs[1]: marshal(t, written[1])}
	for seed := range uint64(300) {
		named := marshal(t, program(rand.New(rand.NewPCG(seed, 0)), []llb.State{image(refs[0]), image(refs[1])}))
		before := proto.Clone(named)
		got := replace(t, named, graphs)
		want := marshal(t, program(rand.New(rand.NewPCG(seed, 0)), written))

		require.ElementsMatch(t, want.Def, got.Def, "seed %d", seed)
		require.Equal(t, want.Def[len(want.Def)-1], got.Def[len(got.Def)-1], "the result is last")
		requireSound(t, got)
		require.True(t, proto.Equal(before, named), "the definition that was given is left alone")
		require.Equal(t, got.Def, replace(t, named, graphs).Def, "and again")
	}
}

// requireSound wants what a daemon wants of a definition: inputs before what needs them, and metadata and source
// locations of nothing else than what is there.
func requireSound(t *testing.T, def *pb.Definition) {
	t.Helper()
	seen := map[string]bool{}
	for _, dt := range def.Def {
		op, err := parse(dt)
		require.NoError(t, err)
		for _, in := range op.Inputs {
			require.True(t, seen[in.Digest], "every input resolves")
		}
		key := digest.FromBytes(dt).String()
		require.False(t, seen[key], "every operation is there once")
		seen[key] = true
		require.Contains(t, def.Metadata, key)
	}
	require.Len(t, def.Metadata, len(seen))
	for key, l := range def.Source.Locations {
		require.True(t, seen[key])
		for _, l := range l.Locations {
			require.Less(t, int(l.SourceIndex), len(def.Source.Infos))
		}
	}
}

func TestNamesAndLocationsAreKept(t *testing.T) {
	st := image("base").Run(llb.Shlex("x"), llb.WithCustomName("RUN x"), userFile.Location(line(2))).Root()
	got := replace(t, marshal(t, st), map[string]*pb.Definition{"docker.io/library/base:latest": marshal(t, base("b"))})
	found := map[string][]string{}
	for _, dt := range got.Def {
		key := digest.FromBytes(dt).String()
		op, err := parse(dt)
		require.NoError(t, err)
		name := got.Metadata[key].GetDescription()["llb.customname"] + op.GetSource().GetIdentifier()
		for _, l := range got.Source.Locations[key].GetLocations() {
			found[name] = append(found[name], fmt.Sprintf("%s:%d", got.Source.Infos[l.SourceIndex].Filename, l.Ranges[0].Start.Line))
		}
	}
	require.Equal(t, []string{"Dockerfile:2"}, found["RUN x"])
	require.Equal(t, []string{"x86_64/Dockerfile.nodejs20.x:2", "Dockerfile:1"}, found["https://h/b"], "the layer's line, and the line that names the base")
	require.Equal(t, []string{"Dockerfile:1"}, found["unpack b"])
}

func TestWithoutAMatchNothingChanges(t *testing.T) {
	def := marshal(t, program(rand.New(rand.NewPCG(1, 1)), []llb.State{image("alpine")}))
	out, err := Replace(def, nil)
	require.NoError(t, err)
	require.Same(t, def, out)
	out, err = Replace(def, map[digest.Digest]*pb.Definition{"sha256:00": marshal(t, base("b"))})
	require.NoError(t, err)
	require.Equal(t, def.Def, out.Def)
}

func TestImagesAreListedWithPlatform(t *testing.T) {
	st := llb.Merge([]llb.State{llb.Image("a", llb.LinuxArm64), llb.Image("b:1"), llb.HTTP("https://h/x")})
	images, err := Images(marshal(t, st))
	require.NoError(t, err)
	require.Len(t, images, 2)
	require.Equal(t, "docker.io/library/a:latest", images[0].Ref)
	require.Equal(t, "arm64", images[0].Platform.Architecture)
	require.Equal(t, "docker.io/library/b:1", images[1].Ref)
}

func TestAGraphWithoutAResultIsAnError(t *testing.T) {
	def := marshal(t, image("a").File(llb.Mkdir("/x", 0o755)))
	for name, graph := range map[string]*pb.Definition{
		"nothing":   {},
		"scratch":   marshal(t, llb.Scratch()),
		"no result": {Def: def.Def[:2]},
		"garbage":   {Def: [][]byte{[]byte("x"), []byte("y")}},
	} {
		_, err := Replace(def, map[digest.Digest]*pb.Definition{digest.FromBytes(def.Def[0]): graph})
		require.ErrorContains(t, err, "graph in place of", name)
	}
}

func FuzzReplace(f *testing.F) {
	f.Add([]byte{0x0a, 0x00}, []byte("x"))
	f.Fuzz(func(t *testing.T, one, two []byte) {
		graph := marshal(t, base("b"))
		def := &pb.Definition{Def: [][]byte{one, two}}
		_, _ = Images(def)
		if out, err := Replace(def, map[digest.Digest]*pb.Definition{digest.FromBytes(one): graph}); err == nil {
			require.NotEmpty(t, out.Def)
		}
	})
}
