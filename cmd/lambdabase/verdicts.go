package main

import (
	"context"
	"debug/elf"
	"fmt"
	"os"
	"path/filepath"

	"lambdabase/frontend"

	"github.com/opencontainers/go-digest"
	"github.com/pkg/errors"
)

// verdictsDir is the part of the cache with what was found of layers.
const verdictsDir = "verdicts"

// verdicts are files without content, in a folder of this build of the program and of the daemon's version: others may unpack a
// layer, or look at it, in another way. Which cache of BuildKit's they are of is in their names.
type verdicts struct{ dir string }

// openVerdicts returns what is known of layers; nil where nothing is kept.
func (s *session) openVerdicts(ctx context.Context) frontend.Verdicts {
	all, err := s.cachePath(verdictsDir)
	if err != nil {
		return nil
	}
	id, err := buildID()
	if err != nil {
		return nil
	}
	daemon := "inside"
	if s.addr != "" {
		info, err := s.client.Info(ctx)
		if err != nil { // BuildKit before 0.11
			return nil
		}
		daemon = digest.FromString(fmt.Sprint(info.BuildkitVersion)).Encoded()
	}
	return verdicts{filepath.Join(all, id, daemon)}
}

// buildID returns what go build has made of all that this program is made of.
func buildID() (string, error) {
	program, err := os.Executable()
	if err != nil {
		return "", errors.Wrap(err, "program")
	}
	file, err := elf.Open(program)
	if err != nil {
		return "", errors.Wrap(err, "program")
	}
	defer file.Close()
	note := file.Section(".note.go.buildid")
	if note == nil {
		return "", errors.New("program without a build id")
	}
	id, err := note.Data()
	return digest.FromBytes(id).Encoded(), errors.Wrap(err, "build id")
}

// Has reports whether a verdict is kept.
func (v verdicts) Has(key string) bool {
	_, err := os.Stat(filepath.Join(v.dir, key))
	return err == nil
}

// Add keeps a verdict, and drops those of other builds of the program. Where that can't be, the next build looks once more.
func (v verdicts) Add(key string) {
	build := filepath.Dir(v.dir)
	if _, err := os.Stat(build); err != nil {
		_ = os.RemoveAll(filepath.Dir(build))
	}
	if os.MkdirAll(v.dir, 0o700) == nil {
		_ = os.WriteFile(filepath.Join(v.dir, key), nil, 0o600)
	}
}
