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
	stored  []stored
	pending map[base][]delta // for what they are made from
	size    int64
}

// stored is an object that is kept.
type stored struct {
	offset int64
	hash   plumbing.Hash
}

// base is what a delta is made from: an object by its id, or by where it begins.
type base struct {
	hash   plumbing.Hash
	offset int64
}

// delta is an object that is told by its difference to another one.
type delta struct {
	packfile.ObjectHeader
	content []byte
}

func (d delta) base() base {
	if d.Type == plumbing.REFDeltaObject {
		return base{hash: d.Reference}
	}
	return base{offset: d.OffsetReference}
}

func readPack(r io.Reader, objects *memory.Storage) error {
	p := &pack{objects: objects, pending: map[base][]delta{}}
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
		return p.store(d.Offset, d.Type, d.content)
	}
	p.pending[d.base()] = append(p.pending[d.base()], d)
	return nil
}

func (p *pack) store(offset int64, kind plumbing.ObjectType, content []byte) error {
	o := p.objects.NewEncodedObject()
	o.SetType(kind)
	w, err := o.Writer()
	if err != nil {
		return err
	}
	if _, err := w.Write(content); err != nil {
		return err
	}
	hash, err := p.objects.SetEncodedObject(o)
	p.stored = append(p.stored, stored{offset, hash})
	return errors.Wrap(err, "git pack")
}

// resolve makes what is told by a difference, from each object once: a pack may have them in any order. What is made from a
// large object is left out as that is.
func (p *pack) resolve() error {
	for len(p.stored) > 0 {
		last := p.stored[len(p.stored)-1]
		p.stored = p.stored[:len(p.stored)-1]
		for _, b := range []base{{offset: last.offset}, {hash: last.hash}} {
			pending := p.pending[b]
			delete(p.pending, b)
			if err := p.applyDeltas(last.hash, pending); err != nil {
				return err
			}
		}
	}
	return nil
}

// applyDeltas makes what is told by its difference to one object.
func (p *pack) applyDeltas(hash plumbing.Hash, deltas []delta) error {
	if len(deltas) == 0 {
		return nil
	}
	from, err := p.objects.EncodedObject(plumbing.AnyObject, hash)
	if err != nil {
		return errors.Wrap(err, "git pack")
	}
	r, err := from.Reader()
	if err != nil {
		return err
	}
	defer r.Close()
	source, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	for _, d := range deltas {
		if err := p.applyDelta(from.Type(), source, d); err != nil {
			return err
		}
	}
	return nil
}

func (p *pack) applyDelta(kind plumbing.ObjectType, source []byte, d delta) error {
	size := resultSize(d.content)
	if size > maxObject {
		return nil
	}
	if p.size += int64(size); p.size > maxObjects {
		return errors.Errorf("the branches hold more than %d MB in small files: this is no repository of snapshots", maxObjects>>20)
	}
	content, err := packfile.PatchDelta(source, d.content)
	if err != nil {
		return errors.Wrap(err, "git pack")
	}
	return p.store(d.Offset, kind, content)
}

// resultSize is that of the object which a difference makes: it begins with the size of what it is made from, and this.
func resultSize(d []byte) uint64 {
	_, n := binary.Uvarint(d)
	size, _ := binary.Uvarint(d[max(n, 0):])
	return size
}
