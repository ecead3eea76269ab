package main

import (
	"context"
	"maps"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"lambdabase/frontend"

	"github.com/containerd/platforms"
	"github.com/pkg/errors"
	fstypes "github.com/tonistiigi/fsutil/types"
)

// imageReport is a base image, layer by layer.
type imageReport struct {
	Runtime  string        `json:"runtime"`
	Commit   string        `json:"commit"`
	Created  time.Time     `json:"created"`
	Platform string        `json:"platform"`
	Release  string        `json:"release,omitempty"` // of the system in it, as its os-release says
	Layers   []layerReport `json:"layers"`
	Path     string        `json:"path,omitempty"`    // that was asked for
	Entries  []pathReport  `json:"entries,omitempty"` // it, and what is in it
}

// layerReport is a tarball of the recipe.
type layerReport struct {
	File   string `json:"file"`
	OID    string `json:"oid"`
	Packed int64  `json:"packed"` // in bytes
	Size   int64  `json:"size"`   // of its files, in bytes
	Files  int    `json:"files"`  // all that is no directory
}

// pathReport is a file or directory.
type pathReport struct {
	Path   string `json:"path"`
	Mode   string `json:"mode"`
	UID    uint32 `json:"uid"`
	GID    uint32 `json:"gid"`
	Size   int64  `json:"size"`
	Target string `json:"target,omitempty"` // of a link
	Layers []int  `json:"layers"`           // those that have it, from 1; what the last has is what there is
}

// newImageReport looks into an image: its layers or, with a path, what is there and which layers brought it.
func newImageReport(ctx context.Context, image *frontend.UnpackedImage, name string) (*imageReport, error) {
	plan := image.Plan
	report := &imageReport{Runtime: plan.Runtime, Commit: plan.Commit, Created: plan.Created, Platform: platforms.Format(plan.Platform)}
	for i, l := range image.Layers {
		of := plan.Layers[i]
		layer := layerReport{File: of.Path, OID: of.OID, Packed: of.Size}
		for _, st := range l.Files {
			if !isDirStat(st) {
				layer.Files++
				layer.Size += st.Size
			}
		}
		report.Layers = append(report.Layers, layer)
	}
	var err error
	if report.Release, err = osRelease(ctx, image.Layers); err != nil || name == "" {
		return report, err
	}
	report.Path = path.Join("/", name)
	report.Entries = pathsAt(image.Layers, report.Path)
	if len(report.Entries) == 0 {
		return nil, errors.Errorf("%s has no %s", plan.Runtime, report.Path)
	}
	return report, nil
}

// pathsAt returns what is at a path and right below it.
func pathsAt(layers []frontend.UnpackedLayer, name string) []pathReport {
	numbers, stats := map[string][]int{}, map[string]*fstypes.Stat{}
	for i, l := range layers {
		for p, st := range l.Files {
			if (p == name || path.Dir(p) == name) && !isShadowed(layers[i+1:], p) {
				numbers[p] = append(numbers[p], i+1)
				stats[p] = st
			}
		}
	}
	var all []pathReport
	for _, p := range slices.Sorted(maps.Keys(numbers)) {
		st := stats[p]
		all = append(all, pathReport{
			Path: p, Mode: os.FileMode(st.Mode).String(), UID: st.Uid, GID: st.Gid, Size: st.Size, Target: st.Linkname, Layers: numbers[p],
		})
	}
	return all
}

func isDirStat(st *fstypes.Stat) bool { return os.FileMode(st.Mode).IsDir() }

// isShadowed reports whether one of the later layers has something else in place of a directory that the path is in.
func isShadowed(later []frontend.UnpackedLayer, name string) bool {
	for dir := path.Dir(name); dir != "/"; dir = path.Dir(dir) {
		for _, l := range later {
			if st := l.Files[dir]; st != nil && !isDirStat(st) {
				return true
			}
		}
	}
	return false
}

// maxReleaseSize is more bytes than any os-release has.
const maxReleaseSize = 256 << 10

var prettyNameRE = regexp.MustCompile(`(?m)^PRETTY_NAME="?([^"\n]*)"?$`)

// osRelease returns the system's name. /etc/os-release is a link to the other, where it isn't a file.
func osRelease(ctx context.Context, layers []frontend.UnpackedLayer) (string, error) {
	for _, l := range slices.Backward(layers) {
		for _, name := range []string{"/etc/os-release", "/usr/lib/os-release"} {
			st := l.Files[name]
			if st == nil || !os.FileMode(st.Mode).IsRegular() || st.Size > maxReleaseSize {
				continue
			}
			dt, err := l.ReadFile(ctx, name)
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
