package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/pkg/errors"
)

const (
	command  = "lambdabase"
	frontend = "lambda-frontend"
)

// release is made in a folder beside the one that it is for, which a release that fails leaves as it was.
type release struct {
	*source
	platforms []string
	addr      string // of the BuildKit that makes the image
	log       io.Writer

	stage string // what is built on the way
	out   string // what a release has
}

func (r *release) writeTo(ctx context.Context, dir string) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	if r.stage, err = os.MkdirTemp("", "lambdabase-release"); err != nil {
		return errors.Wrap(err, "folder of the release")
	}
	defer os.RemoveAll(r.stage)
	r.out = dir + ".new"
	defer os.RemoveAll(r.out)
	if err := r.assemble(ctx); err != nil {
		return err
	}
	if err := os.RemoveAll(dir); err != nil {
		return errors.Wrap(err, "former release")
	}
	fmt.Fprintf(r.log, "== %s %s (%s) is in %s\n", command, r.version, r.commit, dir)
	return errors.Wrap(os.Rename(r.out, dir), "release")
}

func (r *release) assemble(ctx context.Context) error {
	if err := os.RemoveAll(r.out); err != nil {
		return errors.Wrap(err, "folder of the release")
	}
	if err := os.MkdirAll(r.out, 0o755); err != nil {
		return errors.Wrap(err, "folder of the release")
	}
	steps := []struct {
		what string
		do   func(context.Context) error
	}{
		{"programs for " + strings.Join(r.platforms, " and "), r.buildPrograms},
		{"completions and man pages", r.writeDocs},
		{"archives", r.packPlatforms},
		{"the frontend's image", r.buildImage},
		{"checksums", func(context.Context) error { return writeChecksums(r.out) }},
	}
	for _, step := range steps {
		fmt.Fprintln(r.log, "==", step.what)
		if err := step.do(ctx); err != nil {
			return errors.Wrap(err, step.what)
		}
	}
	return nil
}

// name is that of a file of the release: BuildKit's and buildx's have the same form.
func (r *release) name(of, platform, ending string) string {
	return filepath.Join(r.out, of+"-"+r.version+"."+strings.ReplaceAll(platform, "/", "-")+ending)
}

// packPlatforms makes of the command what users download.
func (r *release) packPlatforms(context.Context) error {
	for _, platform := range r.platforms {
		if err := r.packPlatform(platform); err != nil {
			return errors.Wrap(err, platform)
		}
	}
	return nil
}

func (r *release) packPlatform(platform string) error {
	program := r.program(command, platform)
	if err := copyFile(program, r.name(command, platform, ""), 0o755); err != nil {
		return err
	}
	bom, err := r.newSBOM(filepath.Base(r.name(command, platform, "")), []string{program})
	if err != nil {
		return err
	}
	if err := os.WriteFile(r.name(command, platform, ".sbom.json"), bom, 0o644); err != nil {
		return err
	}
	dir, err := r.archiveDir(platform)
	if err != nil {
		return err
	}
	return writeFile(r.name(command, platform, ".tar.gz"), func(w io.Writer) error { return writeTarGz(w, dir, r.time) })
}

// archiveDir is what an archive has, in a folder of its own, as Homebrew wants it.
func (r *release) archiveDir(platform string) (string, error) {
	parent := filepath.Join(r.stage, "archive", filepath.FromSlash(platform))
	dir := filepath.Join(parent, command+"-"+r.version)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	if err := copyFile(r.program(command, platform), filepath.Join(dir, command), 0o755); err != nil {
		return "", err
	}
	for _, name := range []string{"LICENSE", "README.md", changelogFile} {
		if err := copyFile(filepath.Join(r.dir, name), filepath.Join(dir, filepath.Base(name)), 0o644); err != nil {
			return "", err
		}
	}
	return parent, errors.Wrap(os.CopyFS(dir, os.DirFS(r.docsDir())), "completions and man pages")
}
