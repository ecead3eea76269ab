package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/pkg/errors"
)

// checkLayers is built without an id, too, as the Dockerfile does it: what it is, results are cached under.
const checkLayers = "check-layers"

// program is where a program for a platform is.
func (r *release) program(name, platform string) string {
	return filepath.Join(r.imageDir(platform), "..", "programs", name)
}

// imageDir takes the place of the Dockerfile's stage "build".
func (r *release) imageDir(platform string) string {
	return filepath.Join(r.stage, strings.ReplaceAll(platform, "/", "_"), "image")
}

func (r *release) buildPrograms(ctx context.Context) error {
	release := "-s -w -X main.releaseVersion=" + r.version + " -X main.releaseCommit=" + r.commit
	for _, platform := range r.platforms {
		for name, flags := range map[string]string{command: release, frontend: "-s -w", checkLayers: "-s -w -buildid="} {
			if err := r.build(ctx, name, platform, flags); err != nil {
				return errors.Wrapf(err, "%s for %s", name, platform)
			}
		}
	}
	return nil
}

// build leaves to the environment only where Go finds modules. Git isn't asked: the tags that a checkout has, change what is noted.
func (r *release) build(ctx context.Context, name, platform, ldflags string) error {
	system, arch, ok := strings.Cut(platform, "/")
	if !ok {
		return errors.Errorf("%q is no platform", platform)
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-ldflags", ldflags, "-o", r.program(name, platform), "./cmd/"+name)
	cmd.Dir = r.dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+system, "GOARCH="+arch, "GOAMD64=v1", "GOARM64=v8.0", "GOFLAGS=-mod=readonly", "GOFIPS140=off")
	out, err := cmd.CombinedOutput()
	return errors.Wrap(err, string(out))
}

// docsDir has completions and man pages, as an archive has them.
func (r *release) docsDir() string { return filepath.Join(r.stage, "docs") }

// completions are files by the shell that reads them, each named as that shell wants it.
func completions() map[string]string {
	return map[string]string{"bash": "lambdabase.bash", "zsh": "_lambdabase", "fish": "lambdabase.fish"}
}

// writeDocs has the command itself write them, the one for this machine.
func (r *release) writeDocs(ctx context.Context) error {
	native := runtime.GOOS + "/" + runtime.GOARCH
	if !slices.Contains(r.platforms, native) {
		return errors.Errorf("the command writes them itself, so this machine's platform, %s, has to be among those of the release", native)
	}
	if err := os.MkdirAll(filepath.Join(r.docsDir(), "completions"), 0o755); err != nil {
		return err
	}
	for shell, file := range completions() {
		text, err := r.runCommand(ctx, native, "completion", shell)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(r.docsDir(), "completions", file), text, 0o644); err != nil {
			return err
		}
	}
	_, err := r.runCommand(ctx, native, "man", filepath.Join(r.docsDir(), "man", "man1"))
	return err
}

// runCommand runs the command without what a user may have set: BUILDKIT_HOST is the default of a flag.
func (r *release) runCommand(ctx context.Context, platform string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, r.program(command, platform), args...)
	cmd.Env = []string{"HOME=/nonexistent", "SOURCE_DATE_EPOCH=" + r.epoch()}
	out, err := cmd.Output()
	return out, errors.Wrap(err, command+" "+strings.Join(args, " "))
}
