package lfs

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/pkg/errors"
	"golang.org/x/sys/unix"
)

const (
	copySize = 64 << 10
	beginLen = 512                   // how much of a wrong content is looked at
	lockPoll = 50 * time.Millisecond // a lock that is waited for can't be given up
)

// part is what has arrived of an object. Its file is locked: it is one process' and one goroutine's at a time.
//
// The lock is on the part itself, as a file only for the lock would have to stay for ever. So whoever waited for it must
// look whether the file still is the part, or has become the object, or is gone.
type part struct {
	file  *os.File
	final string
	hash  hash.Hash
	size  int64
}

// hold waits until the object is this process' to fetch; nil if it is there by then. A wrong one is removed.
func hold(ctx context.Context, dir string, p Pointer) (*part, error) {
	final := filepath.Join(dir, p.OID)
	for {
		file, err := openLocked(ctx, final+".part")
		if err != nil {
			return nil, err
		}
		if !stillThere(file) {
			file.Close()
			continue
		}
		held := &part{file: file, final: final, hash: sha256.New()}
		found, err := present(ctx, dir, p)
		if err == nil && !found {
			if err = held.load(ctx); err == nil {
				return held, nil
			}
		}
		held.release(found)
		return nil, err
	}
}

func openLocked(ctx context.Context, name string) (*os.File, error) {
	if info, err := os.Lstat(name); err == nil && !info.Mode().IsRegular() {
		if err := os.Remove(name); err != nil {
			return nil, err
		}
	}
	// Others may write to the folder: a link must not lead out of it, nor a pipe block.
	file, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0o600)
	if err != nil {
		return nil, err
	}
	if err := lock(ctx, file); err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}

func lock(ctx context.Context, file *os.File) error {
	for {
		err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		switch {
		case err == nil:
			return nil
		case errors.Is(err, unix.EINTR):
			continue
		case !errors.Is(err, unix.EWOULDBLOCK):
			return errors.Wrapf(err, "lock of %s", file.Name())
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(lockPoll):
		}
	}
}

// stillThere tells whether an open file still has its name.
func stillThere(file *os.File) bool {
	opened, err := file.Stat()
	if err != nil {
		return false
	}
	named, err := os.Lstat(file.Name())
	return err == nil && os.SameFile(opened, named)
}

// load hashes what an earlier process left.
func (p *part) load(ctx context.Context) error {
	if err := os.Remove(p.final); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	n, err := io.CopyBuffer(p.hash, &cancelable{ctx, p.file}, make([]byte, copySize))
	p.size = n
	return err
}

func (p *part) write(dt []byte) error {
	n, err := p.file.Write(dt)
	p.hash.Write(dt[:n])
	p.size += int64(n)
	return err
}

// reset throws away what has arrived.
func (p *part) reset() error {
	p.size = 0
	p.hash.Reset()
	if err := p.file.Truncate(0); err != nil {
		return err
	}
	_, err := p.file.Seek(0, io.SeekStart)
	return err
}

func (p *part) begin() []byte {
	dt := make([]byte, min(beginLen, p.size))
	n, _ := p.file.ReadAt(dt, 0)
	return dt[:n]
}

func (p *part) sum() string { return hex.EncodeToString(p.hash.Sum(nil)) }

// commit makes the part the object. Those who wait for the lock then see that.
func (p *part) commit() error {
	if err := p.file.Chmod(0o600); err != nil {
		return err
	}
	return os.Rename(p.file.Name(), p.final)
}

// release lets others go on with the part, unless there is nothing in it or it is to be removed.
func (p *part) release(remove bool) {
	defer p.file.Close()
	info, err := p.file.Stat()
	if err == nil && (remove || info.Size() == 0) && stillThere(p.file) {
		os.Remove(p.file.Name())
	}
}

// present tells whether the object is there as it should be.
func present(ctx context.Context, dir string, p Pointer) (bool, error) {
	name := filepath.Join(dir, p.OID)
	info, err := os.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) || err == nil && (!info.Mode().IsRegular() || info.Size() != p.Size) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	file, err := os.OpenFile(name, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer file.Close()
	h := sha256.New()
	if _, err := io.CopyBuffer(h, &cancelable{ctx, file}, make([]byte, copySize)); err != nil {
		return false, err
	}
	return hex.EncodeToString(h.Sum(nil)) == p.OID, nil
}

// cancelable is a reader that ends with its context.
type cancelable struct {
	ctx context.Context
	io.Reader
}

func (c *cancelable) Read(p []byte) (int, error) {
	if c.ctx.Err() != nil {
		return 0, context.Cause(c.ctx)
	}
	return c.Reader.Read(p)
}
