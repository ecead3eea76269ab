package sample

import (
	"archive/tar"
	"bytes"
	_ "embed"
	"io"
	"path"
	"strings"

	"github.com/pkg/errors"
	"github.com/ulikunitz/xz"
)

// rpmDatabases is a tarball of databases that rpm made: rpmdb/make says how.
//
//go:embed rpmdb/databases.tar.xz
var rpmDatabases []byte

// rpmDatabase is what rpm knows of the packages that a system has installed.
type rpmDatabase struct {
	name    string // of the file, which tells its form
	content []byte
}

// size is about what it takes in a layer, compressed.
func (d rpmDatabase) size() int64 {
	switch d.name {
	case "":
		return 0
	case "Packages":
		return 2800
	}
	return 5200
}

// readDatabases returns the databases by "<version of the system>/<architecture>".
func readDatabases() (map[string]rpmDatabase, error) {
	raw, err := xz.NewReader(bytes.NewReader(rpmDatabases))
	if err != nil {
		return nil, errors.Wrap(err, "rpm databases")
	}
	databases := map[string]rpmDatabase{}
	for r := tar.NewReader(raw); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return databases, nil
		}
		if err != nil {
			return nil, errors.Wrap(err, "rpm databases")
		}
		content, err := io.ReadAll(r)
		if err != nil {
			return nil, errors.Wrapf(err, "rpm database %s", h.Name)
		}
		databases[path.Dir(h.Name)] = rpmDatabase{path.Base(h.Name), content}
	}
}

// machine is the architecture of what an ADD adds, as rpm says it.
func (a add) machine() string {
	if strings.HasPrefix(a.TreePath, "arm64/") {
		return "aarch64"
	}
	return "x86_64"
}

// packages is the database of the packages that the system is made of. Their files are not there: the layer's are made up.
func (a *archive) packages(d rpmDatabase) {
	a.file("var/lib/rpm/"+d.name, 0o644, d.content)
}
