package frontend

import (
	"encoding/json"
	"strings"
	"testing"

	"lambdabase/internal/lfs"
	"lambdabase/internal/mirror"
	"lambdabase/llb/lambda2llb"

	"github.com/moby/buildkit/solver/result"
	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/stretchr/testify/require"
)

func TestProvenanceHasALinkForEachBaseImage(t *testing.T) {
	wanted := map[string]string{"attest:provenance": "mode=min"}
	both := map[string]string{"attest:provenance": "mode=min", "platform": "linux/amd64,linux/arm64"}
	for name, tc := range map[string]struct {
		s    *stub
		want map[string]int
	}{
		"a base image":      {newStub(wanted), map[string]int{"linux/amd64": 1}},
		"two platforms":     {newStub(both), map[string]int{"linux/amd64": 1, "linux/arm64": 1}},
		"not asked for":     {newStub(nil), map[string]int{}},
		"a function":        {withDockerfile("FROM nodejs20.x\nCOPY Dockerfile /\n", both), map[string]int{"linux/amd64": 1, "linux/arm64": 1}},
		"of another":        {withDockerfile("FROM --platform=linux/arm64 nodejs20.x\nCOPY Dockerfile /\n", wanted), map[string]int{"linux/amd64": 1}},
		"two bases":         {withDockerfile("FROM nodejs20.x AS a\nFROM nodejs20.x:"+stubCommit+"\nCOPY --from=a /etc /x\n", wanted), map[string]int{"linux/amd64": 1}},
		"a Dockerfile bare": {withDockerfile("FROM scratch\nCOPY Dockerfile /\n", wanted), map[string]int{}},
	} {
		t.Run(name, func(t *testing.T) {
			res := built(t, tc.s)
			got := map[string]int{}
			for id, atts := range res.Attestations {
				got[id] = len(atts)
				require.Equal(t, linkType, atts[0].InToto.PredicateType)
				require.Equal(t, "/lambdabase.json", atts[0].Path)
			}
			require.Equal(t, tc.want, got)
		})
	}
}

func TestALinkIsWhereProvenanceIs(t *testing.T) {
	for asked, want := range map[string]string{
		"": "false", "mode=max": "false", "mode=min,inline-only=true": "true", "inline-only=1": "true", "inline-only=false": "false", "inline-only": "false",
	} {
		for _, key := range []string{"attest:provenance", "build-arg:BUILDKIT_ATTEST_PROVENANCE"} {
			res := built(t, newStub(map[string]string{key: asked}))
			require.Equal(t, want, string(res.Attestations["linux/amd64"][0].Metadata[result.AttestationInlineOnlyKey]), asked)
		}
	}
}

func TestALinkNamesEveryMaterial(t *testing.T) {
	commit, oid := strings.Repeat("1", 40), strings.Repeat("a", 64)
	p := &lambda2llb.Plan{
		Runtime: "nodejs20.x", Repository: "https://git.example/o/r.git", Commit: commit, Platform: ocispecs.Platform{OS: "linux", Architecture: "arm64"},
		Recipe: lambda2llb.File{Path: "arm64/Dockerfile.nodejs20.x"},
		Layers: []lambda2llb.Layer{
			{Object: lfs.Object{Pointer: lfs.Pointer{OID: oid}, Path: "arm64/a"}, Origin: lambda2llb.HTTPOrigin{Address: "https://h/x?token=hunter2"}},
			{Object: lfs.Object{Pointer: lfs.Pointer{OID: oid}, Path: "arm64/b"}, Origin: lambda2llb.LFSOrigin{Repository: "https://git.example/o/r.git"}},
			{Object: lfs.Object{Path: "arm64/c"}, Origin: lambda2llb.ContextOrigin{}},
			{Object: lfs.Object{Pointer: lfs.Pointer{OID: oid}, Path: "arm64/d"}, Origin: lambda2llb.BlobOrigin{Mirror: mirror.Location{Repository: "registry.example/m"}}},
			{Object: lfs.Object{Pointer: lfs.Pointer{OID: oid}, Path: "arm64/e"}, Origin: lambda2llb.BlobOrigin{Mirror: mirror.Location{Layout: "/home/joe/m"}}},
		},
		Mirror: lambda2llb.MirroredImage{Location: mirror.Location{Repository: "registry.example/m"}, Digest: digest.FromString("")},
	}
	dt, err := json.Marshal(newLink(p))
	require.NoError(t, err)
	require.NotContains(t, string(dt), "hunter2")
	for _, want := range []string{
		`"environment":{"runtime":"nodejs20.x","repository":"https://git.example/o/r.git","commit":"` + commit + `","platform":"linux/arm64"}`,
		`{"name":"arm64/Dockerfile.nodejs20.x","uri":"https://git.example/o/r.git","digest":{"sha1":"` + commit + `"}}`,
		`{"name":"arm64/b","uri":"lfs+https://git.example/o/r.git/info/lfs","digest":{"sha256":"` + oid + `"}}`,
		`{"name":"arm64/c"}`,
		`{"name":"mirrored snapshot","uri":"oci://registry.example/m","digest":{"sha256":"` + digest.FromString("").Encoded() + `"}}`,
		`{"name":"arm64/d","uri":"oci://registry.example/m","digest":{"sha256":"` + oid + `"}}`,
		`{"name":"arm64/e","uri":"oci-layout:","digest":{"sha256":"` + oid + `"}}`,
	} {
		require.Contains(t, string(dt), want)
	}
}
