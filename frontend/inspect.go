package frontend

import (
	"context"
	"maps"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"

	"lambdabase/frontend/inspect"
	"lambdabase/llb/lambda2llb"

	"github.com/containerd/platforms"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/pkg/errors"
	fstypes "github.com/tonistiigi/fsutil/types"
)

// Inspect is like Build, and answers what is inside the base image: its layers or, with a path, what is there and which
// layers brought it.
func (f Frontend) Inspect(name string) gateway.BuildFunc {
	return func(ctx context.Context, c gateway.Client) (*gateway.Result, error) {
		res, err := recoverPanic(func() (*gateway.Result, error) {
			r, err := f.readRequest(ctx, c)
			if err != nil {
				return nil, err
			}
			image, err := r.inspect(ctx, name)
			if err != nil {
				return nil, err
			}
			return image.ToResult()
		})
		return res, toUserError(err)
	}
}

func (r *request) inspect(ctx context.Context, name string) (*inspect.Image, error) {
	snap, err := r.newSnapshot(ctx, r.remote, r.Runtime, r.Commit)
	if err != nil {
		return nil, err
	}
	targets := r.targetPlatforms()
	if len(targets) > 1 {
		return nil, errors.Errorf("one platform is inspected at a time, not %d", len(targets))
	}
	plan, err := snap.plan(ctx, targets[0])
	if err != nil {
		return nil, err
	}
	contents, err := r.unpackLayers(ctx, plan)
	if err != nil {
		return nil, err
	}
	image := &inspect.Image{Runtime: plan.Runtime, Commit: plan.Commit, Created: plan.Created, Platform: platforms.Format(plan.Platform)}
	for i, c := range contents {
		l := inspect.Layer{File: plan.Layers[i].Path, OID: plan.Layers[i].OID, Packed: plan.Layers[i].Size}
		for _, st := range c.files {
			if !isDir(st) {
				l.Files++
				l.Size += st.Size
			}
		}
		image.Layers = append(image.Layers, l)
	}
	if image.Release, err = osRelease(ctx, contents); err != nil || name == "" {
		return image, err
	}
	image.Path = path.Join("/", name)
	image.Entries = entries(contents, image.Path)
	if len(image.Entries) == 0 {
		return nil, errors.Errorf("%s has no %s", r.Runtime, image.Path)
	}
	return image, nil
}

// layerFiles is what a layer has, by absolute paths.
type layerFiles struct {
	ref   gateway.Reference
	files map[string]*fstypes.Stat
}

// unpackLayers returns the files of all layers, each unpacked on its own.
func (r *request) unpackLayers(ctx context.Context, plan *lambda2llb.Plan) ([]layerFiles, error) {
	a, err := r.newAssembler(plan)
	if err != nil {
		return nil, err
	}
	solved := a.solveLayers(ctx)
	if err := a.finalError(solved); err != nil {
		return nil, err
	}
	var all []layerFiles
	for _, s := range solved {
		if s.err != nil {
			return nil, s.err
		}
		c := layerFiles{s.ref, map[string]*fstypes.Stat{}}
		if !s.layer.empty {
			if err := c.list(ctx, "/"); err != nil {
				return nil, errors.Wrapf(err, "inspect %s", layerLabel(s.layer.Layer))
			}
		}
		all = append(all, c)
	}
	return all, nil
}

func (c layerFiles) list(ctx context.Context, dir string) error {
	found, err := c.ref.ReadDir(ctx, gateway.ReadDirRequest{Path: dir})
	if err != nil {
		return err
	}
	for _, st := range found {
		name := path.Join(dir, path.Base(st.Path))
		c.files[name] = st
		if isDir(st) {
			if err := c.list(ctx, name); err != nil {
				return err
			}
		}
	}
	return nil
}

// entries are what is at a path and right below it.
func entries(contents []layerFiles, name string) []inspect.Entry {
	layers, stats := map[string][]int{}, map[string]*fstypes.Stat{}
	for i, c := range contents {
		for p, st := range c.files {
			if (p == name || path.Dir(p) == name) && !isShadowed(contents[i+1:], p) {
				layers[p] = append(layers[p], i+1)
				stats[p] = st
			}
		}
	}
	var all []inspect.Entry
	for _, p := range slices.Sorted(maps.Keys(layers)) {
		st := stats[p]
		all = append(all, inspect.Entry{
			Path: p, Mode: os.FileMode(st.Mode).String(), UID: st.Uid, GID: st.Gid, Size: st.Size, Target: st.Linkname, Layers: layers[p],
		})
	}
	return all
}

// isShadowed tells whether one of the later layers has something else in place of a directory that the path is in.
func isShadowed(later []layerFiles, name string) bool {
	for dir := path.Dir(name); dir != "/"; dir = path.Dir(dir) {
		for _, c := range later {
			if st := c.files[dir]; st != nil && !isDir(st) {
				return true
			}
		}
	}
	return false
}

var prettyNameRE = regexp.MustCompile(`(?m)^PRETTY_NAME="?([^"\n]*)"?$`)

// osRelease is the system's name. /etc/os-release is a link to the other, where it isn't a file.
func osRelease(ctx context.Context, contents []layerFiles) (string, error) {
	for _, c := range slices.Backward(contents) {
		for _, name := range []string{"/etc/os-release", "/usr/lib/os-release"} {
			st := c.files[name]
			if st == nil || !os.FileMode(st.Mode).IsRegular() || st.Size > maxTextSize {
				continue
			}
			dt, err := c.ref.ReadFile(ctx, gateway.ReadRequest{Filename: name})
			if err != nil {
				return "", errors.Wrap(err, "os-release")
			}
			if found := prettyNameRE.FindSubmatch(dt); found != nil {
				return strings.TrimSpace(string(found[1])), nil
			}
		}
	}
	return "", nil
}
