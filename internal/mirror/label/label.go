// Package label reads what the images of a mirror say in the labels of their config. Whoever may push to the registry has
// written it: it is read as a lock file is.
package label

import (
	"encoding/json"
	"fmt"

	"lambdabase/internal/catalog"
	"lambdabase/internal/document"
	"lambdabase/internal/mirror"

	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/pkg/errors"
)

// ErrMissing says that an image is somebody else's.
var ErrMissing = errors.New("its config has no label")

// maxConfig bounds a config, in bytes: a document in it has a backslash before each of its quotes.
const maxConfig = 2*document.MaxSize + 64<<10

// Snapshot returns the document that the config of a mirrored snapshot has. Errors name the image.
func Snapshot(image string, config []byte) (*document.Snapshot, error) {
	text, err := read(image, config, mirror.SnapshotLabel, "no mirrored snapshot")
	if err != nil {
		return nil, err
	}
	return document.ParseSnapshot(image, []byte(text))
}

// Catalog returns the runtimes that the config of a mirror's catalog has. Errors name the image.
func Catalog(image string, config []byte) ([]catalog.Runtime, error) {
	text, err := read(image, config, mirror.CatalogLabel, "no catalog of a mirror")
	if err != nil {
		return nil, err
	}
	var runtimes []catalog.Runtime
	if err := json.Unmarshal([]byte(text), &runtimes); err != nil {
		return nil, errors.Wrapf(err, "%s: label %s", image, mirror.CatalogLabel)
	}
	for i, r := range runtimes {
		if err := catalog.CheckName(r.Name); err != nil {
			return nil, errors.Wrapf(err, "%s: label %s: [%d].name", image, mirror.CatalogLabel, i)
		}
	}
	return runtimes, nil
}

func read(image string, config []byte, label, otherwise string) (string, error) {
	if len(config) > maxConfig {
		return "", errors.Errorf("%s has a config of %d bytes, at most %d are expected", image, len(config), maxConfig)
	}
	var read ocispecs.Image
	if err := json.Unmarshal(config, &read); err != nil {
		return "", errors.Wrapf(err, "%s: config", image)
	}
	text, ok := read.Config.Labels[label]
	if !ok {
		return "", fmt.Errorf("%s is %s: %w %s", image, otherwise, ErrMissing, label)
	}
	return text, nil
}
