package frontend

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"lambdabase/llb/lambda2llb"
)

// unpackError is a layer that BuildKit couldn't unpack.
type unpackError struct {
	cause  error
	layer  lambda2llb.Layer
	inside bool // BuildKit runs in this process
}

func (e *unpackError) Error() string {
	cause := withDiskHint(e.cause).Error()
	switch {
	case lacksXZ(e.cause) && e.inside:
		return fmt.Sprintf("unpack %s: there is no xz: install xz-utils (apk: xz): %s", describe(e.layer), cause)
	case lacksXZ(e.cause):
		return fmt.Sprintf("unpack %s: the BuildKit daemon has no xz: install xz-utils (apk: xz) where buildkitd runs: %s", describe(e.layer), cause)
	case unpackerFailed.MatchString(cause):
		return fmt.Sprintf("unpack %s: the archive is damaged, or its unpacker was stopped: %s", describe(e.layer), strings.TrimSpace(cause))
	}
	return fmt.Sprintf("unpack %s: %s", describe(e.layer), cause)
}

func (e *unpackError) Unwrap() error { return e.cause }

// lacksXZ is what BuildKit after v0.32.0 says; before, it copies the archive and says nothing.
func lacksXZ(err error) bool { return says(err, `exec: "xz": executable file not found`) }

// unpackerFailed is how BuildKit tells that xz ended with an error, whose words come behind (cmdStream of go-archive v0.2.0,
// and of Docker before it). It says it of an archive that xz has begun to unpack; one that it can't begin with is copied.
var unpackerFailed = regexp.MustCompile(`(exit status \d+|signal: [a-z ]+): `)

// onTheWay are ends of errors about what stands, or doesn't, where something is unpacked to: only these can be otherwise
// where there are earlier layers. A hard link may lead into one, and so may a symlink of the archive's own that leads on.
var onTheWay = regexp.MustCompile(`(no such file or directory|not a directory|is a directory|file exists|directory not empty|` +
	`too many levels of symbolic links|\blink .*: operation not permitted)$`)

// mendable tells whether earlier layers can make the archive unpack.
func (e *unpackError) mendable() bool {
	text := strings.TrimSpace(e.cause.Error())
	return onTheWay.MatchString(text) && !strings.Contains(text, "fork/exec ")
}

// asUnpackError is the error of a layer that was fetched.
func (a *assembly) asUnpackError(ctx context.Context, err error, l *lambda2llb.Layer) error {
	if ctx.Err() != nil || isFetchError(err) {
		return err
	}
	return &unpackError{err, *l, a.xz != nil}
}

// withDiskHint says what to do about a full disk.
func withDiskHint(err error) error {
	if !fullDisk.MatchString(strings.TrimSpace(err.Error())) {
		return err
	}
	return &explained{cause: err, text: "the disk that BuildKit keeps its cache on is full: make room there, or prune the cache: " + err.Error()}
}

var fullDisk = regexp.MustCompile(`(no space left on device|disk quota exceeded)$`)
