package rootfs

import (
	"context"
	"os"
	"path"
	"slices"
	"strings"
	"sync"

	"lambdabase/internal/panics"

	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/pkg/errors"
	fstypes "github.com/tonistiigi/fsutil/types"
)

// Layers are a root filesystem as layers that lie on each other: what a later one has hides what an earlier one has at the
// same path, but for a directory, in which there is what both have.
type Layers struct {
	layers []Reader
	mu     sync.Mutex
	dirs   map[string]map[string]*Entry
}

// NewLayers returns the root filesystem of layers, the lowest first.
func NewLayers(layers []Reader) *Layers {
	return &Layers{layers: layers, dirs: map[string]map[string]*Entry{}}
}

// Entry is what there is at a path.
type Entry struct {
	Layers []int // those that have it, from 0 for the lowest
	stats  []*fstypes.Stat
}

// Stat returns what is seen: what the last of the layers has.
func (e *Entry) Stat() *fstypes.Stat { return e.stats[len(e.stats)-1] }

// open returns the layers whose directory is seen at an entry: those after the last that has something else in its place.
func (e *Entry) open() []int {
	hidden := 0
	for i, st := range e.stats {
		if !IsDir(st) {
			hidden = i + 1
		}
	}
	return e.Layers[hidden:]
}

// Lookup returns what there is at a path; nil says nothing. What a symlink on the way points to is not looked at.
func (l *Layers) Lookup(ctx context.Context, name string) (*Entry, error) {
	entry, dir := l.root(), "/"
	for _, part := range split(name) {
		entries, err := l.list(ctx, dir, entry)
		if err != nil {
			return nil, err
		}
		if entry = entries[part]; entry == nil {
			return nil, nil
		}
		dir = path.Join(dir, part)
	}
	return entry, nil
}

// List returns what there is in a directory, by name; nothing where there is no directory.
func (l *Layers) List(ctx context.Context, dir string) (map[string]*Entry, error) {
	entry, err := l.Lookup(ctx, dir)
	if err != nil || entry == nil {
		return nil, err
	}
	return l.list(ctx, path.Join("/", dir), entry)
}

func (l *Layers) root() *Entry {
	root := &Entry{}
	for i := range l.layers {
		root.Layers, root.stats = append(root.Layers, i), append(root.stats, &fstypes.Stat{Mode: uint32(os.ModeDir | 0o755)})
	}
	return root
}

// list lists what an entry is as a directory.
func (l *Layers) list(ctx context.Context, dir string, of *Entry) (map[string]*Entry, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if entries, ok := l.dirs[dir]; ok {
		return entries, nil
	}
	layers := of.open()
	lists := make([][]*fstypes.Stat, len(layers))
	eg, ctx := panics.WithContext(ctx)
	for i, n := range layers {
		eg.Go(func() (err error) {
			lists[i], err = List(ctx, l.layers[n], dir)
			return errors.Wrapf(err, "layer %d", n+1)
		})
	}
	if err := eg.Wait(); err != nil {
		return nil, err
	}
	entries := map[string]*Entry{}
	for i, list := range lists {
		for _, st := range list {
			name := path.Base(st.Path)
			if entries[name] == nil {
				entries[name] = &Entry{}
			}
			e := entries[name]
			e.Layers, e.stats = append(e.Layers, layers[i]), append(e.stats, st)
		}
	}
	l.dirs[dir] = entries
	return entries, nil
}

// ReadDir returns what List does, as a gateway.Reference does.
func (l *Layers) ReadDir(ctx context.Context, req gateway.ReadDirRequest) ([]*fstypes.Stat, error) {
	entries, err := l.List(ctx, req.Path)
	var all []*fstypes.Stat
	for _, e := range entries {
		all = append(all, e.Stat())
	}
	slices.SortFunc(all, func(a, b *fstypes.Stat) int { return strings.Compare(path.Base(a.Path), path.Base(b.Path)) })
	return all, err
}

// ReadFile reads a file of the last layer that has it.
func (l *Layers) ReadFile(ctx context.Context, req gateway.ReadRequest) ([]byte, error) {
	entry, err := l.Lookup(ctx, req.Filename)
	if err != nil {
		return nil, err
	}
	if entry == nil {
		return nil, errors.Wrapf(os.ErrNotExist, "%s", req.Filename)
	}
	return l.layers[entry.Layers[len(entry.Layers)-1]].ReadFile(ctx, req)
}
