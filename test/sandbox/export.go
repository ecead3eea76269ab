package sandbox

import (
	"io"
	"maps"
	"os"
	"path/filepath"
	"testing"

	"github.com/moby/buildkit/client"
	"github.com/pkg/errors"

	"lambdabase/test/fstree"
)

// Tree builds an image for one platform and reads its root file system from the layers, which is what users get. No
// exporter gives all that is in the daemon's snapshot (measured with v0.33.1); three of them together do:
//
//	       times         xattrs                    owners
//	Tree   whole second  security.capability only  yes
//	Tar    nearest one   yes                       yes
//	Local  nanoseconds   no security.capability    no
//
// Types, modes, hard links, device numbers and contents are right in each.
func (d *Daemon) Tree(t testing.TB, req Request) (fstree.Tree, error) {
	t.Helper()
	images, err := d.OCI(t, req)
	if err != nil {
		return nil, err
	}
	if len(images) != 1 {
		return nil, errors.Errorf("%d images in place of one", len(images))
	}
	return images[0].Tree()
}

// Exports are what three exporters tell of one image.
type Exports struct {
	Tar, Local fstree.Tree
	Image      Image
}

// All builds an image once, and reads what the three exporters give of it.
func (d *Daemon) All(t testing.TB, req Request) (e Exports, err error) {
	t.Helper()
	tar, readTar := req.tar()
	local, readLocal := req.local(t)
	oci, readOCI := req.oci(t)
	_, err = d.Solve(t.Context(), t, req, tar, local, oci)
	if e.Tar, err = readTar(err); err != nil {
		return e, err
	}
	if e.Local, err = readLocal(err); err != nil {
		return e, err
	}
	images, err := readOCI(err)
	if err == nil && len(images) != 1 {
		err = errors.Errorf("%d images in place of one", len(images))
	}
	if err == nil {
		e.Image = images[0]
	}
	return e, err
}

// OCI builds images and exports them as an OCI archive.
func (d *Daemon) OCI(t testing.TB, req Request) ([]Image, error) {
	t.Helper()
	entry, read := req.oci(t)
	_, err := d.Solve(t.Context(), t, req, entry)
	return read(err)
}

// Tar builds a root file system and reads the tarball of the type=tar exporter. Several platforms come as a folder each.
func (d *Daemon) Tar(t testing.TB, req Request) (fstree.Tree, error) {
	t.Helper()
	entry, read := req.tar()
	_, err := d.Solve(t.Context(), t, req, entry)
	return read(err)
}

// Local builds a root file system and reads the folder of the type=local exporter.
func (d *Daemon) Local(t testing.TB, req Request) (fstree.Tree, error) {
	t.Helper()
	entry, read := req.local(t)
	_, err := d.Solve(t.Context(), t, req, entry)
	return read(err)
}

// oci is the exporter and what reads its archive, given the error of the build; so are tar and local.
func (req Request) oci(t testing.TB) (_ client.ExportEntry, read func(error) ([]Image, error)) {
	file := filepath.Join(t.TempDir(), "image.tar")
	entry := client.ExportEntry{
		Type:   client.ExporterOCI,
		Attrs:  maps.Clone(req.Export),
		Output: func(map[string]string) (io.WriteCloser, error) { return os.Create(file) },
	}
	return entry, func(err error) ([]Image, error) {
		if err != nil {
			return nil, err
		}
		return ReadOCI(file)
	}
}

// tar reads the archive while it comes: read ends that, and must be called.
func (req Request) tar() (_ client.ExportEntry, read func(error) (fstree.Tree, error)) {
	r, w := io.Pipe()
	var tree fstree.Tree
	done := make(chan error, 1)
	go func() {
		var err error
		tree, err = fstree.FromTar(r)
		_, _ = io.Copy(io.Discard, r) // what follows the archive, or an error in it: the daemon must get rid of it
		done <- err
	}()
	entry := client.ExportEntry{
		Type:   client.ExporterTar,
		Attrs:  maps.Clone(req.Export),
		Output: func(map[string]string) (io.WriteCloser, error) { return w, nil },
	}
	return entry, func(err error) (fstree.Tree, error) {
		w.CloseWithError(err)
		if readErr := <-done; err == nil {
			err = readErr
		}
		return tree, err
	}
}

func (req Request) local(t testing.TB) (_ client.ExportEntry, read func(error) (fstree.Tree, error)) {
	dir := t.TempDir()
	entry := client.ExportEntry{Type: client.ExporterLocal, Attrs: maps.Clone(req.Export), OutputDir: dir}
	return entry, func(err error) (fstree.Tree, error) {
		if err != nil {
			return nil, err
		}
		return fstree.FromDir(dir)
	}
}
