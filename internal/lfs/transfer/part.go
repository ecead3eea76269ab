package transfer

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

	"lambdabase/internal/flock"
	"lambdabase/internal/lfs"

	"github.com/pkg/errors"
	"golang.org/x/sys/unix"
)

const (
	copySize = 64 << 10
	sniffLen = 512 // how much of a wrong content is looked at
)

// part is what has arrived of an object. Its file is locked: it is one process' and one goroutine's at a time.
//
// The lock is on the part itself, as a file only for the lock would have to stay for ever. So whoever waited for it must
// look whether the file still is the part, or has become the object, or is gone.
type part struct {
	file *os.File
	path string
	hash hash.Hash
	size int64
}

// errDirUnusable says that an object can't be kept where it should: others have put something there that can't be removed, or
// hold the lock, or don't let this process in. Elsewhere it can be had.
var errDirUnusable = errors.New("the place of the object is taken by something else")

// unusable is such an error, unless it comes of the context.
func unusable(ctx context.Context, err error) error {
	if err == nil || ctx.Err() != nil {
		return err
	}
	return &unusableError{err}
}

type unusableError struct{ error }

func (e *unusableError) Is(target error) bool { return target == errDirUnusable }

func (e *unusableError) Unwrap() error { return e.error }

// acquirePart waits until the object is this process' to fetch; nil if it is there by then. A wrong one is removed, and
// whatever else has its name.
func acquirePart(ctx context.Context, dir string, ptr lfs.Pointer, timeout time.Duration) (*part, error) {
	p, err := lockPart(ctx, dir, ptr, timeout)
	return p, unusable(ctx, err)
}

func lockPart(ctx context.Context, dir string, p lfs.Pointer, timeout time.Duration) (*part, error) {
	final := filepath.Join(dir, p.OID)
	for {
		file, err := openLocked(ctx, final+".part", p.Size, timeout)
		if err != nil {
			return nil, err
		}
		if !isLinked(file) {
			file.Close()
			continue
		}
		locked := &part{file: file, path: final, hash: sha256.New()}
		found, err := hasObject(ctx, dir, p)
		if err == nil && !found {
			if err = locked.load(ctx); err == nil {
				return locked, nil
			}
		}
		locked.release(found)
		return nil, err
	}
}

func openLocked(ctx context.Context, name string, size int64, timeout time.Duration) (*os.File, error) {
	if info, err := os.Lstat(name); err == nil && !info.Mode().IsRegular() {
		if err := os.RemoveAll(name); err != nil { // it follows no link
			return nil, err
		}
	}
	// Others may write to the folder: a link must not lead out of it, nor a pipe block.
	file, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0o600)
	if err != nil {
		return nil, err
	}
	if err := lock(ctx, file, size, timeout); err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}

// maxLockWait is how many times its timeout a lock is waited for in all, though the part grows.
const maxLockWait = 6

// lock waits for the lock for as long as whoever holds it gets on with the object, within limits: it may be anybody.
func lock(ctx context.Context, file *os.File, size int64, timeout time.Duration) error {
	start := time.Now()
	grown, last := start, int64(0)
	for {
		if locked, err := flock.TryLock(file); locked || err != nil {
			return errors.Wrapf(err, "lock of %s", file.Name())
		}
		info, err := file.Stat()
		if err != nil {
			return err
		}
		if info.Size() != last {
			grown, last = time.Now(), info.Size()
		}
		if last > size || time.Since(grown) > timeout || time.Since(start) > maxLockWait*timeout {
			return errors.Errorf("somebody else holds the lock of %s", file.Name())
		}
		if err := flock.Wait(ctx); err != nil {
			return err
		}
	}
}

// isLinked reports whether an open file still has its name.
func isLinked(file *os.File) bool {
	opened, err := file.Stat()
	if err != nil {
		return false
	}
	named, err := os.Lstat(file.Name())
	return err == nil && os.SameFile(opened, named)
}

// load hashes what an earlier process left.
func (p *part) load(ctx context.Context) error {
	if err := os.RemoveAll(p.path); err != nil {
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

func (p *part) head() []byte {
	dt := make([]byte, min(sniffLen, p.size))
	n, _ := p.file.ReadAt(dt, 0)
	return dt[:n]
}

func (p *part) sum() string { return hex.EncodeToString(p.hash.Sum(nil)) }

// commit makes the part the object. Those who wait for the lock then see that.
func (p *part) commit() error {
	if err := p.file.Chmod(0o600); err != nil {
		return err
	}
	return replace(p.file.Name(), p.path)
}

// replace renames a file, also onto a directory that others have made in its place.
func replace(from, to string) error {
	err := os.Rename(from, to)
	if errors.Is(err, unix.EISDIR) || errors.Is(err, unix.ENOTEMPTY) || errors.Is(err, fs.ErrExist) {
		if err := os.RemoveAll(to); err != nil {
			return err
		}
		err = os.Rename(from, to)
	}
	return err
}

// release lets others go on with the part, unless there is nothing in it or it is to be removed.
func (p *part) release(remove bool) {
	defer p.file.Close()
	info, err := p.file.Stat()
	if err == nil && (remove || info.Size() == 0) && isLinked(p.file) {
		os.Remove(p.file.Name())
	}
}

// hasObject reports whether the object is there as it should be.
func hasObject(ctx context.Context, dir string, p lfs.Pointer) (bool, error) {
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
