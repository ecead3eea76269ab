package embedded

import (
	"os/exec"
	"path/filepath"
)

// adminFolders hold programs that users may run but don't have in their PATH: Debian keeps runc there.
var adminFolders = []string{"/usr/local/sbin", "/usr/sbin", "/sbin"}

// lookPath finds the first of some programs.
func lookPath(names ...string) (string, error) {
	var first error
	for _, name := range names {
		file, err := exec.LookPath(name)
		if err == nil {
			return filepath.Abs(file)
		}
		if first == nil {
			first = err
		}
		for _, folder := range adminFolders {
			if file, err := exec.LookPath(filepath.Join(folder, name)); err == nil {
				return file, nil
			}
		}
	}
	return "", first
}
