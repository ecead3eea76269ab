package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"

	"lambdabase/frontend"

	"github.com/moby/buildkit/util/staticfs"
	"github.com/pkg/errors"
	"github.com/tonistiigi/fsutil"
	fstypes "github.com/tonistiigi/fsutil/types"
)

// stdinName stands for the standard input.
const stdinName = "-"

// dockerfileTarget returns the build of a Dockerfile in a folder.
func (b *buildCommand) dockerfileTarget(args []string) (target, error) {
	dir := "."
	if len(args) == 1 {
		dir = args[0]
	}
	context, err := newFS(dir)
	if err != nil {
		return target{}, err
	}
	file, name, err := b.openDockerfile()
	if err != nil {
		return target{}, err
	}
	attrs, err := b.dockerfileAttrs()
	if err != nil {
		return target{}, err
	}
	attrs["filename"] = name
	return target{attrs: attrs, build: buildFunc, mounts: map[string]fsutil.FS{"context": context, "dockerfile": file}}, nil
}

// checkFile refuses a folder: all that is in it would be sent before BuildKit finds that it is no Dockerfile.
func (b *buildCommand) checkFile() error {
	if b.file == "" || b.file == stdinName {
		return nil
	}
	if info, err := os.Stat(b.file); err == nil && info.IsDir() {
		return errors.New("it is a folder: name the Dockerfile in it, and the build context behind it")
	}
	return nil
}

// openDockerfile returns the folder that the Dockerfile is in, and its name there. What comes from the standard input is in
// a folder that is nowhere else, as with docker.
func (b *buildCommand) openDockerfile() (fsutil.FS, string, error) {
	if b.file != stdinName {
		dir, err := newFS(filepath.Dir(b.file))
		return dir, filepath.Base(b.file), err
	}
	return b.stdinDockerfile, "Dockerfile", nil
}

// readStdin reads the Dockerfile if it comes from the standard input, and gives what the process in namespaces of its own
// has in the place of that: it can't read from a terminal.
func (b *buildCommand) readStdin(ctx context.Context) (io.Reader, error) {
	if b.file != stdinName {
		return os.Stdin, nil
	}
	dt, err := readInterruptibly(ctx, os.Stdin)
	if err != nil {
		return nil, errors.Wrap(err, "Dockerfile on the standard input")
	}
	b.stdinDockerfile = staticfs.NewFS()
	b.stdinDockerfile.Add("Dockerfile", &fstypes.Stat{Mode: 0o644}, dt)
	return bytes.NewReader(dt), nil
}

// readInterruptibly reads all, or until ctx ends.
func readInterruptibly(ctx context.Context, r io.Reader) (dt []byte, err error) {
	read := make(chan struct{})
	go func() {
		defer close(read)
		dt, err = io.ReadAll(r)
	}()
	select {
	case <-read:
		return dt, err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

func newFS(dir string) (fsutil.FS, error) {
	fs, err := fsutil.NewFS(dir)
	return fs, errors.Wrapf(err, "folder %s", dir)
}

// dockerfileAttrs are the options that go with a Dockerfile.
func (b *buildCommand) dockerfileAttrs() (map[string]string, error) {
	attrs, err := b.attrs()
	if err != nil {
		return nil, err
	}
	if b.target != "" {
		attrs["target"] = b.target
	}
	for _, arg := range b.args {
		name, value, given := strings.Cut(arg, "=")
		if !given {
			value, given = os.LookupEnv(name)
		}
		if given { // or else the Dockerfile's own value counts
			attrs["build-arg:"+name] = value
		}
	}
	return attrs, nil
}

// readSyntaxLine takes the line that names the frontend, for what the user's git knows of the repository that it may name. What
// is wrong there, or with the file, the frontend says better.
func (b *buildCommand) readSyntaxLine() error {
	if b.file == "" {
		return nil
	}
	dir, name, err := b.openDockerfile()
	if err != nil {
		return err
	}
	attrs, err := b.dockerfileAttrs()
	if err != nil {
		return err
	}
	attrs = frontend.WithSyntax(attrs, readFile(dir, name))
	if _, err := frontend.ParseOptions(attrs); err == nil {
		b.syntaxLine = attrs["cmdline"]
	}
	return nil
}

// readFile returns what a file has; nothing, if it can't be read.
func readFile(fs fsutil.FS, name string) []byte {
	file, err := fs.Open(name)
	if err != nil {
		return nil
	}
	defer file.Close()
	dt, err := io.ReadAll(file)
	if err != nil {
		return nil
	}
	return dt
}
