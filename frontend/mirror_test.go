package frontend

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"lambdabase/frontend/subrequests/lock"
	"lambdabase/internal/catalog"
	"lambdabase/internal/document"
	"lambdabase/internal/mirror"

	"github.com/moby/buildkit/client/llb/sourceresolver"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/solver/pb"
	"github.com/moby/buildkit/util/apicaps"
	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/pkg/errors"
	"github.com/stretchr/testify/require"
)

const mirrorName = "registry.example/aws/lambda"

// registryStub is a daemon that reaches a registry.
type registryStub struct {
	*stub
	labels map[string]map[string]string // of images, by name
	lacks  []apicaps.CapID
}

func (r *registryStub) ResolveImageConfig(_ context.Context, ref string, opt sourceresolver.Opt) (string, digest.Digest, []byte, error) {
	labels, ok := r.labels[ref]
	if !ok {
		return "", "", nil, errors.Errorf("%s: not found", ref)
	}
	if p := opt.ImageOpt.Platform; p.OS != "linux" || p.Architecture != "amd64" {
		return "", "", nil, errors.New("every image says linux/amd64")
	}
	dt, err := json.Marshal(ocispecs.Image{Config: ocispecs.ImageConfig{Labels: labels}})
	return ref, digest.FromBytes(dt), dt, err
}

func (r *registryStub) BuildOpts() gateway.BuildOpts {
	return (&watched{stub: r.stub, lacks: r.lacks}).BuildOpts()
}

// mirroredStub is a daemon that knows no git server, and a mirror of what newStub has.
func mirroredStub(t *testing.T, opts map[string]string) *registryStub {
	t.Helper()
	d := stubDocument(t)
	text, err := d.MarshalCompact()
	require.NoError(t, err)
	s := newStub(opts)
	if s.opts["repository"] == "" {
		s.opts["repository"] = "oci://" + mirrorName
	}
	s.branches, s.tree = nil, nil
	labels := map[string]string{mirror.SnapshotLabel: string(text)}
	return &registryStub{stub: s, labels: map[string]map[string]string{mirrorName + ":nodejs20.x": labels, mirrorName + ":nodejs20.x-" + stubCommit: labels}}
}

// stubDocument is what the stub's commit says.
func stubDocument(t *testing.T) *document.Snapshot {
	t.Helper()
	res := built(t, newStub(map[string]string{"requestid": lock.Name}))
	l, err := document.ParseLock("lock", res.Metadata["result.json"])
	require.NoError(t, err)
	return l.Find("nodejs20.x")
}

func TestASnapshotOfAMirrorIsReadWithoutGit(t *testing.T) {
	for name, opts := range map[string]map[string]string{
		"the latest":       {},
		"a commit":         {"commit": stubCommit},
		"two platforms":    {"platform": "linux/amd64,linux/arm64"},
		"known hosts":      {"known-hosts": "h ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBVqRuLzxAhSxpoJQpKUaBZBoHJPGjqVKY2aFvVHyHhr"},
		"objects from git": {"repository": private, "objects": "oci://" + mirrorName, "commit": stubCommit},
	} {
		t.Run(name, func(t *testing.T) {
			s := mirroredStub(t, opts)
			if opts["repository"] != "" {
				s.tree = newStub(nil).tree
			}
			f := quick
			f.Session.Remote = func(repository string) (string, error) {
				require.Equal(t, private, repository, "a user's git knows no mirror")
				return repository, nil
			}
			_, err := f.Build(context.Background(), s)
			require.NoError(t, err)
			require.Empty(t, s.resolved)
			blobs := count(s.solved, "source docker-image+blob://"+mirrorName+"@sha256:")
			require.NotZero(t, blobs)
			require.Equal(t, opts["repository"] != "", count(s.solved, "source git://") > 0)
			require.Zero(t, count(s.solved, "source https://"))
		})
	}
}

func TestAMirrorSaysTheSameDocument(t *testing.T) {
	s := mirroredStub(t, map[string]string{"requestid": lock.Name})
	res, err := quick.Build(context.Background(), s)
	require.NoError(t, err)
	l, err := document.ParseLock("lock", res.Metadata["result.json"])
	require.NoError(t, err)
	require.Equal(t, stubDocument(t), l.Find("nodejs20.x"), "with the git repository that it is of")
}

func TestWhatAMirrorCannotMeanIsAnError(t *testing.T) {
	const image = mirrorName + ":nodejs20.x"
	other := func(change func(*document.Snapshot)) func(*testing.T, *registryStub) {
		return func(t *testing.T, s *registryStub) {
			d := stubDocument(t)
			change(d)
			text, err := d.MarshalCompact()
			require.NoError(t, err)
			s.labels[image] = map[string]string{mirror.SnapshotLabel: string(text)}
		}
	}
	for want, tc := range map[string]struct {
		opts   map[string]string
		change func(*testing.T, *registryStub)
	}{
		image + " is no mirrored snapshot: its config has no label lambdabase.snapshot": {nil, func(_ *testing.T, s *registryStub) { s.labels[image] = nil }},
		image + ": platforms[0].recipe.digest: ":                                        {nil, other(func(d *document.Snapshot) { d.Platforms[0].Recipe.Text += "\n" })},
		"oci://" + mirrorName + " has no runtime nodejs20.x at commit ":                 {map[string]string{"commit": strings.Repeat("1", 40)}, func(*testing.T, *registryStub) {}},
		image + "-" + strings.Repeat("1", 40) + " is of runtime nodejs20.x at commit " + stubCommit + ": the tag says something else": {
			map[string]string{"commit": strings.Repeat("1", 40)},
			func(_ *testing.T, s *registryStub) { s.labels[image+"-"+strings.Repeat("1", 40)] = s.labels[image] },
		},
		"runtime team/x can't be in a mirror":                                {map[string]string{"runtime": "team/x"}, func(*testing.T, *registryStub) {}},
		"repository oci-layout:DIR is a folder on the machine of who builds": {map[string]string{"repository": "oci-layout:dir"}, func(*testing.T, *registryStub) {}},
	} {
		s := mirroredStub(t, tc.opts)
		tc.change(t, s)
		_, err := quick.Build(context.Background(), s)
		require.ErrorContains(t, err, want)
	}
}

func TestADaemonWithoutBlobsAsksTheRegistryAsAnybody(t *testing.T) {
	s := mirroredStub(t, nil)
	s.lacks = []apicaps.CapID{pb.CapSourceImageBlob}
	_, err := quick.Build(context.Background(), s)
	require.NoError(t, err)
	require.NotZero(t, count(s.solved, "source https://registry.example/v2/aws/lambda/blobs/sha256:"+stubOID("a")))
	require.Zero(t, count(s.solved, "+blob://"))
}

func TestTheRuntimesOfAMirrorAreThoseOfItsCatalog(t *testing.T) {
	s := mirroredStub(t, map[string]string{"requestid": "frontend.lambda.runtimes", "runtime": ""})
	_, err := quick.Build(context.Background(), s)
	require.ErrorContains(t, err, "oci://"+mirrorName+" is no mirror, or nothing is in it: it has no tag lambdabase-catalog, which lambdabase mirror makes")
	text, err := json.Marshal([]catalog.Runtime{{Name: "go1.x", Platforms: []string{"linux/amd64"}, Commit: stubCommit}})
	require.NoError(t, err)
	s.labels[mirrorName+":lambdabase-catalog"] = map[string]string{mirror.CatalogLabel: string(text)}
	res, err := quick.Build(context.Background(), s)
	require.NoError(t, err)
	require.Contains(t, string(res.Metadata["result.txt"]), "go1.x")
	require.Empty(t, s.solved, "no step is run for it")
}

// layoutStub is an OCI layout that has one snapshot.
type layoutStub struct{ snapshot *document.Snapshot }

func (l layoutStub) Snapshot(_ context.Context, tag string) (*document.Snapshot, digest.Digest, error) {
	if tag != l.snapshot.Runtime {
		return nil, "", errors.Errorf("oci-layout:dir:%s: tag %s: not found", tag, tag)
	}
	return l.snapshot, digest.FromString("manifest"), nil
}

func (l layoutStub) Runtimes(context.Context) ([]catalog.Runtime, error) {
	return []catalog.Runtime{{Name: l.snapshot.Runtime}}, nil
}

func (layoutStub) Close() error { return nil }

func TestALayoutIsReadByTheClient(t *testing.T) {
	f := quick
	f.Session.OpenLayout = func(_ context.Context, dir string) (Layout, error) {
		require.Equal(t, "dir", dir)
		return layoutStub{stubDocument(t)}, nil
	}
	s := mirroredStub(t, map[string]string{"repository": "oci-layout:dir"})
	_, err := f.Build(context.Background(), s)
	require.NoError(t, err)
	require.NotZero(t, count(s.solved, "source oci-layout+blob://lambdabase.local/mirror@sha256:"+stubOID("a")))
	require.NotZero(t, count(s.solved, "oci.store: "+mirror.StoreID))

	s.opts["runtime"] = "go1.x"
	_, err = f.Build(context.Background(), s)
	require.ErrorContains(t, err, "oci-layout:dir has no runtime go1.x: ")
	s.opts["requestid"] = "lambda.runtimes"
	res, err := f.Build(context.Background(), s)
	require.NoError(t, err)
	require.Contains(t, string(res.Metadata["result.txt"]), "nodejs20.x")

	old := mirroredStub(t, map[string]string{"repository": "oci-layout:dir"})
	old.lacks = []apicaps.CapID{pb.CapSourceImageBlob}
	_, err = f.Build(context.Background(), old)
	require.ErrorContains(t, err, "repository oci-layout:DIR needs BuildKit 0.28 or later: leave out --addr")
}

// silentStub is a daemon whose registry says nothing.
type silentStub struct{ *registryStub }

func (silentStub) ResolveImageConfig(ctx context.Context, _ string, _ sourceresolver.Opt) (string, digest.Digest, []byte, error) {
	<-ctx.Done()
	return "", "", nil, ctx.Err()
}

func TestARegistryThatSaysNothingEndsTheBuild(t *testing.T) {
	f := quick
	f.FetchTimeout = time.Millisecond
	_, err := f.Build(context.Background(), silentStub{mirroredStub(t, nil)})
	require.ErrorContains(t, err, "oci://"+mirrorName+": not done in 1ms: no answer in time")
}

func TestStatusesOfARegistryAreReadInItsClientsWords(t *testing.T) {
	for text, want := range map[string]int{
		"unexpected HEAD status code http://r/v2/x/blobs/sha256:a: 503 Service Unavailable":                                               503,
		"failed to copy: httpReadSeeker: failed open: unexpected status from GET request to https://r/v2/x/blobs/sha256:a: 403 Forbidden": 403,
		"r/x:tag: not found": 404,
		"pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed": 401,
		`failed to do request: Head "http://r/v2/": dial tcp: connection refused`:                                                              0,
		"source denied by policy": 0,
	} {
		require.Equal(t, want, registryStatusOf(errors.New(text)), text)
	}
}
