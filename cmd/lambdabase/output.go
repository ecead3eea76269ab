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
	exporterType string
	dest         string // file or folder; "-" is the standard output
	attrs        map[string]string
}

var exporterTypes = []string{client.ExporterOCI, client.ExporterDocker, client.ExporterImage, client.ExporterLocal, client.ExporterTar}

// parseOutput reads what follows -o: "type=oci,dest=file,..." or, for short, the name of a file for an OCI archive.
func parseOutput(s string) (output, error) {
	if s == "" {
		return output{}, errors.New("want a file, or type=...,key=value")
	}
	if !strings.Contains(s, "=") {
		return output{exporterType: client.ExporterOCI, dest: s, attrs: map[string]string{}}, nil
	}
	o := output{attrs: map[string]string{}}
	fields, err := csvvalue.Fields(s, nil)
	if err != nil {
		return o, errors.New("want type=...,key=value")
	}
	for _, field := range fields {
		key, value, ok := strings.Cut(field, "=")
		switch {
		case !ok || key == "":
			return o, errors.Errorf("%q is no key=value", field)
		case key == "dest" && value == "":
			return o, errors.New("dest has no value")
		case key == "type":
			o.exporterType = value
		case key == "dest":
			o.dest = value
		default:
			o.attrs[key] = value
		}
	}
	if !slices.Contains(exporterTypes, o.exporterType) {
		return o, errors.Errorf("type %q, want one of %s", o.exporterType, strings.Join(exporterTypes, ", "))
	}
	return o, nil
}

// isDir reports whether the output is a folder and not a file.
func (o output) isDir() bool {
	return o.exporterType == client.ExporterLocal || o.attrs["tar"] == "false"
}

// expandRuntime puts a runtime's name in its place.
func (o output) expandRuntime(name string) output {
	expand := func(s string) string { return strings.ReplaceAll(s, runtimePlaceholder, name) }
	expanded := output{exporterType: o.exporterType, dest: expand(o.dest), attrs: map[string]string{}}
	for key, value := range o.attrs {
		expanded.attrs[key] = expand(value)
	}
	return expanded
}

// forceCompression has all layers in one compression, gzip if none is given. BuildKit would keep the one that a layer was
// first exported with, by whatever build (v0.33.1, cache/blobs.go:115).
func forceCompression(attrs map[string]string) {
	for key, value := range map[string]string{"compression": "gzip", "force-compression": "true"} {
		if attrs[key] == "" {
			attrs[key] = value
		}
	}
}

// isStdout reports whether the output is one stream that goes to the standard output.
func (o output) isStdout() bool {
	return o.exporterType != client.ExporterImage && !o.isDir() && (o.dest == "" || o.dest == "-")
}

// destinations returns the files, folders and names that the output takes.
func (o output) destinations() []string {
	switch {
	case o.exporterType == client.ExporterImage && o.attrs["name"] == "":
		return nil
	case o.exporterType == client.ExporterImage:
		return strings.Split(o.attrs["name"], ",")
	case o.isStdout():
		return []string{"the standard output"}
	}
	return []string{filepath.Clean(o.dest)}
}

// check finds what could be known to fail only once everything is built.
func (o output) check() error {
	switch {
	case o.exporterType == client.ExporterImage && o.dest != "":
		return errors.New("an image has a name and no dest")
	case o.exporterType == client.ExporterImage:
		return nil
	case o.isDir() && (o.dest == "" || o.dest == "-"):
		return errors.Errorf("type=%s needs dest=FOLDER", o.exporterType)
	case o.isDir():
		return nil
	case o.isStdout():
		if _, err := console.ConsoleFromFile(os.Stdout); err == nil {
			return errors.Errorf("type=%s goes to the standard output, which is a terminal: give dest=FILE, or pipe it to something", o.exporterType)
		}
		return nil
	}
	if info, err := os.Stat(o.dest); err == nil && info.IsDir() {
		return errors.Errorf("%s is a folder: name a file in it, or give type=local,dest=%s for the files of the image", o.dest, o.dest)
	}
	_, err := os.Stat(filepath.Dir(o.dest))
	return errors.Wrap(err, "folder")
}

// exportEntry returns the output as BuildKit takes it, and what isn't there until it is whole, if there is such a thing.
func (o output) exportEntry() (entry client.ExportEntry, pending atomicOutput, err error) {
	entry = client.ExportEntry{Type: o.exporterType, Attrs: o.attrs}
	if o.exporterType != client.ExporterLocal && o.exporterType != client.ExporterTar {
		forceCompression(entry.Attrs)
	}
	switch {
	case o.exporterType == client.ExporterImage:
		return entry, nil, nil
	case o.isDir():
		return o.dirExportEntry(entry)
	case o.isStdout():
		// A pipe that nobody reads any more is an error of the build, and not the end of this process.
		signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
		entry.Output = func(map[string]string) (io.WriteCloser, error) { return os.Stdout, nil }
		return entry, nil, nil
	}
	if info, err := os.Stat(o.dest); err == nil && !info.Mode().IsRegular() { // /dev/null, a pipe with a name
		entry.Output = func(map[string]string) (io.WriteCloser, error) { return os.OpenFile(o.dest, os.O_WRONLY, 0) }
		return entry, nil, nil
	}
	file := newAtomicFile(o.dest)
	entry.Output = file.create
	return entry, file, nil
}

func (o output) dirExportEntry(entry client.ExportEntry) (client.ExportEntry, atomicOutput, error) {
	if _, err := os.Lstat(o.dest); !errors.Is(err, os.ErrNotExist) {
		entry.OutputDir = o.dest
		return entry, &existingDir{name: o.dest}, nil
	}
	dir, err := newAtomicDir(o.dest)
	if err != nil {
		return entry, nil, err
	}
	entry.OutputDir = dir.tempDir
	return entry, dir, nil
}
