package lambda2llb

import (
	"context"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lambdabase/internal/lfs"
	"lambdabase/internal/llbtext"
	"lambdabase/internal/mirror"

	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the golden files anew")

var arm64 = ocispecs.Platform{OS: "linux", Architecture: "arm64"}

func testPlan() Plan {
	const commit = "b8b153b94ac0e09eb5f2ea6d5e5d5c7a9a6d1a31"
	layer := func(digit, name string, size int64, line int) Layer {
		o := lfs.Object{Pointer: lfs.Pointer{OID: strings.Repeat(digit, 64), Size: size}, Path: "arm64/" + name, Commit: commit}
		return Layer{Object: o, Origin: HTTPOrigin{Address: "https://h/" + o.OID}, Lines: []parser.Range{{Start: parser.Position{Line: line}, End: parser.Position{Line: line}}}}
	}
	p := Plan{
		Runtime: "nodejs20.x", Repository: "https://github.com/aws/aws-lambda-base-images.git", Commit: commit,
		Created: time.Date(2024, 10, 14, 14, 15, 39, 0, time.UTC), Platform: arm64,
		Recipe: File{Path: "arm64/Dockerfile.nodejs20.x", Data: []byte("FROM scratch\nADD a /\nADD b /\nADD c /\nWORKDIR /var/task\n")},
		Layers: []Layer{layer("a", "a.tar.xz", 11304420, 2), layer("b", "b.tar.xz", 468, 3), layer("c", "c.tar.xz", 34675496, 4)},
		Config: dockerspec.DockerOCIImage{Image: ocispecs.Image{Platform: arm64}},
		Labels: map[string]string{"team": "platform", LabelCommit: "forged"},
	}
	p.Config.Config.WorkingDir = "/var/task"
	return p
}

func testStep() Step {
	return Step{
		Image: llb.Image("reg/lambda-frontend", llb.LinuxAmd64), Platform: ocispecs.Platform{OS: "linux", Architecture: "amd64"},
		Secrets: []Secret{{"LAMBDABASE_CA", "LAMBDABASE_CA"}, {"GIT_AUTH_TOKEN.git.example:22", "GIT_AUTH_TOKEN.git.example:22"}, {"GIT_AUTH_TOKEN", "GIT_AUTH_TOKEN"}}, KnownHosts: "git.example ssh-ed25519 AAAA",
		Proxy: llb.ProxyEnv{HTTPSProxy: "http://proxy.example:3128"},
	}
}

func testChecker() Checker {
	return Checker{Image: llb.Image("reg/lambda-frontend", llb.LinuxAmd64), Platform: ocispecs.Platform{OS: "linux", Architecture: "amd64"}}
}

func attempts(p Plan) (all []Attempt) {
	for _, l := range p.Layers {
		all = append(all, Attempt{Layer: l})
	}
	return all
}

func states(c *Converter, p Plan) map[string]llb.State {
	byStep := Attempt{Layer: p.Layers[0]}
	byStep.Origin = LFSOrigin{Repository: "git@git.example:o/r.git", Server: "https://lfs.example/o/r"}
	again := Attempt{Layer: p.Layers[0], Number: 1}
	mirrored, carried := Attempt{Layer: p.Layers[0]}, Attempt{Layer: p.Layers[0]}
	mirrored.Origin = BlobOrigin{Mirror: mirror.Location{Repository: "registry.example/aws/lambda"}}
	carried.Origin = BlobOrigin{Mirror: mirror.Location{Layout: "dir"}, Session: "session"}
	mirroredAgain := mirrored
	mirroredAgain.Number = 2
	layers := attempts(p)
	without := attempts(p)
	without[0].Exclude = []string{"/etc/a", "/usr/local/bin/aws-lambda-rie", "/usr/local/bin/b", "/top"}
	without[1].Restore, without[1].Exclude, without[1].Gone = []string{"/etc/a"}, []string{"/etc/a"}, true
	without[2].Restore = []string{"/etc/a"}
	return map[string]llb.State{
		"without":       c.Apart(without[0]),
		"without-chain": c.Chain(without),
		"without-merge": c.Merge(without[:2]),
		"step":          c.WithStep(testStep()).Unpack(llb.Scratch(), byStep),
		"again":         c.Fetch(again),
		"blob":          NewConverter(p).WithStore("client", "session").Unpack(llb.Scratch(), byStep),
		"mirror":        c.Unpack(llb.Scratch(), mirrored),
		"mirror-again":  c.Fetch(mirroredAgain),
		"layout":        c.Fetch(carried),
		"tree":          Tree(p.Repository, p.Commit),
		"head":          Branch(p.Repository, p.Runtime),
		"layer":         c.Unpack(llb.Scratch(), layers[0]),
		"merge":         c.Merge(layers),
		"chain":         c.Chain(layers),
		"program":       testChecker().Program(),
		"checked":       c.MergeChecked(layers[:2], c.Gate(c.Check(layers[:2], testChecker()))),
		"workdir":       c.Workdir(c.Merge(layers[:2])),
	}
}

func TestDefinitionsAreAsInTheGoldenFiles(t *testing.T) {
	p := testPlan()
	for name, st := range states(NewConverter(p), p) {
		t.Run(name, func(t *testing.T) {
			def, err := st.Marshal(context.Background(), llb.Platform(p.Platform))
			require.NoError(t, err)
			got, err := llbtext.Format(def.ToPB())
			require.NoError(t, err)
			golden(t, name+".golden", got)
		})
	}
}

func TestNoCacheReachesEveryVertex(t *testing.T) {
	p := testPlan()
	c := NewConverter(p, llb.IgnoreCache)
	def, err := c.Workdir(c.Merge(attempts(p))).Marshal(context.Background())
	require.NoError(t, err)
	ignored := 0
	for _, m := range def.Metadata {
		if m.IgnoreCache {
			ignored++
		}
	}
	require.Equal(t, 8, ignored, "three fetched, three unpacked, one merge, one WORKDIR")
}

func TestTheSamePlanGivesTheSameDefinition(t *testing.T) {
	p := testPlan()
	first := map[string][]byte{}
	for range 25 {
		for name, st := range states(NewConverter(p), p) {
			def, err := st.Marshal(context.Background(), llb.Platform(p.Platform))
			require.NoError(t, err)
			defs, err := json.Marshal(def.Def) // the operations; metadata is a map, which protobuf writes in any order
			require.NoError(t, err)
			if first[name] == nil {
				first[name] = defs
			}
			require.Equal(t, first[name], defs)
		}
	}
}

func TestPlatformsAndRuntimesShareWhatTheyFetch(t *testing.T) {
	for _, origin := range []Origin{HTTPOrigin{Address: "https://h/x"}, LFSOrigin{}, BlobOrigin{Mirror: mirror.Location{Repository: "registry.example/m"}}} {
		shareWhatTheyFetch(t, origin)
	}
}

func shareWhatTheyFetch(t *testing.T, origin Origin) {
	p := testPlan()
	other := testPlan()
	p.Layers[0].Origin, other.Layers[0].Origin = origin, origin
	other.Runtime, other.Repository, other.Platform.Architecture = "python3.12", "https://mirror.example/x.git", "amd64"
	other.Recipe.Path = "x86_64/Dockerfile.python3.12"
	digests := map[string]bool{}
	for _, p := range []Plan{p, other} {
		def, err := NewConverter(p).WithStep(testStep()).Fetch(attempts(p)[0]).Marshal(context.Background(), llb.Platform(p.Platform))
		require.NoError(t, err)
		head, err := def.Head()
		require.NoError(t, err)
		digests[head.String()] = true
	}
	require.Len(t, digests, 1)
}

func TestPlanIsJSON(t *testing.T) {
	dt, err := json.MarshalIndent(testPlan(), "", "  ")
	require.NoError(t, err)
	golden(t, "plan.json.golden", string(dt)+"\n")
}

func TestImageSaysWhereItsLayersCameFrom(t *testing.T) {
	p := testPlan()
	dt, err := json.MarshalIndent(p.ImageConfig(RootFS{Empty: []bool{false, true, false}}), "", "  ")
	require.NoError(t, err)
	golden(t, "image.json.golden", string(dt)+"\n")

	fs := RootFS{Empty: []bool{false, true, false}, Gone: []bool{true, false, false}, Excluded: [][]string{{"/a"}, nil, {"/b\x1b", "/c"}}, HasWorkdir: true}
	history := p.ImageConfig(fs).History
	require.Len(t, history, 2, "of the layer that nothing is left of there is no line")
	require.True(t, history[0].EmptyLayer)
	require.NotContains(t, history[0].CreatedBy, "without")
	require.Regexp(t, `34675496 bytes, without "/b\\x1b", /c$`, history[1].CreatedBy)
	require.Empty(t, p.Config.Config.Labels, "the plan is left alone")
}

func golden(t *testing.T, name, got string) {
	file := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(file, []byte(got), 0o644))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err, "run go test -update")
	require.Equal(t, string(want), got)
}
