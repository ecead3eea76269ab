//go:build !linux

package sandbox

import "syscall"

// Nothing of this is reached: [Require] wants Linux.

func dieWithParent() *syscall.SysProcAttr { return nil }

func unmountBelow(string) error { return nil }

// UseMemory leaves TMPDIR what it is.
func UseMemory() (dir string) { return "" }
