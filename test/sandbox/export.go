package sandbox

import (
	"io"
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
	image, err := onlyImage(images)
	if err != nil {
		return nil, err
	}
	return image.Tree()
}

func onlyImage(images []Image) (Image, error) {
	if len(images) != 1 {
		return Image{}, errors.Errorf("%d images in place of one", len(images))
	}
	return images[0], nil
}

// Exports are what three exporters tell of one image.
type Exports struct {
	Tar, Local fstree.Tree
	Image      Image
}

// All builds an image once, and reads what the three exporters give of it.
func (d *Daemon) All(t testing.TB, req Request) (e Exports, err error) {
	t.Helper()
	local := req.local(t)
	oci, file := req.oci(t)
	tar, readTar := req.tar()
	_, err = d.Solve(t.Context(), t, req, local, oci, tar)
	if e.Tar, err = readTar(err); err != nil {
		return e, err
	}
	if e.Local, err = fstree.FromDir(local.OutputDir); err != nil {
		return e, err
	}
	images, err := ReadOCI(file)
	if err != nil {
		return e, err
	}
	e.Image, err = onlyImage(images)
	return e, err
}

// OCI builds images and exports them as an OCI archive.
func (d *Daemon) OCI(t testing.TB, req Request) ([]Image, error) {
	t.Helper()
	entry, file := req.oci(t)
	if _, err := d.Solve(t.Context(), t, req, entry); err != nil {
		return nil, err
	}
	return ReadOCI(file)
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
	entry := req.local(t)
	if _, err := d.Solve(t.Context(), t, req, entry); err != nil {
		return nil, err
	}
	return fstree.FromDir(entry.OutputDir)
}

// oci writes an archive to a file.
func (req Request) oci(t testing.TB) (_ client.ExportEntry, file string) {
	file = filepath.Join(t.TempDir(), "image.tar")
	return client.ExportEntry{
		Type:   client.ExporterOCI,
		Attrs:  req.Export,
		Output: func(map[string]string) (io.WriteCloser, error) { return os.Create(file) },
	}, file
}

// tar is read while it comes: read must be called with the error of the build, which ends that.
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
		Attrs:  req.Export,
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

// local writes files to its OutputDir.
func (req Request) local(t testing.TB) client.ExportEntry {
	return client.ExportEntry{Type: client.ExporterLocal, Attrs: req.Export, OutputDir: t.TempDir()}
}
