package sample

import (
	"fmt"
	"path/filepath"
	"regexp"
)

// pointer is what the tree holds in the place of an object, to the byte as git-lfs writes it.
func pointer(oid string, size int64) []byte {
	return fmt.Appendf(nil, "version https://git-lfs.github.com/spec/v1\noid sha256:%s\nsize %d\n", oid, size)
}

var (
	pointerForm = regexp.MustCompile(`^version https://git-lfs\.github\.com/spec/v1\noid sha256:([0-9a-f]{64})\nsize [0-9]+\n$`)
	oidForm     = regexp.MustCompile(`^[0-9a-f]{64}$`)
)

// pointerOID reads back what pointer wrote; it is no parser for the pointers of others.
func pointerOID(content []byte) (oid string, ok bool) {
	match := pointerForm.FindSubmatch(content)
	if match == nil {
		return "", false
	}
	return string(match[1]), true
}

// IsOID reports whether a text has the form of an oid.
func IsOID(s string) bool {
	return oidForm.MatchString(s)
}

// lfsDir is the folder that objects are kept in.
const lfsDir = "lfs"

// objectFile is where a store on disk keeps an object, as git-lfs lays them out.
func objectFile(oid string) string {
	return filepath.Join(lfsDir, oid[:2], oid[2:4], oid)
}
