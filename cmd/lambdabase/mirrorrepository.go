package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"lambdabase/internal/catalog"
	"lambdabase/internal/mirror"
	"lambdabase/internal/mirror/store"
	"lambdabase/internal/printable"

	"github.com/pkg/errors"
)

// fromRepository takes snapshots from the git repository, and objects from where builds take them.
func (m *mirrorCommand) fromRepository(ctx context.Context, w io.Writer, runtimes []string) error {
	s, err := m.newSession(ctx)
	if err != nil {
		return err
	}
	defer s.close()
	wanted, unread, err := m.wantedOfRepository(ctx, s, runtimes)
	if err != nil {
		return err
	}
	if err := s.disconnect(); err != nil { // others wait for the cache
		return err
	}
	progress := newMirrorProgress(os.Stderr, m.progressStyle(), 2)
	source, err := s.newObjectSource(ctx, progress)
	if err != nil {
		return err
	}
	return m.push(ctx, w, source, progress, wanted, unread)
}

// wantedOfRepository returns what commits say of the runtimes. Of all runtimes, unread are the errors of those that it can't be had
// of: one bad branch doesn't keep the others.
func (m *mirrorCommand) wantedOfRepository(ctx context.Context, s *session, runtimes []string) (wanted []store.Wanted, unread []error, err error) {
	var platformsOf map[string]string
	if m.all {
		if runtimes, platformsOf, err = m.allRuntimes(ctx, s); err != nil {
			return nil, nil, err
		}
	}
	found := newDocuments()
	var targets []target
	for _, runtime := range runtimes {
		t, err := m.newDocumentTarget(runtime, found)
		if err != nil {
			return nil, nil, err
		}
		if names := platformsOf[runtime]; names != "" {
			t.attrs["platform"] = names
		}
		if m.all {
			t.build = found.buildOrNote
		}
		targets = append(targets, t)
	}
	if _, err := s.solve(ctx, targets...); err != nil {
		return nil, nil, withDockerfileHint(err, runtimes)
	}
	if len(found.Snapshots) == 0 {
		return nil, nil, notMirrored(found.failed, nil)
	}
	for _, d := range found.Snapshots {
		snapshot, err := store.NewSnapshot(d)
		if err != nil {
			return nil, nil, err
		}
		wanted = append(wanted, store.Wanted{Snapshot: snapshot, Latest: m.latest()})
	}
	return wanted, found.failed, nil
}

// allRuntimes lists those of the repository, with the platforms that are named and that each has.
func (m *mirrorCommand) allRuntimes(ctx context.Context, s *session) (runtimes []string, platformsOf map[string]string, err error) {
	list, err := s.listRuntimes(ctx)
	if err != nil {
		return nil, nil, err
	}
	platformsOf = map[string]string{}
	for _, r := range list {
		if _, err := mirror.Tag(r.Name, r.Commit); err != nil {
			fmt.Fprintf(os.Stderr, "left out: %s\n", printable.Name(err.Error()))
			continue
		}
		names := m.platformsOf(r.Platforms)
		if len(m.platforms) > 0 && len(names) == 0 {
			continue
		}
		runtimes, platformsOf[r.Name] = append(runtimes, r.Name), strings.Join(names, ",")
	}
	if len(runtimes) == 0 {
		return nil, nil, errors.New("the repository has no such runtime")
	}
	return runtimes, platformsOf, nil
}

// listRuntimes lists the runtimes of the session's repository, as lambdabase list does.
func (s *session) listRuntimes(ctx context.Context) ([]catalog.Runtime, error) {
	options, err := s.parseOptions()
	if err != nil {
		return nil, err
	}
	key := options.Repository
	if s.sample {
		key = sampleKey
	}
	l := &listCommand{backend: backend{root: s.root}, repository: options.Repository, knownHosts: options.KnownHosts, secrets: s.secretFlags}
	return l.list(ctx, key)
}
