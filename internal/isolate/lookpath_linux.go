package isolate

import (
	"os/exec"
	"path/filepath"
)

// sbinDirs hold programs that users may run but don't have in their PATH: Debian keeps runc there.
var sbinDirs = []string{"/usr/local/sbin", "/usr/sbin", "/sbin"}

// LookPath returns the path of the first of some programs that is there, looked for also where only administrators do.
func LookPath(names ...string) (string, error) {
	var first error
	for _, name := range names {
		file, err := exec.LookPath(name)
		if err == nil {
			return filepath.Abs(file)
		}
		if first == nil {
			first = err
		}
		for _, dir := range sbinDirs {
			if file, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
				return file, nil
			}
		}
	}
	return "", first
}
