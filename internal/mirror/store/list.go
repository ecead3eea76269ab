package store

import (
	"context"
	"regexp"
	"slices"
	"strings"

	"lambdabase/internal/catalog"
	"lambdabase/internal/mirror"
	"lambdabase/internal/mirror/label"
	"lambdabase/internal/panics"

	"github.com/pkg/errors"
)

// commitTagRE matches the tag of a commit: the runtime's name before it may have anything in it.
var commitTagRE = regexp.MustCompile(`^(.+)-([0-9a-f]{40}|[0-9a-f]{64})$`)

// Tags returns the tags of runtimes, and those of commits, by runtime.
func (m *Mirror) Tags(ctx context.Context) (runtimes []string, commits map[string][]string, err error) {
	all, err := m.tags(ctx)
	if err != nil {
		return nil, nil, errors.Wrap(err, m.String())
	}
	slices.Sort(all)
	commits = map[string][]string{}
	for _, tag := range slices.Compact(all) {
		if found := commitTagRE.FindStringSubmatch(tag); found != nil {
			commits[found[1]] = append(commits[found[1]], tag)
		} else if tag != mirror.CatalogTag {
			runtimes = append(runtimes, tag)
		}
	}
	return runtimes, commits, nil
}

// Snapshots reads the snapshots that tags name. A tag that is somebody else's is left out, and one that is gone by now.
func (m *Mirror) Snapshots(ctx context.Context, tags []string) ([]*Snapshot, error) {
	read := make([]*Snapshot, len(tags))
	eg, ctx := panics.WithContext(ctx)
	eg.SetLimit(concurrentChecks)
	for i, tag := range tags {
		eg.Go(func() (err error) {
			read[i], err = m.Snapshot(ctx, tag)
			if errors.Is(err, label.ErrMissing) || IsNotFound(err) {
				return nil
			}
			return err
		})
	}
	err := eg.Wait()
	return slices.DeleteFunc(read, func(s *Snapshot) bool { return s == nil }), err
}

// Runtimes lists the runtimes of the mirror, as their tags have them. The catalog isn't asked.
func (m *Mirror) Runtimes(ctx context.Context) ([]catalog.Runtime, error) {
	list, _, err := m.List(ctx)
	return list, err
}

// List is Runtimes, and returns all commits that the mirror has of each besides, by runtime.
func (m *Mirror) List(ctx context.Context) (list []catalog.Runtime, commits map[string][]string, err error) {
	tags, commitTags, err := m.Tags(ctx)
	if err != nil {
		return nil, nil, err
	}
	snapshots, err := m.Snapshots(ctx, tags)
	list, commits = make([]catalog.Runtime, 0, len(snapshots)), map[string][]string{}
	for _, s := range snapshots {
		list = append(list, catalog.Runtime{Name: s.Runtime, Platforms: s.PlatformNames(), Commit: s.Commit, Date: s.Date, Size: s.Size()})
	}
	slices.SortFunc(list, func(a, b catalog.Runtime) int { return strings.Compare(a.Name, b.Name) })
	for runtime, all := range commitTags {
		for _, tag := range all {
			commits[runtime] = append(commits[runtime], strings.TrimPrefix(tag, runtime+"-"))
		}
	}
	return list, commits, err
}
