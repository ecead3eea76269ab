package main

import (
	"os"
	"path/filepath"

	"lambdabase/internal/embedded"
	"lambdabase/internal/lfsstore"

	"github.com/pkg/errors"
)

// ensureCacheDir makes the dir of a part of the cache: what BuildKit keeps, objects, the sample, lists of runtimes, verdicts on layers.
func (b *backend) ensureCacheDir(part string) (string, error) {
	dir, err := b.cachePath(part)
	if err != nil {
		return "", err
	}
	return dir, errors.Wrap(os.MkdirAll(dir, 0o700), "cache")
}

func (b *backend) cachePath(part string) (string, error) {
	root := b.root
	if root == "" {
		var err error
		if root, err = embedded.DefaultRoot(); err != nil {
			return "", err
		}
	}
	dir, err := filepath.Abs(filepath.Join(root, part)) // which git runs elsewhere with
	return dir, errors.Wrap(err, "cache")
}

// objectsSize returns what fetched objects take, in bytes.
func (b *backend) objectsSize() (int64, error) {
	dir, err := b.cachePath("objects")
	if err != nil {
		return 0, err
	}
	return lfsstore.Size(dir)
}
