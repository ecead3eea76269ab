package frontend

import (
	"bytes"
	"context"
	"path"

	"lambdabase/internal/rootfs"

	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"
	"github.com/pkg/errors"
)

// dockerignore is what a branch keeps out of the build context. A build of a checkout of it has none of that.
type dockerignore struct {
	name    string
	matcher *patternmatcher.PatternMatcher // nil: nothing
}

// readDockerignore reads the file that docker build reads for a recipe, whose folder is the build context.
func (t *tree) readDockerignore(ctx context.Context, recipe string) (dockerignore, error) {
	for _, name := range []string{recipe + ".dockerignore", path.Join(path.Dir(recipe), ".dockerignore")} {
		st, err := t.lookup(ctx, name)
		if err != nil {
			return dockerignore{}, err
		}
		if st == nil || rootfs.IsDir(st) { // which docker build leaves alone
			continue
		}
		dt, err := t.readFile(ctx, name, maxTextSize)
		if err != nil {
			return dockerignore{}, err
		}
		return newDockerignore(name, dt)
	}
	return dockerignore{}, nil
}

func newDockerignore(name string, dt []byte) (dockerignore, error) {
	patterns, err := ignorefile.ReadAll(bytes.NewReader(dt))
	if err != nil {
		return dockerignore{}, errors.Wrap(err, name)
	}
	matcher, err := patternmatcher.New(patterns)
	return dockerignore{name, matcher}, errors.Wrap(err, name)
}

// check refuses a source that is kept out.
func (d dockerignore) check(source string) error {
	if d.matcher == nil {
		return nil
	}
	excluded, err := d.matcher.MatchesOrParentMatches(source)
	if err != nil {
		return errors.Wrap(err, d.name)
	}
	if excluded {
		return errors.Errorf("%s is left out by %s: a build of a checkout wouldn't find it", source, d.name)
	}
	return nil
}
