package main

import (
	"context"
	"io"
	"os"
	"slices"
	"strings"

	"lambdabase/internal/document"
	"lambdabase/internal/mirror"
	"lambdabase/internal/mirror/store"

	"github.com/containerd/platforms"
	"github.com/pkg/errors"
)

// fromMirror takes snapshots and objects from another mirror.
func (m *mirrorCommand) fromMirror(ctx context.Context, w io.Writer, runtimes []string) error {
	source, err := m.open(ctx, m.source, false)
	if err != nil {
		return err
	}
	defer source.Close()
	wanted, err := m.wantedOfMirror(ctx, source, runtimes)
	if err != nil {
		return err
	}
	return m.push(ctx, w, source, newMirrorProgress(os.Stderr, m.progressStyle(), 1), wanted, nil)
}

func (m *mirrorCommand) wantedOfMirror(ctx context.Context, source *store.Mirror, runtimes []string) (wanted []store.Wanted, err error) {
	found, commits, err := source.Tags(ctx)
	if err != nil {
		return nil, err
	}
	if m.all {
		runtimes = found
	}
	for _, runtime := range runtimes {
		tag, err := mirror.Tag(runtime, m.commit())
		if err != nil {
			return nil, err
		}
		if !slices.Contains(append(commits[runtime], found...), tag) {
			return nil, notInMirror(source, tag, found)
		}
		tags := []string{tag}
		if m.all {
			tags = append(tags, commits[runtime]...)
		}
		read, err := source.Snapshots(ctx, tags)
		if err != nil {
			return nil, err
		}
		wanted = append(wanted, distinct(read, m.latest())...)
	}
	if wanted, err = m.selectPlatforms(wanted); err == nil && len(wanted) == 0 {
		err = errors.Errorf("%s has no such runtime", source)
	}
	return wanted, err
}

func notInMirror(source *store.Mirror, tag string, found []string) error {
	has := "it is empty"
	if len(found) > 0 {
		has = "it has " + strings.Join(found, ", ")
	}
	return errors.Errorf("%s has no %s: %s", source, tag, has)
}

// distinct returns snapshots of a runtime, each once: the first of them is what the runtime's own tag names.
func distinct(read []*store.Snapshot, latest store.Latest) (wanted []store.Wanted) {
	for _, s := range read {
		if slices.ContainsFunc(wanted, func(w store.Wanted) bool { return w.Digest() == s.Digest() }) {
			continue
		}
		wanted = append(wanted, store.Wanted{Snapshot: s, Latest: latest})
		latest = store.NeverLatest
	}
	return wanted
}

// selectPlatforms leaves of snapshots the platforms that are named. Of all runtimes, those that have none of them are left out.
func (m *mirrorCommand) selectPlatforms(wanted []store.Wanted) (selected []store.Wanted, err error) {
	if len(m.platforms) == 0 {
		return wanted, nil
	}
	for _, w := range wanted {
		names := m.platformsOf(w.PlatformNames())
		if len(names) == 0 && m.all {
			continue
		}
		if len(names) == 0 || len(names) < len(m.platforms) && !m.all {
			return nil, errors.Errorf("runtime %s has no platform %s, it has %s", w.Runtime, strings.Join(m.platforms, ", "), strings.Join(w.PlatformNames(), ", "))
		}
		d := *w.Snapshot.Snapshot
		d.Platforms = slices.DeleteFunc(slices.Clone(d.Platforms), func(p document.Platform) bool { return !slices.Contains(names, p.Name) })
		if w.Snapshot, err = store.NewSnapshot(&d); err != nil {
			return nil, err
		}
		selected = append(selected, w)
	}
	return selected, nil
}

// platformsOf returns those of a runtime's platforms that are named.
func (m *mirrorCommand) platformsOf(has []string) (names []string) {
	for _, name := range m.platforms {
		if parsed, err := platforms.Parse(name); err == nil && slices.Contains(has, platforms.Format(platforms.Normalize(parsed))) {
			names = append(names, platforms.Format(platforms.Normalize(parsed)))
		}
	}
	return names
}
