package frontend

import (
	"strings"
	"testing"

	"lambdabase/llb/lambda2llb"

	"github.com/opencontainers/go-digest"
	"github.com/stretchr/testify/require"
)

// annotationsIn are those that a result has for BuildKit's exporters, by their keys.
func annotationsIn(metadata map[string][]byte) map[string]string {
	found := map[string]string{}
	for key, value := range metadata {
		if strings.HasPrefix(key, "annotation") {
			found[strings.ReplaceAll(key, "org.opencontainers.image.", "")] = string(value)
		}
	}
	return found
}

func TestAManifestSaysWhereABaseImageComesFrom(t *testing.T) {
	const created = "2024-10-14T14:15:39Z" // stubObject's
	for name, tc := range map[string]struct{ opts, want map[string]string }{
		"not asked for": {nil, map[string]string{}},
		"asked not to":  {map[string]string{"annotations": "none"}, map[string]string{}},
		"one platform": {map[string]string{"annotations": "manifest"}, map[string]string{
			"annotation-manifest.source":   Upstream,
			"annotation-manifest.revision": stubCommit,
			"annotation-manifest.created":  created,
		}},
		"two platforms, a repository, and a date": {
			map[string]string{"annotations": "manifest", "platform": "linux/amd64,linux/arm64", "repository": "git@github.com:a/b", "objects": "https://objects.example/{oid}", "build-arg:SOURCE_DATE_EPOCH": "0"},
			map[string]string{
				"annotation-manifest[linux/amd64].source":   "git@github.com:a/b",
				"annotation-manifest[linux/amd64].revision": stubCommit,
				"annotation-manifest[linux/amd64].created":  "1970-01-01T00:00:00Z",
				"annotation-manifest[linux/arm64].source":   "git@github.com:a/b",
				"annotation-manifest[linux/arm64].revision": stubCommit,
				"annotation-manifest[linux/arm64].created":  "1970-01-01T00:00:00Z",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, tc.want, annotationsIn(built(t, newStub(tc.opts)).Metadata))
		})
	}
}

func TestAFolderWithACheckoutIsOfNoCommit(t *testing.T) {
	require.Empty(t, originAnnotations(&lambda2llb.Plan{Repository: Upstream}))
	require.Equal(t, Upstream, originAnnotations(&lambda2llb.Plan{Repository: Upstream, Commit: stubCommit})["org.opencontainers.image.source"])
}

func TestAManifestSaysWhichImageOfARegistryItStandsOn(t *testing.T) {
	stands := func(name, on string) map[string]string {
		return map[string]string{"annotation-manifest.base.name": name, "annotation-manifest.base.digest": digest.FromString(on).String()}
	}
	for name, tc := range map[string]struct {
		file string
		want map[string]string
	}{
		"a build context":      {"FROM given\nCOPY Dockerfile /\n", stands("reg.example/base:1", "reg.example/base:1")},
		"in a runtime's place": {"FROM nodejs18.x\nCOPY Dockerfile /\n", stands("reg.example/base:1", "reg.example/base:1")},
		"an image":             {"FROM reg.example/base:1\nCOPY Dockerfile /\n", stands("reg.example/base:1", "reg.example/base:1")},
		"without a tag":        {"FROM alpine\nCOPY Dockerfile /\n", stands("docker.io/library/alpine:latest", "docker.io/library/alpine:latest")},
		"after others":         {"FROM reg.example/tools:1 AS tools\nFROM reg.example/base:1 AS base\nFROM base\nCOPY --from=tools /a /\n", stands("reg.example/base:1", "reg.example/base:1")},
		"a runtime":            {"FROM reg.example/tools:1 AS tools\nFROM nodejs20.x\nCOPY --from=tools /a /\n", map[string]string{}},
		"nothing":              {"FROM scratch\nCOPY Dockerfile /\n", map[string]string{}},
		"a name of the same":   {"FROM reg.example/same:2 AS two\nFROM reg.example/same:1\nCOPY --from=two /a /\n", stands("reg.example/same:1", "reg.example/same:1")},
	} {
		t.Run(name, func(t *testing.T) {
			for _, annotations := range []string{"manifest", "none"} {
				s := withDockerfile(tc.file, map[string]string{
					"annotations": annotations, "context:given": "docker-image://reg.example/base:1", "context:nodejs18.x": "docker-image://reg.example/base:1",
				})
				s.images = map[string]string{
					"reg.example/base:1":              `{"created":"2024-10-14T14:28:59Z","architecture":"amd64","os":"linux","config":{"Env":["A=base"],"Labels":{"a":"b"}},"rootfs":{"type":"layers","diff_ids":["sha256:1"]},"history":[{"created":"2024-10-14T14:28:59Z","created_by":"ADD"}]}`,
					"reg.example/tools:1":             `{"architecture":"amd64","os":"linux","config":{},"rootfs":{"type":"layers","diff_ids":["sha256:2"]}}`,
					"reg.example/same:1":              `{"architecture":"amd64","os":"linux","config":{},"rootfs":{"type":"layers","diff_ids":["sha256:3"]}}`,
					"reg.example/same:2":              `{"architecture":"amd64","os":"linux","config":{},"rootfs":{"type":"layers","diff_ids":["sha256:3"]}}`,
					"docker.io/library/alpine:latest": `{"architecture":"amd64","os":"linux","config":{},"rootfs":{"type":"layers","diff_ids":["sha256:4"]}}`,
				}
				want := tc.want
				if annotations == "none" {
					want = map[string]string{}
				}
				require.Equal(t, want, annotationsIn(built(t, s).Metadata))
			}
		})
	}
}
