package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"time"

	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/pkg/errors"
)

const (
	predicateProvenance = "https://slsa.dev/provenance/v1"
	predicateKey        = "in-toto.io/predicate-type"
	referenceKey        = "vnd.docker.reference.type"
)

// ociLayout is an OCI layout whose blobs are replaced from the leaves up.
type ociLayout struct{ dir string }

// settleProvenance dates BuildKit's provenance by the commit, and takes out what is another in every build (v0.33.1): the build's
// random id, vertex digests, in which the session's id is, and the layers as they were before their times were set to the epoch.
// What a release is made of, and how, stays as BuildKit says it.
func settleProvenance(dir string, date time.Time) error {
	l := ociLayout{dir}
	var top ocispecs.Index
	if err := l.read(filepath.Join(dir, ocispecs.ImageIndexFile), &top); err != nil {
		return err
	}
	for i := range top.Manifests {
		if err := l.settleIndex(&top.Manifests[i], date); err != nil {
			return err
		}
	}
	dt, err := json.Marshal(top)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, ocispecs.ImageIndexFile), dt, 0o644)
}

func (l ociLayout) settleIndex(desc *ocispecs.Descriptor, date time.Time) error {
	var index ocispecs.Index
	if err := l.read(l.blob(desc.Digest), &index); err != nil {
		return err
	}
	for i, m := range index.Manifests {
		if m.Annotations[referenceKey] != "attestation-manifest" {
			continue
		}
		if err := l.settleManifest(&index.Manifests[i], date); err != nil {
			return err
		}
	}
	return l.replace(desc, index)
}

func (l ociLayout) settleManifest(desc *ocispecs.Descriptor, date time.Time) error {
	var manifest ocispecs.Manifest
	if err := l.read(l.blob(desc.Digest), &manifest); err != nil {
		return err
	}
	var config ocispecs.Image
	if err := l.read(l.blob(manifest.Config.Digest), &config); err != nil {
		return err
	}
	for i := range manifest.Layers {
		layer := &manifest.Layers[i]
		if layer.Annotations[predicateKey] == predicateProvenance {
			if err := l.settleStatement(layer, date); err != nil {
				return err
			}
		}
		if i < len(config.RootFS.DiffIDs) {
			config.RootFS.DiffIDs[i] = layer.Digest
		}
	}
	if len(config.RootFS.DiffIDs) > 0 { // an empty descriptor otherwise
		if err := l.replace(&manifest.Config, config); err != nil {
			return err
		}
	}
	return l.replace(desc, manifest)
}

func (l ociLayout) settleStatement(desc *ocispecs.Descriptor, date time.Time) error {
	var statement map[string]any
	if err := l.read(l.blob(desc.Digest), &statement); err != nil {
		return err
	}
	predicate, _ := statement["predicate"].(map[string]any)
	details, _ := predicate["runDetails"].(map[string]any)
	metadata, ok := details["metadata"].(map[string]any)
	if !ok {
		return errors.Errorf("statement %s has no metadata", desc.Digest)
	}
	metadata["startedOn"], metadata["finishedOn"] = date.Format(time.RFC3339), date.Format(time.RFC3339)
	delete(metadata, "invocationId")
	if own, ok := metadata["buildkit_metadata"].(map[string]any); ok {
		delete(own, "layers")
	}
	deleteAll(statement, "digestMapping")
	return l.replace(desc, statement)
}

// deleteAll deletes a key wherever it is.
func deleteAll(value any, key string) {
	switch v := value.(type) {
	case map[string]any:
		delete(v, key)
		for _, child := range v {
			deleteAll(child, key)
		}
	case []any:
		for _, child := range v {
			deleteAll(child, key)
		}
	}
}

func (l ociLayout) blob(id digest.Digest) string {
	return filepath.Join(l.dir, ocispecs.ImageBlobsDir, id.Algorithm().String(), id.Encoded())
}

// read keeps numbers as they are written.
func (l ociLayout) read(name string, into any) error {
	dt, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(dt))
	d.UseNumber()
	return errors.Wrap(d.Decode(into), filepath.Base(name))
}

// replace puts another blob in the place of the one that a descriptor names.
func (l ociLayout) replace(desc *ocispecs.Descriptor, value any) error {
	dt, err := json.Marshal(value)
	if err != nil {
		return err
	}
	former := l.blob(desc.Digest)
	desc.Digest, desc.Size = digest.FromBytes(dt), int64(len(dt))
	if err := os.WriteFile(l.blob(desc.Digest), dt, 0o644); err != nil {
		return err
	}
	if former == l.blob(desc.Digest) {
		return nil
	}
	return os.Remove(former)
}
