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
	cause     error
	layer     lambda2llb.Layer
	inProcess bool // BuildKit runs in this process
}

func (e *unpackError) Error() string {
	cause := withDiskHint(e.cause).Error()
	switch {
	case isMissingXZ(e.cause) && e.inProcess:
		return fmt.Sprintf("unpack %s: there is no xz: install xz-utils (apk: xz): %s", layerLabel(e.layer), cause)
	case isMissingXZ(e.cause):
		return fmt.Sprintf("unpack %s: the BuildKit daemon has no xz: install xz-utils (apk: xz) where buildkitd runs: %s", layerLabel(e.layer), cause)
	case unpackerFailedRE.MatchString(cause):
		return fmt.Sprintf("unpack %s: the archive is damaged, or its unpacker was stopped: %s", layerLabel(e.layer), strings.TrimSpace(cause))
	}
	return fmt.Sprintf("unpack %s: %s", layerLabel(e.layer), cause)
}

func (e *unpackError) Unwrap() error { return e.cause }

// isMissingXZ is what BuildKit after v0.32.0 says; before, it copies the archive and says nothing.
func isMissingXZ(err error) bool { return errorContains(err, `exec: "xz": executable file not found`) }

// unpackerFailedRE is how BuildKit tells that xz ended with an error, whose words come behind (cmdStream of go-archive v0.2.0,
// and of Docker before it). It says it of an archive that xz has begun to unpack; one that it can't begin with is copied.
var unpackerFailedRE = regexp.MustCompile(`(exit status \d+|signal: [a-z ]+): `)

// destinationErrorRE are ends of errors about what stands, or doesn't, where something is unpacked to: only these can be otherwise
// where there are earlier layers. A hard link may lead into one, and so may a symlink of the archive's own that leads on.
var destinationErrorRE = regexp.MustCompile(`(no such file or directory|not a directory|is a directory|file exists|directory not empty|` +
	`too many levels of symbolic links|\blink .*: operation not permitted)$`)

// isChainable tells whether earlier layers can make the archive unpack.
func (e *unpackError) isChainable() bool {
	text := strings.TrimSpace(e.cause.Error())
	return destinationErrorRE.MatchString(text) && !strings.Contains(text, "fork/exec ")
}

// asUnpackError is the error of a layer that was fetched.
func (a *assembler) asUnpackError(ctx context.Context, err error, l lambda2llb.Layer) error {
	if ctx.Err() != nil || isFetchError(err) {
		return err
	}
	return &unpackError{err, l, a.xz != nil}
}
