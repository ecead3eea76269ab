package lfs

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"strconv"
	"strings"

	"github.com/opencontainers/go-digest"
	"github.com/pkg/errors"
)

// MaxPointerSize is the size in bytes that a pointer stays below; a larger file is content
// (https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md).
const MaxPointerSize = 1024

// MaxObjectSize is the size in bytes that no object comes near to: Lambda takes images of 10 GB. A larger one is a mistake
// in a pointer, or an attempt to make somebody wait.
const MaxObjectSize = 10 << 30

const versionLine = "version https://git-lfs.github.com/spec/v1"

// ErrNotPointer says that a file is content of its own and stands for no object.
var ErrNotPointer = errors.New("not a Git LFS pointer")

var (
	oidLine  = regexp.MustCompile(`^oid sha256:([0-9a-f]{64})$`)
	sizeLine = regexp.MustCompile(`^size (0|[1-9][0-9]{0,18})$`)
)

// Pointer is what the file that stands in git for an object says of it.
type Pointer struct {
	OID  string `json:"oid"`  // sha256 of the object, 64 lower-case hexadecimal digits
	Size int64  `json:"size"` // of the object, in bytes
}

// Digest returns the oid in the form that BuildKit and OCI use.
func (p Pointer) Digest() digest.Digest {
	return digest.NewDigestFromEncoded(digest.SHA256, p.OID)
}

// IsPointer reports whether dt claims to be a pointer, whether or not a valid one.
func IsPointer(dt []byte) bool {
	return bytes.HasPrefix(dt, []byte("version https://git-lfs.github.com/spec/"))
}

// ParsePointer reads a pointer as strictly as the specification writes one: the three lines, in order, each
// ended by a line feed. What doesn't claim to be a pointer is ErrNotPointer; a claim that doesn't hold says what is wrong.
func ParsePointer(dt []byte) (Pointer, error) {
	if !IsPointer(dt) {
		return Pointer{}, errors.WithStack(ErrNotPointer)
	}
	if len(dt) >= MaxPointerSize {
		return Pointer{}, errors.Errorf("invalid Git LFS pointer: %d bytes, a pointer is below %d", len(dt), MaxPointerSize)
	}
	text, ended := strings.CutSuffix(string(dt), "\n")
	lines := strings.Split(text, "\n")
	if !ended || len(lines) != 3 {
		return Pointer{}, invalidLines(lines, ended)
	}
	if lines[0] != versionLine {
		return Pointer{}, errors.Errorf("invalid Git LFS pointer: line %q, want %q", lines[0], versionLine)
	}
	oid := oidLine.FindStringSubmatch(lines[1])
	if oid == nil {
		return Pointer{}, errors.Errorf("invalid Git LFS pointer: line %q, want \"oid sha256:\" and 64 hexadecimal digits", lines[1])
	}
	size := sizeLine.FindStringSubmatch(lines[2])
	if size == nil {
		return Pointer{}, errors.Errorf("invalid Git LFS pointer: line %q, want \"size\" and a number of bytes", lines[2])
	}
	n, err := strconv.ParseInt(size[1], 10, 64)
	if err != nil {
		return Pointer{}, errors.Wrap(err, "invalid Git LFS pointer: size")
	}
	if n > MaxObjectSize {
		return Pointer{}, errors.Errorf("invalid Git LFS pointer: size of %d bytes, at most %d are expected", n, int64(MaxObjectSize))
	}
	p := Pointer{OID: oid[1], Size: n}
	return p, errors.Wrap(p.Validate(), "invalid Git LFS pointer")
}

// Validate says why there can't be such an object.
func (p Pointer) Validate() error {
	nothing := sha256.Sum256(nil)
	if (p.Size == 0) != (p.OID == hex.EncodeToString(nothing[:])) {
		return errors.Errorf("nothing of %d bytes has this sha256", p.Size)
	}
	return nil
}

func invalidLines(lines []string, ended bool) error {
	for _, l := range lines {
		if strings.HasPrefix(l, "ext-") {
			return errors.Errorf("invalid Git LFS pointer: extension %q, the object is not the file's content", l)
		}
	}
	if !ended {
		return errors.New("invalid Git LFS pointer: no line feed at the end, it may be cut")
	}
	return errors.Errorf("invalid Git LFS pointer: %d lines, want version, oid and size", len(lines))
}
