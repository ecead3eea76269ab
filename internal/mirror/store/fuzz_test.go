package store

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"
	"testing"

	"lambdabase/internal/mirror"

	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/errdef"
)

// foreign is a backend with what anybody may have pushed.
type foreign struct {
	backend
	blobs [][]byte // the first is the manifest
}

func (f foreign) resolve(context.Context, string) (ocispecs.Descriptor, error) {
	return ocispecs.Descriptor{MediaType: ocispecs.MediaTypeImageManifest, Digest: digest.FromBytes(f.blobs[0]), Size: int64(len(f.blobs[0]))}, nil
}

func (f foreign) fetch(_ context.Context, b ocispecs.Descriptor) (io.ReadCloser, error) {
	for _, dt := range f.blobs {
		if digest.FromBytes(dt) == b.Digest {
			return io.NopCloser(bytes.NewReader(dt)), nil
		}
	}
	return nil, errdef.ErrNotFound
}

func FuzzSnapshot(f *testing.F) {
	f.Add([]byte(`{"layers":[{}]}`), []byte(`{"config":{"Labels":{"lambdabase.snapshot":"{\"version\":1}"}}}`), true)
	f.Add([]byte(`{"config":{"digest":"sha256:../x","size":-1}}`), []byte(`null`), false)
	f.Fuzz(func(t *testing.T, manifest, config []byte, whole bool) {
		if whole { // so that what is random is the config
			manifest = fmt.Appendf(nil, `{"config":{"digest":%q,"size":%d}}`, digest.FromBytes(config), len(config))
		}
		m := &Mirror{backend: foreign{blobs: [][]byte{manifest, config}}, location: mirror.Location{Repository: "registry.example/m"}}
		s, err := m.Snapshot(context.Background(), "nodejs20.x")
		if err != nil {
			return
		}
		if s.Validate() != nil || s.Runtime != "nodejs20.x" || !slices.EqualFunc(s.Objects(), s.image.layers, isLayer) {
			t.Fatalf("%s is taken for a snapshot", config)
		}
	})
}

func FuzzLayoutIndex(f *testing.F) {
	f.Add([]byte(`{"manifests":[{"digest":"sha256:../x","annotations":{"org.opencontainers.image.ref.name":"nodejs20.x"}}]}`))
	f.Add([]byte("null"))
	f.Fuzz(func(t *testing.T, dt []byte) {
		l, err := openLayout(context.Background(), t.TempDir(), Options{Write: true})
		if err != nil {
			t.Fatal(err)
		}
		defer l.close()
		if err := writeFile(l.indexFile(), dt); err != nil {
			t.Fatal(err)
		}
		m := &Mirror{backend: l, location: mirror.Location{Layout: l.dir}}
		if _, err := m.Runtimes(context.Background()); err == nil {
			_, _ = m.Keep(context.Background(), []string{"nodejs20.x"}, 1)
		}
	})
}
