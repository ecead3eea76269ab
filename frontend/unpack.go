package frontend

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"lambdabase/llb/lambda2llb"

	"github.com/containerd/platforms"
)

// unpackError is a layer that BuildKit couldn't unpack.
type unpackError struct {
	cause     error
	layer     lambda2llb.Layer
	inProcess bool   // BuildKit runs in this process
	refusedOn string // the platform, where the daemon refuses a directory whose parent has no header
}

func (e *unpackError) Error() string {
	cause := withDiskHint(e.cause).Error()
	switch {
	case isMissingXZ(e.cause) && e.inProcess:
		return fmt.Sprintf("unpack %s: there is no xz: install xz-utils (apk: xz): %s", layerLabel(e.layer), cause)
	case isMissingXZ(e.cause):
		return fmt.Sprintf("unpack %s: the BuildKit daemon has no xz: install xz-utils (apk: xz) where buildkitd runs: %s", layerLabel(e.layer), cause)
	case e.refusedOn != "":
		return fmt.Sprintf("unpack %s for %s: this BuildKit can't make a directory whose parent has no header in the archive, as v0.32.0 and Docker Engine 29.7.0 "+
			"can't: upgrade it, BuildKit to v0.32.1 or later: %s", layerLabel(e.layer), e.refusedOn, cause)
	case unpackerFailedRE.MatchString(cause):
		return fmt.Sprintf("unpack %s: the archive is damaged, or its unpacker was stopped: %s", layerLabel(e.layer), strings.TrimSpace(cause))
	}
	return fmt.Sprintf("unpack %s: %s", layerLabel(e.layer), cause)
}

func (e *unpackError) Unwrap() error { return e.cause }

// isMissingXZ is what BuildKit v0.33.0 and later say; before, it copies the archive and says nothing.
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
	return a.newUnpackError(ctx, err, l)
}

func (a *assembler) newUnpackError(ctx context.Context, err error, l lambda2llb.Layer) *unpackError {
	failed := &unpackError{cause: err, layer: l, inProcess: a.xz != nil}
	if a.refusesImpliedParents(ctx, err) {
		failed.refusedOn = platforms.Format(a.plan.Platform)
	}
	return failed
}
