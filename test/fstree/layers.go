package fstree

import (
	"archive/tar"
	"io"
	"path"
	"strings"

	"github.com/pkg/errors"
)

const (
	whiteout       = ".wh."
	whiteoutOpaque = ".wh..wh..opq"
)

// FromLayers reads the layers of an image, decompressed and the lowest first, as a container runtime applies them:
// `.wh.name` removes a name, `.wh..wh..opq` everything that earlier layers have in its directory.
func FromLayers(layers ...io.Reader) (Tree, error) {
	root := newRootfs()
	for i, layer := range layers {
		if err := root.apply(layer); err != nil {
			return nil, errors.Wrapf(err, "layer %d", i)
		}
	}
	return tree(root.nodes), nil
}

func (r *rootfs) apply(layer io.Reader) error {
	own := map[string]bool{} // paths of this layer: an opaque directory, which may come late, keeps them
	return r.unpack(layer, func(name string, hdr *tar.Header, content io.Reader) error {
		if strings.HasPrefix(path.Base(name), whiteout) {
			return r.whiteout(name, own)
		}
		for p := name; p != "/"; p = path.Dir(p) {
			own[p] = true
		}
		return r.put(name, hdr, content)
	})
}

func (r *rootfs) whiteout(name string, own map[string]bool) error {
	dir, base := path.Dir(name), path.Base(name)
	if err := r.mkdirAll(dir); err != nil {
		return err
	}
	if base == whiteoutOpaque {
		r.empty(dir, own)
		return nil
	}
	removed := strings.TrimPrefix(base, whiteout)
	if removed == "" || removed == "." || removed == ".." {
		return errors.New("whiteout of no name")
	}
	r.remove(path.Join(dir, removed))
	return nil
}
