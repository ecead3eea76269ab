package main

import (
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/containerd/console"
	"github.com/moby/buildkit/client"
	"github.com/pkg/errors"
	"github.com/tonistiigi/go-csvvalue"
)

// output is where a result goes.
type output struct {
	kind  string
	dest  string // file or folder; "-" is the standard output
	attrs map[string]string
}

var kinds = []string{client.ExporterOCI, client.ExporterDocker, client.ExporterImage, client.ExporterLocal, client.ExporterTar}

// parseOutput reads what follows -o: "type=oci,dest=file,..." or, for short, the name of a file for an OCI archive.
func parseOutput(s string) (output, error) {
	if !strings.Contains(s, "=") {
		return output{kind: client.ExporterOCI, dest: s, attrs: map[string]string{}}, nil
	}
	o := output{attrs: map[string]string{}}
	fields, err := csvvalue.Fields(s, nil)
	if err != nil {
		return o, errors.New("want type=...,key=value")
	}
	for _, field := range fields {
		key, value, ok := strings.Cut(field, "=")
		switch {
		case !ok:
			return o, errors.Errorf("%q is no key=value", field)
		case key == "type":
			o.kind = value
		case key == "dest":
			o.dest = value
		default:
			o.attrs[key] = value
		}
	}
	if !slices.Contains(kinds, o.kind) {
		return o, errors.Errorf("type %q, want one of %s", o.kind, strings.Join(kinds, ", "))
	}
	return o, nil
}

// isFolder tells whether the output is a folder and not a file.
func (o output) isFolder() bool {
	return o.kind == client.ExporterLocal || o.attrs["tar"] == "false"
}

// forRuntime puts a runtime's name in its place.
func (o output) forRuntime(name string) output {
	in := func(s string) string { return strings.ReplaceAll(s, runtimePlace, name) }
	own := output{kind: o.kind, dest: in(o.dest), attrs: map[string]string{}}
	for key, value := range o.attrs {
		own.attrs[key] = in(value)
	}
	return own
}

// fixCompression has all layers in one compression, gzip if none is given. BuildKit would keep the one that a layer was
// first exported with, by whatever build (v0.33.1, cache/blobs.go:115).
func fixCompression(attrs map[string]string) {
	for key, value := range map[string]string{"compression": "gzip", "force-compression": "true"} {
		if attrs[key] == "" {
			attrs[key] = value
		}
	}
}

// toStdout tells whether the output is one stream that goes to the standard output.
func (o output) toStdout() bool {
	return o.kind != client.ExporterImage && !o.isFolder() && (o.dest == "" || o.dest == "-")
}

// places are the files, folders and names that the output takes.
func (o output) places() []string {
	switch {
	case o.kind == client.ExporterImage && o.attrs["name"] == "":
		return nil
	case o.kind == client.ExporterImage:
		return strings.Split(o.attrs["name"], ",")
	case o.toStdout():
		return []string{"the standard output"}
	}
	return []string{filepath.Clean(o.dest)}
}

// check finds what could be known to fail only once everything is built.
func (o output) check() error {
	switch {
	case o.kind == client.ExporterImage && o.dest != "":
		return errors.New("an image has a name and no dest")
	case o.kind == client.ExporterImage:
		return nil
	case o.isFolder() && (o.dest == "" || o.dest == "-"):
		return errors.Errorf("type=%s needs dest=FOLDER", o.kind)
	case o.isFolder():
		return nil
	case o.toStdout():
		if _, err := console.ConsoleFromFile(os.Stdout); err == nil {
			return errors.Errorf("type=%s goes to the standard output, which is a terminal: give dest=FILE, or pipe it to something", o.kind)
		}
		return nil
	}
	if info, err := os.Stat(o.dest); err == nil && info.IsDir() {
		return errors.Errorf("%s is a folder: name a file in it, or give type=local,dest=%s for the files of the image", o.dest, o.dest)
	}
	_, err := os.Stat(filepath.Dir(o.dest))
	return errors.Wrap(err, "folder")
}

// export is the output as BuildKit takes it, and what isn't there until it is whole, if there is such a thing.
func (o output) export() (entry client.ExportEntry, made pending, err error) {
	entry = client.ExportEntry{Type: o.kind, Attrs: o.attrs}
	if o.kind != client.ExporterLocal && o.kind != client.ExporterTar {
		fixCompression(entry.Attrs)
	}
	switch {
	case o.kind == client.ExporterImage:
		return entry, nil, nil
	case o.isFolder():
		return o.exportDir(entry)
	case o.toStdout():
		// A pipe that nobody reads any more is an error of the build, and not the end of this process.
		signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
		entry.Output = func(map[string]string) (io.WriteCloser, error) { return os.Stdout, nil }
		return entry, nil, nil
	}
	if info, err := os.Stat(o.dest); err == nil && !info.Mode().IsRegular() { // /dev/null, a pipe with a name
		entry.Output = func(map[string]string) (io.WriteCloser, error) { return os.OpenFile(o.dest, os.O_WRONLY, 0) }
		return entry, nil, nil
	}
	file := newPendingFile(o.dest)
	entry.Output = file.create
	return entry, file, nil
}

func (o output) exportDir(entry client.ExportEntry) (client.ExportEntry, pending, error) {
	if _, err := os.Lstat(o.dest); !errors.Is(err, os.ErrNotExist) {
		entry.OutputDir = o.dest
		return entry, &existingDir{name: o.dest}, nil
	}
	dir, err := newPendingDir(o.dest)
	if err != nil {
		return entry, nil, err
	}
	entry.OutputDir = dir.dir
	return entry, dir, nil
}
