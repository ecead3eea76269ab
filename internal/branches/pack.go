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
	objects  *memory.Storage
	byOffset map[int64]plumbing.Hash
	pending  []delta // for what they are made from
	size     int64
}

// delta is an object that is told by its difference to another one.
type delta struct {
	packfile.ObjectHeader
	content []byte
}

func readPack(r io.Reader, objects *memory.Storage) error {
	p := &pack{objects: objects, byOffset: map[int64]plumbing.Hash{}}
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
	p.pending = append(p.pending, d)
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
	p.byOffset[offset], err = p.objects.SetEncodedObject(o)
	return errors.Wrap(err, "git pack")
}

// resolve makes what is told by a difference. What is made from a large object is left out as that is.
func (p *pack) resolve() error {
	for {
		pending := p.pending
		p.pending = nil
		for _, d := range pending {
			done, err := p.applyDelta(d)
			if err != nil {
				return err
			}
			if !done {
				p.pending = append(p.pending, d)
			}
		}
		if len(p.pending) == len(pending) {
			return nil
		}
	}
}

func (p *pack) applyDelta(d delta) (bool, error) {
	hash, ok := p.byOffset[d.OffsetReference]
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
	size := resultSize(d.content)
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
	source, err := io.ReadAll(r)
	if err != nil {
		return false, err
	}
	content, err := packfile.PatchDelta(source, d.content)
	if err != nil {
		return false, errors.Wrap(err, "git pack")
	}
	return true, p.store(d.Offset, base.Type(), content)
}

// resultSize is that of the object which a difference makes: it begins with the size of what it is made from, and this.
func resultSize(d []byte) uint64 {
	_, n := binary.Uvarint(d)
	size, _ := binary.Uvarint(d[max(n, 0):])
	return size
}
