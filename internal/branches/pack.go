package branches

import (
	"bytes"
	"encoding/binary"
	"io"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
	"github.com/go-git/go-git/v5/storage/memory"
	"github.com/pkg/errors"
)

const (
	// maxObject is more than a recipe or a pointer has. Larger files may be tarballs in plain git.
	maxObject = 1 << 20
	// maxObjects bounds what is kept of all branches; upstream's have some 200 KB in all.
	maxObjects = 64 << 20
	// perObject is what it takes to keep one.
	perObject = 512
)

// pack reads a pack as it comes, and keeps its small objects: go-git's own reader takes all of it into memory.
type pack struct {
	objects *memory.Storage
	at      map[int64]plumbing.Hash
	waiting []delta // for what they are made from
	size    int64
}

// delta is an object that is told by its difference to another one.
type delta struct {
	packfile.ObjectHeader
	content []byte
}

func readPack(r io.Reader, objects *memory.Storage) error {
	p := &pack{objects: objects, at: map[int64]plumbing.Hash{}}
	s := packfile.NewScanner(r)
	_, count, err := s.Header()
	if err != nil {
		return errors.Wrap(err, "git pack")
	}
	for range count {
		h, err := s.NextObjectHeader() // which passes by what wasn't read
		if err != nil {
			return errors.Wrap(err, "git pack")
		}
		if h.Length > maxObject {
			continue
		}
		var content bytes.Buffer
		if _, _, err := s.NextObject(&content); err != nil {
			return errors.Wrap(err, "git pack")
		}
		if err := p.add(delta{*h, content.Bytes()}); err != nil {
			return err
		}
	}
	return p.resolve()
}

func (p *pack) add(d delta) error {
	if p.size += int64(len(d.content)) + perObject; p.size > maxObjects {
		return errors.Errorf("the branches hold more than %d MB in small files: this is no repository of snapshots", maxObjects>>20)
	}
	if !d.Type.IsDelta() {
		return p.keep(d.Offset, d.Type, d.content)
	}
	p.waiting = append(p.waiting, d)
	return nil
}

func (p *pack) keep(offset int64, kind plumbing.ObjectType, content []byte) error {
	o := p.objects.NewEncodedObject()
	o.SetType(kind)
	w, err := o.Writer()
	if err != nil {
		return err
	}
	if _, err := w.Write(content); err != nil {
		return err
	}
	p.at[offset], err = p.objects.SetEncodedObject(o)
	return errors.Wrap(err, "git pack")
}

// resolve makes what is told by a difference. What is made from a large object is left out as that is.
func (p *pack) resolve() error {
	for {
		waiting := p.waiting
		p.waiting = nil
		for _, d := range waiting {
			made, err := p.make(d)
			if err != nil {
				return err
			}
			if !made {
				p.waiting = append(p.waiting, d)
			}
		}
		if len(p.waiting) == len(waiting) {
			return nil
		}
	}
}

func (p *pack) make(d delta) (bool, error) {
	hash, ok := p.at[d.OffsetReference]
	if d.Type == plumbing.REFDeltaObject {
		hash, ok = d.Reference, true
	}
	if !ok {
		return false, nil
	}
	base, err := p.objects.EncodedObject(plumbing.AnyObject, hash)
	if err != nil {
		return false, nil
	}
	size := madeSize(d.content)
	if size > maxObject {
		return true, nil
	}
	if p.size += int64(size); p.size > maxObjects {
		return false, errors.Errorf("the branches hold more than %d MB in small files: this is no repository of snapshots", maxObjects>>20)
	}
	r, err := base.Reader()
	if err != nil {
		return false, err
	}
	defer r.Close()
	from, err := io.ReadAll(r)
	if err != nil {
		return false, err
	}
	content, err := packfile.PatchDelta(from, d.content)
	if err != nil {
		return false, errors.Wrap(err, "git pack")
	}
	return true, p.keep(d.Offset, base.Type(), content)
}

// madeSize is that of the object which a difference makes: it begins with the size of what it is made from, and this.
func madeSize(d []byte) uint64 {
	_, n := binary.Uvarint(d)
	size, _ := binary.Uvarint(d[max(n, 0):])
	return size
}
