package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/pkg/errors"
)

const checksumsFile = "checksums.txt"

// writeChecksums lists a folder's files as sha256sum does, which checks them with -c.
func writeChecksums(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	var text strings.Builder
	for _, entry := range entries {
		if entry.Name() == checksumsFile {
			continue
		}
		sum, err := sha256Of(filepath.Join(dir, entry.Name()))
		if err != nil {
			return errors.Wrap(err, entry.Name())
		}
		fmt.Fprintf(&text, "%s  %s\n", sum, entry.Name())
	}
	return os.WriteFile(filepath.Join(dir, checksumsFile), []byte(text.String()), 0o644)
}

func sha256Of(file string) (string, error) {
	h := sha256.New()
	err := copyInto(h, file)
	return hex.EncodeToString(h.Sum(nil)), err
}
