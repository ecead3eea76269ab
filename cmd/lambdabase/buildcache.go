package main

import (
	"slices"
	"strings"

	"github.com/distribution/reference"
	"github.com/moby/buildkit/client"
	buildctl "github.com/moby/buildkit/cmd/buildctl/build"
	"github.com/pkg/errors"
)

// parseCaches returns the caches to import and to export to.
func (b *buildCommand) parseCaches() (from, to []client.CacheOptionsEntry, err error) {
	for _, flag := range []struct {
		name   string
		values []string
	}{{"--cache-from", b.cacheFrom}, {"--cache-to", b.cacheTo}} {
		for _, v := range flag.values {
			// Without a type, buildctl takes anything for an image's name.
			if strings.Contains(v, "=") && !strings.Contains(v, "type=") {
				return nil, nil, errors.Errorf("%s %s: want type=registry,ref=... or type=local,...", flag.name, v)
			}
		}
	}
	if from, err = buildctl.ParseImportCache(b.cacheFrom); err != nil {
		return nil, nil, errors.Wrap(err, "--cache-from")
	}
	if to, err = buildctl.ParseExportCache(b.cacheTo); err != nil {
		return nil, nil, errors.Wrap(err, "--cache-to")
	}
	for _, c := range slices.Concat(from, to) {
		if _, err := reference.ParseNormalizedNamed(c.Attrs["ref"]); c.Type == "registry" && err != nil {
			return nil, nil, errors.Wrapf(err, "cache type=registry: ref %q", c.Attrs["ref"])
		}
	}
	for _, c := range to {
		if c.Type != "inline" { // the layers of which are the image's
			forceCompression(c.Attrs)
		}
	}
	return from, to, nil
}
