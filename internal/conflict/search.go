package conflict

import (
	"context"
	"slices"

	"lambdabase/internal/panics"
	"lambdabase/internal/printable"

	"github.com/pkg/errors"
	fstypes "github.com/tonistiigi/fsutil/types"
)

// search goes through layers, one level of directories after the other.
type search struct {
	layers  []Layer
	ownDirs int // directories of one layer alone that may still be read
	found   []string
}

func (s *search) run(ctx context.Context) (err error) {
	level := []layersDir{{path: "/"}}
	for i := range s.layers {
		level[0].layers = append(level[0].layers, i)
	}
	for len(level) > 0 {
		if level, err = s.descend(ctx, level); err != nil {
			return err
		}
	}
	return nil
}

// layersDir is a directory, and the layers that have it.
type layersDir struct {
	path   string
	layers []int
}

// descend reads a level of directories, and returns the next.
func (s *search) descend(ctx context.Context, level []layersDir) (next []layersDir, err error) {
	lists, err := s.readLevel(ctx, level)
	if err != nil {
		return nil, err
	}
	for i, d := range level {
		if slices.ContainsFunc(lists[i], func(l listing) bool { return l.failed }) {
			s.found = append(s.found, printable.Name(d.path)+": "+ErrUnlistable.Error())
		}
		below, reasons := d.compare(lists[i])
		s.found = append(s.found, reasons...)
		for _, b := range below {
			if len(b.layers) == 1 {
				if s.ownDirs == 0 {
					continue
				}
				s.ownDirs--
			}
			next = append(next, b)
		}
	}
	return next, nil
}

// readLevel lists directories in each layer that has them: by directory and layer.
func (s *search) readLevel(ctx context.Context, level []layersDir) ([][]listing, error) {
	lists := make([][]listing, len(level))
	eg, ctx := panics.WithContext(ctx)
	eg.SetLimit(maxReads)
	for i, d := range level {
		lists[i] = make([]listing, len(d.layers))
		for j, l := range d.layers {
			eg.Go(func() (err error) {
				lists[i][j], err = panics.Recover(func() (listing, error) { return readListing(ctx, s.layers[l], d.path) })
				return errors.Wrapf(err, "directory %s of a layer", d.path)
			})
		}
	}
	return lists, eg.Wait()
}

// listing is what is in a directory of a layer, or that BuildKit can't list it.
type listing struct {
	entries []*fstypes.Stat
	failed  bool
}

func readListing(ctx context.Context, layer Layer, dir string) (listing, error) {
	entries, err := layer.List(ctx, dir)
	if errors.Is(err, ErrUnlistable) {
		return listing{failed: true}, nil
	}
	return listing{entries: entries}, err
}
