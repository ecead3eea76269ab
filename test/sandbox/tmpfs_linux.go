package sandbox

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

const (
	memory      = "/dev/shm"
	memoryBytes = 6 << 30 // several times what all tests were seen to use at once
)

// UseMemory sets TMPDIR to a folder of a tmpfs, where the machine has one with room and TMPDIR isn't set: the daemons of the
// tests make and delete some 100,000 files, which costs a disk more time than the tests themselves. It returns the folder, to
// be removed at the end; none where TMPDIR stays what it is.
func UseMemory() (dir string) {
	if os.Getenv("TMPDIR") != "" || !hasRoom(memory) {
		return ""
	}
	dir, err := os.MkdirTemp(memory, "lambdabase")
	if err != nil {
		return ""
	}
	if !runsPrograms(dir) || os.Chmod(dir, os.ModeSticky|0o777) != nil {
		os.RemoveAll(dir)
		return ""
	}
	os.Setenv("TMPDIR", dir)
	return dir
}

// hasRoom asks for the room on a tmpfs and in memory, which are not the same.
func hasRoom(dir string) bool {
	var fs unix.Statfs_t
	if unix.Statfs(dir, &fs) != nil || fs.Type != unix.TMPFS_MAGIC {
		return false
	}
	table, err := os.ReadFile("/proc/meminfo")
	return err == nil && min(fs.Bavail*uint64(fs.Bsize), availableMemory(string(table))) >= memoryBytes
}

// availableMemory reads what the kernel says can be had without swapping, in bytes.
func availableMemory(table string) (bytes uint64) {
	for line := range strings.Lines(table) {
		if n, _ := fmt.Sscanf(line, "MemAvailable: %d kB", &bytes); n == 1 {
			return bytes << 10
		}
	}
	return 0
}

// runsPrograms is false for what containers mount: noexec.
func runsPrograms(dir string) bool {
	file := filepath.Join(dir, "program")
	defer os.Remove(file)
	return os.WriteFile(file, []byte("#!/bin/sh\n"), 0o700) == nil && exec.Command(file).Run() == nil
}
