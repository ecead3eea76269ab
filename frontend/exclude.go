package frontend

import (
	"context"
	"fmt"
	"path"
	"slices"

	"lambdabase/internal/exclude"
	"lambdabase/internal/rootfs"
	"lambdabase/llb/lambda2llb"

	"github.com/opencontainers/go-digest"
	"github.com/pkg/errors"
	fstypes "github.com/tonistiigi/fsutil/types"
)

// checkExclude refuses to leave out what functions need.
func checkExclude(plan *lambda2llb.Plan) error {
	return errors.Wrapf(exclude.CheckNeeded(plan.Exclude, plan.Config.Config.ImageConfig), "option exclude: %s", plan.Recipe.Path)
}

func isExcluded(plan *lambda2llb.Plan, name string) bool {
	return slices.ContainsFunc(plan.Exclude, func(p string) bool { return exclude.IsIn(name, p) })
}

// findExcluded returns what is to be left out of a layer, and is in it. No symlink is followed on the way: where one layer has a
// symlink another has something else, which is in conflict.
func (r *request) findExcluded(ctx context.Context, plan *lambda2llb.Plan, layer rootfs.DirReader) (found []string, err error) {
	for _, p := range plan.Exclude {
		st, link, err := rootfs.LookupLink(ctx, layer, p)
		switch {
		case err != nil:
			return nil, errors.Wrapf(err, "look for %s", p)
		case st != nil:
			found = append(found, p)
			r.excluded.Store(p, "")
		case link != "":
			r.excluded.LoadOrStore(p, link)
		}
	}
	return found, nil
}

// warnExclude warns of paths that none of the layers had, on any platform.
func (r *request) warnExclude(ctx context.Context) {
	for _, p := range r.Exclude {
		link, known := r.excluded.Load(p)
		if link == "" {
			continue
		}
		text := fmt.Sprintf("exclude: no layer of a base image has %s", p)
		switch {
		case known:
			text += fmt.Sprintf(" (%s is a symlink, which is not followed: give the path that it leads to)", link)
		case exclude.IsPattern(p):
			text += " (paths are taken as they are, and patterns mean nothing)"
		}
		r.warn(ctx, warning{text: text, vertex: digest.FromString("exclude"), unmet: true})
	}
}

// leftDirs are the directories of a layer without what is left out; only tells that there is nothing else.
func leftDirs(ctx context.Context, plan *lambda2llb.Plan, layer rootfs.DirReader) (dirs map[string]*fstypes.Stat, only bool, err error) {
	dirs = map[string]*fstypes.Stat{}
	for next := []string{"/"}; len(next) > 0; next = next[1:] {
		entries, err := rootfs.List(ctx, layer, next[0])
		if err != nil {
			return nil, false, errors.Wrap(err, "look into a layer")
		}
		for _, e := range entries {
			p := path.Join(next[0], path.Base(e.Path))
			if slices.Contains(plan.Exclude, p) {
				continue
			}
			if !rootfs.IsDir(e) {
				return nil, false, nil
			}
			dirs[p], next = e, append(next, p)
		}
	}
	return dirs, true, nil
}
