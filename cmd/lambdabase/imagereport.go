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
	"lambdabase/internal/rootfs"
	"lambdabase/internal/rpmdb"

	"github.com/containerd/platforms"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/pkg/errors"
	fstypes "github.com/tonistiigi/fsutil/types"
)

// question is what is asked of a base image: with neither, what its layers have.
type question struct {
	path     string
	packages bool
}

// imageReport is what is said of a base image.
type imageReport struct {
	Runtime  string          `json:"runtime"`
	Commit   string          `json:"commit"`
	Created  time.Time       `json:"created"`
	Platform string          `json:"platform"`
	Release  string          `json:"release,omitempty"` // of the system in it, as its os-release says
	Layers   []layerReport   `json:"layers"`
	Path     string          `json:"path,omitempty"`    // that was asked for
	Entries  []pathReport    `json:"entries,omitempty"` // it, and what is in it
	Packages []rpmdb.Package `json:"packages,omitzero"` // if they were asked for
}

// layerReport is a tarball of the recipe.
type layerReport struct {
	File   string `json:"file"`
	OID    string `json:"oid"`
	Packed int64  `json:"packed"` // in bytes
	*LayerTotals
}

// LayerTotals take a look at all that a layer has, and so are there only if neither a path nor packages were asked for. JSON reads no embedded pointer to a type that isn't exported.
type LayerTotals struct {
	Size  int64 `json:"size"`  // of its files, in bytes
	Files int   `json:"files"` // all that is no directory
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

// newImageReport looks into an image as far as the question takes.
func newImageReport(ctx context.Context, image *frontend.UnpackedImage, asked question) (*imageReport, error) {
	plan, root := image.Plan, rootfs.NewLayers(image.Layers)
	report := &imageReport{Runtime: plan.Runtime, Commit: plan.Commit, Created: plan.Created, Platform: platforms.Format(plan.Platform)}
	for _, l := range plan.Layers {
		report.Layers = append(report.Layers, layerReport{File: l.Path, OID: l.OID, Packed: l.Size})
	}
	var err error
	if report.Release, err = osRelease(ctx, root); err != nil {
		return nil, err
	}
	switch {
	case asked.packages:
		err = report.addPackages(ctx, root)
	case asked.path != "":
		err = report.addPath(ctx, root, path.Join("/", asked.path))
	default:
		err = report.addTotals(ctx, image.Layers)
	}
	return report, err
}

func (i *imageReport) addTotals(ctx context.Context, layers []rootfs.Reader) error {
	for n, l := range layers {
		totals := &LayerTotals{}
		err := rootfs.Walk(ctx, l, func(_ string, st *fstypes.Stat) {
			if !rootfs.IsDir(st) {
				totals.Files++
				totals.Size += st.Size
			}
		})
		if err != nil {
			return errors.Wrapf(err, "layer %d", n+1)
		}
		i.Layers[n].LayerTotals = totals
	}
	return nil
}

func (i *imageReport) addPackages(ctx context.Context, root rootfs.Reader) (err error) {
	i.Packages, err = rpmdb.Read(ctx, root)
	if errors.Is(err, rpmdb.ErrNone) {
		return errors.Errorf("%s has %v", i.Runtime, rpmdb.ErrNone)
	}
	return errors.Wrap(err, i.Runtime)
}

// addPath adds what is at a path and right below it.
func (i *imageReport) addPath(ctx context.Context, root *rootfs.Layers, name string) error {
	at, err := root.Lookup(ctx, name)
	if err != nil {
		return err
	}
	if at == nil {
		return i.noPathError(ctx, root, name)
	}
	i.Path = name
	if name != "/" {
		i.addEntry(name, at)
	}
	below, err := root.List(ctx, name)
	for _, base := range slices.Sorted(maps.Keys(below)) {
		i.addEntry(path.Join(name, base), below[base])
	}
	return err
}

func (i *imageReport) addEntry(name string, e *rootfs.Entry) {
	st := e.Stat()
	report := pathReport{Path: name, Mode: os.FileMode(st.Mode).String(), UID: st.Uid, GID: st.Gid, Size: st.Size, Target: st.Linkname}
	for _, n := range e.Layers {
		report.Layers = append(report.Layers, n+1)
	}
	i.Entries = append(i.Entries, report)
}

// noPathError says that there is no such path, and which link on the way to it may lead there.
func (i *imageReport) noPathError(ctx context.Context, root rootfs.Reader, name string) error {
	_, link, err := rootfs.LookupLink(ctx, root, name)
	if err != nil {
		return err
	}
	if link == "" {
		return errors.Errorf("%s has no %s", i.Runtime, name)
	}
	at, err := rootfs.Lookup(ctx, root, link)
	if err != nil {
		return err
	}
	return errors.Errorf("%s has no %s: %s is a link to %s", i.Runtime, name, link, at.Linkname)
}

// maxReleaseSize is more bytes than any os-release has.
const maxReleaseSize = 256 << 10

var prettyNameRE = regexp.MustCompile(`(?m)^PRETTY_NAME="?([^"\n]*)"?$`)

// osRelease returns the system's name. /etc/os-release is a link to the other, where it isn't a file.
func osRelease(ctx context.Context, root rootfs.Reader) (string, error) {
	for _, name := range []string{"/etc/os-release", "/usr/lib/os-release"} {
		st, err := rootfs.Lookup(ctx, root, name)
		if err != nil {
			return "", errors.Wrap(err, "os-release")
		}
		if st == nil || !rootfs.IsRegular(st) || st.Size > maxReleaseSize {
			continue
		}
		dt, err := root.ReadFile(ctx, gateway.ReadRequest{Filename: name})
		if err != nil {
			return "", errors.Wrap(err, "os-release")
		}
		if found := prettyNameRE.FindSubmatch(dt); found != nil {
			return strings.TrimSpace(string(found[1])), nil
		}
	}
	return "", nil
}
