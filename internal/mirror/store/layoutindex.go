package store

import (
	"encoding/json"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/opencontainers/image-spec/specs-go"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/pkg/errors"
)

// maxIndexSize is beyond what any layout's index has, in bytes.
const maxIndexSize = 64 << 20

func (l *layout) indexFile() string { return filepath.Join(l.dir, ocispecs.ImageIndexFile) }

// readIndex reads the index, which is empty where there is none yet.
func (l *layout) readIndex() (*ocispecs.Index, error) {
	index := &ocispecs.Index{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispecs.MediaTypeImageIndex}
	info, err := os.Stat(l.indexFile())
	if errors.Is(err, fs.ErrNotExist) {
		return index, nil
	}
	if err == nil && info.Size() > maxIndexSize {
		err = errors.Errorf("%s has %d bytes, at most %d are expected", ocispecs.ImageIndexFile, info.Size(), maxIndexSize)
	}
	if err != nil {
		return nil, err
	}
	dt, err := os.ReadFile(l.indexFile())
	if err != nil {
		return nil, err
	}
	return index, errors.Wrap(json.Unmarshal(dt, index), ocispecs.ImageIndexFile)
}

// changeIndex writes the index anew, in its place at once.
func (l *layout) changeIndex(change func(*ocispecs.Index)) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	index, err := l.readIndex()
	if err != nil {
		return err
	}
	change(index)
	dt, err := json.Marshal(index)
	if err != nil {
		return err
	}
	return writeFile(l.indexFile(), dt)
}

// tempPrefix begins the names of files that aren't whole yet.
const tempPrefix = ".lambdabase-"

// writeFile writes a file so that it is there as a whole or not at all.
func writeFile(name string, dt []byte) error {
	temp, err := os.CreateTemp(filepath.Dir(name), tempPrefix)
	if err != nil {
		return err
	}
	defer os.Remove(temp.Name())
	_, err = temp.Write(dt)
	if err == nil {
		err = temp.Chmod(0o644)
	}
	if err == nil {
		err = temp.Sync()
	}
	if closeErr := temp.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(temp.Name(), name)
	}
	return err
}

// syncFile has a file on the disk before something that names it is.
func syncFile(name string) error {
	file, err := os.Open(name)
	if err != nil {
		return err
	}
	defer file.Close()
	return file.Sync()
}

func nameOf(desc ocispecs.Descriptor) string { return desc.Annotations[ocispecs.AnnotationRefName] }

func indexTags(index *ocispecs.Index) (tags []string) {
	if index == nil {
		return nil
	}
	for _, desc := range index.Manifests {
		if name := nameOf(desc); name != "" {
			tags = append(tags, name)
		}
	}
	return tags
}

func findTag(index *ocispecs.Index, tag string) (ocispecs.Descriptor, bool) {
	for _, desc := range index.Manifests {
		if nameOf(desc) == tag {
			return desc, true
		}
	}
	return ocispecs.Descriptor{}, false
}

// setTag has a tag name a manifest, and nothing else.
func setTag(index *ocispecs.Index, manifest ocispecs.Descriptor, tag string) {
	index.Manifests = slices.DeleteFunc(index.Manifests, func(d ocispecs.Descriptor) bool { return nameOf(d) == tag })
	annotations := maps.Clone(manifest.Annotations)
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations[ocispecs.AnnotationRefName] = tag
	manifest.Annotations = annotations
	index.Manifests = append(index.Manifests, manifest)
}

// removeTag removes what a tag names, and the manifest where it has no name.
func removeTag(index *ocispecs.Index, manifest ocispecs.Descriptor, tag string) {
	index.Manifests = slices.DeleteFunc(index.Manifests, func(d ocispecs.Descriptor) bool {
		return nameOf(d) == tag || nameOf(d) == "" && d.Digest == manifest.Digest
	})
}
