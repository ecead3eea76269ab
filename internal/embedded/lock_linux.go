package embedded

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unicode"

	"lambdabase/internal/flock"
	"lambdabase/internal/isolate"

	"github.com/pkg/errors"
	"golang.org/x/sys/unix"
)

const (
	lockFile = "lock"

	unknownHolder  = "another process" // whose name is not known
	maxHolderTries = 40
)

// lock is held on a root. A process that ends in any way gives it back.
type lock struct {
	file *os.File
}

// acquireLock waits until no other process holds the root, or ctx ends. waiting may be nil.
func acquireLock(ctx context.Context, root string, onWait func(string)) (*lock, error) {
	file, err := os.OpenFile(filepath.Join(root, lockFile), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, errors.WithStack(err)
	}
	l := &lock{file: file}
	if err := l.wait(ctx, onWait); err != nil {
		file.Close()
		return nil, err
	}
	if err := l.shareWithChildren(); err != nil {
		file.Close()
		return nil, errors.Wrapf(err, "lock %s", file.Name())
	}
	l.writeHolder()
	return l, nil
}

// shareWithChildren lets the programs that this process runs hold the lock too: Linux gives the lock of a process that is
// killed back before it ends the others of its namespace, and git might still be writing when the next one looks at what is
// left. Where there is no such namespace, a program may live on for its own reasons, and keep nobody waiting.
func (l *lock) shareWithChildren() error {
	if os.Getpid() != 1 {
		return nil
	}
	_, err := unix.FcntlInt(l.file.Fd(), unix.F_SETFD, 0)
	return err
}

func (l *lock) wait(ctx context.Context, onWait func(string)) error {
	for tries := 0; ; tries++ {
		if locked, err := flock.TryLock(l.file); locked || err != nil {
			return errors.Wrapf(err, "lock %s", l.file.Name())
		}
		// A holder that has just come has not told yet who it is, or the file tells of the one before.
		if holder := l.holder(); onWait != nil && tries > 0 && (holder != unknownHolder || tries > maxHolderTries) {
			onWait(holder)
			onWait = nil
		}
		if err := flock.Wait(ctx); err != nil {
			return errors.Wrapf(err, "%s is held by %s", filepath.Dir(l.file.Name()), l.holder())
		}
	}
}

func (l *lock) holder() string {
	text, err := io.ReadAll(io.NewSectionReader(l.file, 0, 1000))
	if err != nil || len(text) == 0 {
		return unknownHolder
	}
	return strings.TrimSpace(string(text))
}

// writeHolder writes who holds the root, for those who wait. On a full disk they wait for nobody known.
func (l *lock) writeHolder() {
	text := fmt.Sprintf("process %d (%s), since %s\n", isolate.ParentPID(), commandLine(os.Args), time.Now().Format(time.TimeOnly))
	if err := l.file.Truncate(0); err != nil {
		return
	}
	if n, err := l.file.WriteAt([]byte(text), 0); err != nil && n > 0 {
		_ = l.file.Truncate(0)
	}
}

func (l *lock) release() error {
	_ = l.file.Truncate(0) // nobody holds it
	return errors.WithStack(l.file.Close())
}

// commandLine returns the program's name and the words up to the first flag: values of flags may be secret.
func commandLine(args []string) string {
	words := []string{filepath.Base(args[0])}
	for _, word := range args[1:] {
		if strings.HasPrefix(word, "-") {
			break
		}
		words = append(words, word)
	}
	line := strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, strings.Join(words, " "))
	return line[:min(len(line), 200)]
}
