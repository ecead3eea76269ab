package main

import (
	"context"
	"fmt"
	"os"
	"slices"

	"lambdabase/frontend"
	"lambdabase/internal/lfs"
	"lambdabase/internal/rootfs"
	"lambdabase/internal/rpmdb"
	"lambdabase/llb/lambda2llb"

	"github.com/pkg/errors"
	fstypes "github.com/tonistiigi/fsutil/types"
)

// diffReport is what differs between two images.
type diffReport struct {
	Old      diffImage      `json:"old"`
	New      diffImage      `json:"new"`
	Layers   *layerDiff     `json:"layers,omitempty"` // of two runtimes
	Settings []settingDiff  `json:"settings"`
	Packages []packageDiff  `json:"packages"`
	Files    []fileDiff     `json:"files"`  // of two runtimes those of the layers that differ
	Totals   map[string]int `json:"totals"` // of files, by kind of change
}

type diffImage struct {
	Name    string `json:"name"`
	Runtime string `json:"runtime,omitempty"`
	Commit  string `json:"commit,omitempty"`
	Date    string `json:"date,omitempty"`
}

// layerDiff are the objects of two runtimes.
type layerDiff struct {
	Added   []lfs.Object `json:"added"`
	Removed []lfs.Object `json:"removed"`
	Same    []lfs.Object `json:"same"`
	Moved   bool         `json:"moved,omitempty"` // what both have is in another order
}

func (l *layerDiff) isSame() bool { return len(l.Added)+len(l.Removed) == 0 && !l.Moved }

// packageDiff is a package that one has and the other hasn't, or in another version.
type packageDiff struct {
	Name string `json:"name"`
	Arch string `json:"arch"`
	Old  string `json:"old,omitempty"` // version-release
	New  string `json:"new,omitempty"`
}

// fileDiff is a path.
type fileDiff struct {
	Path   string    `json:"path"`
	Change string    `json:"change"`
	Old    *fileStat `json:"old,omitempty"`
	New    *fileStat `json:"new,omitempty"`
}

type fileStat struct {
	Mode   string `json:"mode"`
	UID    uint32 `json:"uid"`
	GID    uint32 `json:"gid"`
	Size   int64  `json:"size"`
	Target string `json:"target,omitempty"` // of a link
}

// The kinds of change.
const (
	changeAdded   = "added"
	changeRemoved = "removed"
	changeChanged = "changed"
)

// isSame reports whether nothing differs.
func (d *diffReport) isSame() bool {
	return len(d.Files) == 0 && len(d.Packages) == 0 && len(d.Settings) == 0 && (d.Layers == nil || d.Layers.isSame())
}

func newDiffReport(ctx context.Context, images [2]*frontend.ComparedImage) (*diffReport, error) {
	d := &diffReport{Old: newDiffImage(images[0]), New: newDiffImage(images[1]), Files: []fileDiff{}, Totals: map[string]int{changeAdded: 0, changeRemoved: 0, changeChanged: 0}}
	d.Settings = diffSettings(images[0].Config, images[1].Config)
	if images[0].Plan != nil && images[1].Plan != nil {
		d.Layers = newLayerDiff(images[0].Plan, images[1].Plan)
	}
	changes, err := rootfs.Diff(ctx, images[0].Root, images[1].Root)
	if err != nil {
		return nil, err
	}
	for _, c := range changes {
		f := newFileDiff(c)
		d.Totals[f.Change]++
		d.Files = append(d.Files, f)
	}
	d.Packages, err = diffPackages(ctx, images[0].Root, images[1].Root)
	return d, err
}

func newDiffImage(image *frontend.ComparedImage) diffImage {
	i := diffImage{Name: image.Spec.Name}
	if p := image.Plan; p != nil {
		i.Runtime, i.Commit, i.Date = p.Runtime, p.Commit, p.Created.Format("2006-01-02")
	}
	return i
}

func newLayerDiff(before, after *lambda2llb.Plan) *layerDiff {
	was, is := objectsOf(before), objectsOf(after)
	added := missingIn(was, is)
	removed, same := missingIn(is, was), missingIn(added, is)
	return &layerDiff{Added: added, Removed: removed, Same: same, Moved: !slices.EqualFunc(missingIn(removed, was), same, sameOID)}
}

func sameOID(a, b lfs.Object) bool { return a.OID == b.OID }

func objectsOf(p *lambda2llb.Plan) (objects []lfs.Object) {
	for _, l := range p.Layers {
		objects = append(objects, l.Object)
	}
	return objects
}

func newFileDiff(c rootfs.Change) fileDiff {
	f := fileDiff{Path: c.Path, Change: changeChanged, Old: newFileStat(c.Old), New: newFileStat(c.New)}
	switch {
	case c.Old == nil:
		f.Change = changeAdded
	case c.New == nil:
		f.Change = changeRemoved
	}
	return f
}

func newFileStat(st *fstypes.Stat) *fileStat {
	if st == nil {
		return nil
	}
	s := &fileStat{Mode: os.FileMode(st.Mode).String(), UID: st.Uid, GID: st.Gid, Target: st.Linkname}
	if rootfs.IsRegular(st) {
		s.Size = st.Size
	}
	return s
}

// diffPackages compares what is installed. Where neither has a database of packages, as it is in a layer that both have or in
// none, nothing differs.
func diffPackages(ctx context.Context, before, after rootfs.Reader) ([]packageDiff, error) {
	was, err := readPackages(ctx, before)
	if err != nil {
		return nil, err
	}
	is, err := readPackages(ctx, after)
	if err != nil {
		return nil, err
	}
	return comparePackages(was, is), nil
}

func readPackages(ctx context.Context, root rootfs.Reader) ([]rpmdb.Package, error) {
	packages, err := rpmdb.Read(ctx, root)
	if errors.Is(err, rpmdb.ErrNone) {
		return nil, nil
	}
	return packages, err
}

// comparePackages returns those that differ, by name and architecture. Several versions of one may be installed side by side.
func comparePackages(was, is []rpmdb.Package) []packageDiff {
	diffs := []packageDiff{}
	gone, come := packagesMissingIn(is, was), packagesMissingIn(was, is)
	for _, p := range gone {
		d := packageDiff{Name: p.Name, Arch: p.Arch, Old: versionOf(p)}
		if i := slices.IndexFunc(come, func(o rpmdb.Package) bool { return o.Name == p.Name && o.Arch == p.Arch }); i >= 0 {
			d.New = versionOf(come[i])
			come = slices.Delete(come, i, i+1)
		}
		diffs = append(diffs, d)
	}
	for _, p := range come {
		diffs = append(diffs, packageDiff{Name: p.Name, Arch: p.Arch, New: versionOf(p)})
	}
	slices.SortStableFunc(diffs, func(a, b packageDiff) int {
		return slices.Compare([]string{a.Name, a.Arch}, []string{b.Name, b.Arch})
	})
	return diffs
}

func packagesMissingIn(others, some []rpmdb.Package) (missing []rpmdb.Package) {
	has := map[rpmdb.Package]bool{}
	for _, p := range others {
		has[p] = true
	}
	for _, p := range some {
		if !has[p] {
			missing = append(missing, p)
		}
	}
	return missing
}

func versionOf(p rpmdb.Package) string { return fmt.Sprintf("%s-%s", p.EpochVersion(), p.Release) }
