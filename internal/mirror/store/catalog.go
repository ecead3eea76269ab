package store

import (
	"bytes"
	"context"
	"encoding/json"
	"time"

	"lambdabase/internal/catalog"
	"lambdabase/internal/mirror"

	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/pkg/errors"
)

// WriteCatalog makes the catalog anew of the tags, so that what a run beside this one has overwritten is there again after the
// next. The same tags make the same catalog.
func (m *Mirror) WriteCatalog(ctx context.Context) error {
	list, err := m.Runtimes(ctx)
	if err != nil {
		return err
	}
	made, err := newCatalog(list)
	if err != nil {
		return err
	}
	for _, layer := range made.layers {
		found, err := m.exists(ctx, layer)
		if err == nil && !found {
			err = m.push(ctx, layer, bytes.NewReader(layer.Data))
		}
		if err != nil {
			return errors.Wrap(err, m.ref(mirror.CatalogTag))
		}
	}
	return m.pushImage(ctx, made, mirror.CatalogTag)
}

// newCatalog makes the image of a catalog. Some registries want a layer: it has OCI's empty one.
func newCatalog(list []catalog.Runtime) (image, error) {
	dt, err := json.Marshal(list)
	if err != nil {
		return image{}, errors.Wrap(err, "catalog")
	}
	date := time.Unix(0, 0)
	for _, r := range list {
		if r.Date.After(date) {
			date = r.Date
		}
	}
	return newImage(date, mirror.CatalogLabel, string(dt), []ocispecs.Descriptor{ocispecs.DescriptorEmptyJSON})
}
