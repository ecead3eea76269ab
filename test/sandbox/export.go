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
	if len(images) != 1 {
		return nil, errors.Errorf("%d images in place of one", len(images))
	}
	return images[0].Tree()
}

// OCI builds images and exports them as an OCI archive.
func (d *Daemon) OCI(t testing.TB, req Request) ([]Image, error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "image.tar")
	_, err := d.Solve(t.Context(), t, req, client.ExportEntry{
		Type:   client.ExporterOCI,
		Attrs:  req.Export,
		Output: func(map[string]string) (io.WriteCloser, error) { return os.Create(file) },
	})
	if err != nil {
		return nil, err
	}
	return ReadOCI(file)
}

// Tar builds a root file system and reads the tarball of the type=tar exporter. Several platforms come as a folder each.
func (d *Daemon) Tar(t testing.TB, req Request) (fstree.Tree, error) {
	t.Helper()
	r, w := io.Pipe()
	var tree fstree.Tree
	read := make(chan error, 1)
	go func() {
		var err error
		tree, err = fstree.FromTar(r)
		_, _ = io.Copy(io.Discard, r) // what follows the archive, or an error in it: the daemon must get rid of it
		read <- err
	}()
	_, err := d.Solve(t.Context(), t, req, client.ExportEntry{
		Type:   client.ExporterTar,
		Attrs:  req.Export,
		Output: func(map[string]string) (io.WriteCloser, error) { return w, nil },
	})
	w.CloseWithError(err)
	if readErr := <-read; err == nil {
		err = readErr
	}
	return tree, err
}

// Local builds a root file system and reads the folder of the type=local exporter.
func (d *Daemon) Local(t testing.TB, req Request) (fstree.Tree, error) {
	t.Helper()
	dir := t.TempDir()
	_, err := d.Solve(t.Context(), t, req, client.ExportEntry{Type: client.ExporterLocal, Attrs: req.Export, OutputDir: dir})
	if err != nil {
		return nil, err
	}
	return fstree.FromDir(dir)
}
