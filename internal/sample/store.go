package sample

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/plumbing/storer"
	"github.com/pkg/errors"
)

// store puts the branch's objects where they are served from and returns the files of its tree.
func (r *Repository) store(b Branch) (map[string][]byte, error) {
	files := maps.Clone(b.Files)
	if files == nil {
		files = map[string][]byte{}
	}
	for _, name := range slices.Sorted(maps.Keys(b.LFS)) {
		oid, err := r.storeObject(b.LFS[name])
		if err != nil {
			return nil, errors.Wrapf(err, "object of %s", name)
		}
		files[name] = pointer(oid, int64(len(b.LFS[name])))
	}
	return files, nil
}

// storeObject writes one object unless it is there. It gets its name when it is whole, for the
// repository may be served meanwhile.
func (r *Repository) storeObject(content []byte) (oid string, err error) {
	oid = fmt.Sprintf("%x", sha256.Sum256(content))
	name := filepath.Join(r.Dir, objectFile(oid))
	if _, err := os.Stat(name); err == nil {
		return oid, nil
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return "", err
	}
	part, err := os.CreateTemp(r.Dir, "part-")
	if err != nil {
		return "", err
	}
	defer os.Remove(part.Name())
	_, err = part.Write(content)
	if closed := part.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(part.Name(), name)
	}
	return oid, err
}

// writeCommit writes an orphan commit; nothing but the branch goes into it, so its id is the same
// on every machine.
func writeCommit(s storer.EncodedObjectStorer, b Branch, files map[string][]byte) (plumbing.Hash, error) {
	if b.Date.IsZero() {
		return plumbing.ZeroHash, errors.New("branch without a date")
	}
	tree, err := writeTree(s, files)
	if err != nil {
		return plumbing.ZeroHash, err
	}
	aws := object.Signature{Name: "AWS Lambda", Email: "aws-lambda@example.com", When: b.Date.UTC().Truncate(time.Second)}
	return encode(s, &object.Commit{Author: aws, Committer: aws, TreeHash: tree, Message: "Artifacts of " + b.Name + "\n"})
}

// writeTree writes a folder and, before it, those in it.
func writeTree(s storer.EncodedObjectStorer, files map[string][]byte) (plumbing.Hash, error) {
	tree, dirs := &object.Tree{}, map[string]map[string][]byte{}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		dir, rest, inside := strings.Cut(name, "/")
		if inside {
			if dirs[dir] == nil {
				dirs[dir] = map[string][]byte{}
			}
			dirs[dir][rest] = files[name]
			continue
		}
		id, err := writeBlob(s, files[name])
		if err != nil {
			return id, err
		}
		tree.Entries = append(tree.Entries, object.TreeEntry{Name: name, Mode: filemode.Regular, Hash: id})
	}
	for _, dir := range slices.Sorted(maps.Keys(dirs)) {
		id, err := writeTree(s, dirs[dir])
		if err != nil {
			return id, err
		}
		tree.Entries = append(tree.Entries, object.TreeEntry{Name: dir, Mode: filemode.Dir, Hash: id})
	}
	sort.Sort(object.TreeEntrySorter(tree.Entries))
	return encode(s, tree)
}

func writeBlob(s storer.EncodedObjectStorer, content []byte) (plumbing.Hash, error) {
	blob := s.NewEncodedObject()
	blob.SetType(plumbing.BlobObject)
	w, err := blob.Writer()
	if err != nil {
		return plumbing.ZeroHash, err
	}
	if _, err := w.Write(content); err != nil {
		return plumbing.ZeroHash, err
	}
	if err := w.Close(); err != nil {
		return plumbing.ZeroHash, err
	}
	return s.SetEncodedObject(blob)
}

func encode(s storer.EncodedObjectStorer, o interface {
	Encode(plumbing.EncodedObject) error
}) (plumbing.Hash, error) {
	encoded := s.NewEncodedObject()
	if err := o.Encode(encoded); err != nil {
		return plumbing.ZeroHash, err
	}
	return s.SetEncodedObject(encoded)
}
