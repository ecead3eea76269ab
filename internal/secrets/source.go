package secrets

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Source looks up a secret by id; ok is false where there is none.
type Source func(id string) (value string, ok bool)

// Dir returns a source of secrets that an exec step has mounted into dir, each as the file that FileName names.
func Dir(dir string) Source {
	return func(id string) (string, bool) {
		dt, err := os.ReadFile(filepath.Join(dir, FileName(id)))
		return string(dt), err == nil
	}
}

// maxFileName bounds a file's name well below the 255 bytes that file systems take.
const maxFileName = 200

// FileName returns the name of a secret's file in a directory. An id holds what a user gave as a host: it is no path, and
// two ids never have one file.
func FileName(id string) string {
	var name strings.Builder
	for i := range len(id) {
		c := id[i]
		if isPlain(c) && (c != '.' || i > 0) {
			name.WriteByte(c)
		} else {
			fmt.Fprintf(&name, "%%%02X", c)
		}
	}
	if name.Len() <= maxFileName {
		return name.String()
	}
	return fmt.Sprintf("%s-%x", name.String()[:maxFileName-50], sha256.Sum256([]byte(id)))
}

func isPlain(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '.' || c == '_' || c == '-'
}
