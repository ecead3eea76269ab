package branches

import (
	"context"
	"encoding/json"
	"maps"
	"os"

	"lambdabase/internal/catalog"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/pkg/errors"
)

// cacheVersion is that of the form a list is kept in, to be raised whenever what is found in a branch, or how it is told,
// becomes another.
const cacheVersion = 1

// cacheFile is a list as a file keeps it.
type cacheFile struct {
	Version  int
	Heads    map[string]string
	Runtimes []catalog.Runtime
}

// ListCached does what List does with one request, for a repository whose branches are all where they were when the file was written.
func ListCached(ctx context.Context, remote Remote, file string) ([]catalog.Runtime, error) {
	found, err := remote.listHeads(ctx)
	if err != nil {
		return nil, err
	}
	heads := headStrings(found)
	if k, ok := readCacheFile(file); ok && maps.Equal(k.Heads, heads) {
		return k.Runtimes, nil
	}
	k := cacheFile{Version: cacheVersion, Heads: heads}
	if k.Runtimes, err = List(ctx, remote); err != nil {
		return nil, err
	}
	return k.Runtimes, k.write(file)
}

// Keep has a file keep a list that is none of branches: a mirror's.
func Keep(list []catalog.Runtime, file string) error {
	return cacheFile{Version: cacheVersion, Runtimes: list}.write(file)
}

func (k cacheFile) write(file string) error {
	dt, err := json.Marshal(k)
	if err != nil {
		return err
	}
	return errors.Wrap(os.WriteFile(file, dt, 0o600), "list of runtimes")
}

// ReadCached returns the list that a file keeps; false where it keeps none. Nobody is asked whether it is still so.
func ReadCached(file string) ([]catalog.Runtime, bool) {
	k, ok := readCacheFile(file)
	return k.Runtimes, ok
}

func readCacheFile(file string) (k cacheFile, ok bool) {
	dt, err := os.ReadFile(file)
	if err != nil || json.Unmarshal(dt, &k) != nil || k.Version != cacheVersion {
		return cacheFile{}, false
	}
	return k, true
}

func headStrings(heads map[string]plumbing.Hash) map[string]string {
	all := map[string]string{}
	for name, hash := range heads {
		all[name] = hash.String()
	}
	return all
}
