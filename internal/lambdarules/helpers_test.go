package lambdarules

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"io"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/moby/buildkit/util/attestation"
	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/pkg/errors"
	"github.com/stretchr/testify/require"
)

// blobs are those of an image in memory.
type blobs map[digest.Digest][]byte

func (b blobs) Fetch(_ context.Context, desc ocispecs.Descriptor) (io.ReadCloser, error) {
	dt, ok := b[desc.Digest]
	if !ok {
		return nil, errors.New("no such blob")
	}
	return io.NopCloser(bytes.NewReader(dt)), nil
}

func (b blobs) add(mediaType string, dt []byte) ocispecs.Descriptor {
	desc := ocispecs.Descriptor{MediaType: mediaType, Digest: digest.FromBytes(dt), Size: int64(len(dt))}
	b[desc.Digest] = dt
	return desc
}

func (b blobs) addJSON(t testing.TB, mediaType string, v any) ocispecs.Descriptor {
	t.Helper()
	dt, err := json.Marshal(v)
	require.NoError(t, err)
	return b.add(mediaType, dt)
}

// fixture is an image that Lambda takes, until a test changes it.
type fixture struct {
	layers     [][]tar.Header
	content    map[string]string
	config     ocispecs.Image
	pack       func([]byte) []byte
	layerType  string
	configType string
	rootType   string
	attested   bool
	platforms  []string // more than one: an index
	saved      bool
}

func newFixture() *fixture {
	f := &fixture{
		layerType: ocispecs.MediaTypeImageLayerGzip, configType: ocispecs.MediaTypeImageConfig, rootType: ocispecs.MediaTypeImageManifest,
		pack: gzipped, content: map[string]string{
			"usr/bin/sh": elf(machineX86, "/lib64/ld.so"), "usr/lib64/ld.so": elf(machineX86, ""),
			"lambda-entrypoint.sh": "#!/bin/sh\n", "var/runtime/bootstrap": "#! /bin/sh -e\n",
		},
		layers: [][]tar.Header{
			{
				dir("."), dir("usr"), dir("usr/bin"), dir("usr/lib64"), link("bin", "usr/bin"), link("lib64", "usr/lib64"),
				executable("usr/bin/sh"), executable("usr/lib64/ld.so"),
			},
			{dir("var"), dir("var/task"), dir("var/runtime"), executable("lambda-entrypoint.sh"), executable("var/runtime/bootstrap")},
			{dir("var"), dir("var/task"), file("var/task/app.mjs")},
		},
	}
	f.config.OS, f.config.Architecture = "linux", "amd64"
	f.config.Config = ocispecs.ImageConfig{
		Entrypoint: []string{"/lambda-entrypoint.sh"}, Cmd: []string{"app.handler"}, WorkingDir: "/var/task", Env: []string{"LAMBDA_TASK_ROOT=/var/task"},
	}
	return f
}

func dir(name string) tar.Header {
	return tar.Header{Typeflag: tar.TypeDir, Name: name + "/", Mode: 0o755}
}

func file(name string) tar.Header {
	return tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644}
}

func executable(name string) tar.Header {
	return tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o755}
}

func link(name, target string) tar.Header {
	return tar.Header{Typeflag: tar.TypeSymlink, Name: name, Linkname: target, Mode: 0o777}
}

func hardLink(name, target string) tar.Header {
	return tar.Header{Typeflag: tar.TypeLink, Name: name, Linkname: target, Mode: 0o755}
}

// header is one of a layer.
func (f *fixture) header(layer int, name string) *tar.Header {
	for i := range f.layers[layer] {
		if h := &f.layers[layer][i]; h.Name == name {
			return h
		}
	}
	panic(name)
}

// add adds entries to a layer.
func (f *fixture) add(layer int, headers ...tar.Header) {
	f.layers[layer] = append(f.layers[layer], headers...)
}

// remove removes an entry from a layer.
func (f *fixture) remove(layer int, name string) {
	h := f.header(layer, name)
	for i := range f.layers[layer] {
		if &f.layers[layer][i] == h {
			f.layers[layer] = append(f.layers[layer][:i:i], f.layers[layer][i+1:]...)
			return
		}
	}
}

func (f *fixture) image(t testing.TB) Image {
	t.Helper()
	b := blobs{}
	image := Image{Fetcher: b}
	m := ocispecs.Manifest{Config: b.addJSON(t, f.configType, f.config)}
	for _, l := range f.layers {
		m.Layers = append(m.Layers, b.add(f.layerType, f.pack(f.tar(t, l))))
	}
	if f.saved {
		image.Saved = &m
		return image
	}
	image.Root = b.addJSON(t, f.rootType, m)
	if len(f.platforms) > 0 || f.attested {
		image.Root = b.addJSON(t, ocispecs.MediaTypeImageIndex, f.index(image.Root))
	}
	return image
}

func (f *fixture) index(manifest ocispecs.Descriptor) (index ocispecs.Index) {
	for _, arch := range append([]string{f.config.Architecture}, f.platforms...) {
		d := manifest
		d.Platform = &ocispecs.Platform{OS: "linux", Architecture: arch}
		index.Manifests = append(index.Manifests, d)
	}
	if f.attested {
		d := manifest
		d.Annotations = map[string]string{attestation.DockerAnnotationReferenceType: attestation.DockerAnnotationReferenceTypeDefault}
		d.Platform = &ocispecs.Platform{OS: "unknown", Architecture: "unknown"}
		index.Manifests = append(index.Manifests, d)
	}
	return index
}

func (f *fixture) tar(t testing.TB, headers []tar.Header) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, h := range headers {
		if h.Typeflag == tar.TypeReg {
			h.Size = int64(len(f.content[h.Name]))
		}
		require.NoError(t, w.WriteHeader(&h))
		if h.Typeflag == tar.TypeReg {
			_, err := io.WriteString(w, f.content[h.Name])
			require.NoError(t, err)
		}
	}
	require.NoError(t, w.Close())
	return b.Bytes()
}

func gzipped(dt []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Write(dt)
	w.Close()
	return b.Bytes()
}

func zstded(dt []byte) []byte {
	w, err := zstd.NewWriter(nil)
	if err != nil {
		panic(err)
	}
	return w.EncodeAll(dt, nil)
}

func plain(dt []byte) []byte { return dt }

// elf is the head of a program of 64 bits, with a loader if it has one.
func elf(machine uint16, loader string) string {
	const headerSize, entrySize = 64, 56
	dt := make([]byte, headerSize+2*entrySize)
	copy(dt, "\x7fELF\x02\x01\x01")
	binary.LittleEndian.PutUint16(dt[18:], machine)
	binary.LittleEndian.PutUint64(dt[32:], headerSize)
	binary.LittleEndian.PutUint16(dt[54:], entrySize)
	if loader != "" {
		binary.LittleEndian.PutUint16(dt[56:], 2)
		second := dt[headerSize+entrySize:]
		binary.LittleEndian.PutUint32(second, 3)
		binary.LittleEndian.PutUint64(second[8:], uint64(len(dt)))
		binary.LittleEndian.PutUint64(second[32:], uint64(len(loader)+1))
	}
	return string(dt) + loader + "\x00"
}
