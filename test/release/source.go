package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/pkg/errors"
	"golang.org/x/mod/semver"
)

// source is a commit that is checked out, and the version that it is to be.
type source struct {
	dir     string
	version string // "v1.2.3"
	commit  string
	time    time.Time // of the commit, and so of all that is made of it
}

// openSource refuses what users couldn't make once more, or would know nothing of.
func openSource(ctx context.Context, dir, version string) (*source, error) {
	if err := checkVersion(version); err != nil {
		return nil, err
	}
	changes, err := os.ReadFile(filepath.Join(dir, changelogFile))
	if err != nil {
		return nil, errors.Wrap(err, "changelog")
	}
	if err := checkChangelog(string(changes), version); err != nil {
		return nil, err
	}
	s := &source{dir: dir, version: version}
	return s, s.readGit(ctx)
}

func checkVersion(version string) error {
	switch {
	case version == "":
		return errors.New("VERSION is missing: make release VERSION=v1.2.3")
	case !semver.IsValid(version) || semver.Canonical(version) != version: // v1.2, or v1.2.3+x, which is no tag of an image
		return errors.Errorf("%q is no version: v1.2.3, or v1.2.3-rc.1, as semver.org has it", version)
	}
	return nil
}

func (s *source) readGit(ctx context.Context) error {
	changed, err := s.git(ctx, "status", "--porcelain")
	if err != nil {
		return err
	}
	if changed != "" {
		first, _, more := strings.Cut(changed, "\n")
		if more {
			first += ", and more"
		}
		return errors.Errorf("the checkout is not as git has it (%s): commit or stash that first", first)
	}
	head, err := s.git(ctx, "log", "-1", "--format=%H %ct")
	if err != nil {
		return err
	}
	commit, date, _ := strings.Cut(head, " ")
	seconds, err := strconv.ParseInt(date, 10, 64)
	if err != nil {
		return errors.Wrap(err, "date of the commit")
	}
	s.commit, s.time = commit, time.Unix(seconds, 0).UTC()
	return s.checkTag(ctx)
}

// checkTag takes a version that has no tag yet: it is set when all is made.
func (s *source) checkTag(ctx context.Context) error {
	tagged, err := s.git(ctx, "for-each-ref", "--format=%(objectname) %(*objectname)", "refs/tags/"+s.version)
	if err != nil || tagged == "" || strings.Contains(tagged, s.commit) {
		return err
	}
	return errors.Errorf("the tag %s is there, and not of this commit (%s): check the tag out, or take the next version", s.version, s.commit)
}

func (s *source) git(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "git", append([]string{"-C", s.dir}, args...)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", errors.Wrapf(err, "git %s: %s", args[0], strings.TrimSpace(stderr.String()))
	}
	return strings.Trim(string(out), "\n"), nil
}

// epoch is the commit's time as SOURCE_DATE_EPOCH has it.
func (s *source) epoch() string { return strconv.FormatInt(s.time.Unix(), 10) }
