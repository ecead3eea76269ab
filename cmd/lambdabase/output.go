package main

import (
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

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

// export is the output as BuildKit takes it, and the file that it is written to, if it is.
func (o output) export() (entry client.ExportEntry, file *pending, err error) {
	entry = client.ExportEntry{Type: o.kind, Attrs: o.attrs}
	switch {
	case o.kind == client.ExporterImage && o.dest != "":
		return entry, nil, errors.New("an image has a name and no dest")
	case o.kind == client.ExporterImage:
		return entry, nil, nil
	case o.isFolder() && (o.dest == "" || o.dest == "-"):
		return entry, nil, errors.Errorf("type=%s needs dest=FOLDER", o.kind)
	case o.isFolder():
		entry.OutputDir = o.dest
		return entry, nil, nil
	case o.dest == "" || o.dest == "-":
		if _, err := console.ConsoleFromFile(os.Stdout); err == nil {
			return entry, nil, errors.Errorf("type=%s goes to the standard output, which is a terminal: give dest=FILE, or pipe it to something", o.kind)
		}
		entry.Output = func(map[string]string) (io.WriteCloser, error) { return os.Stdout, nil }
		return entry, nil, nil
	}
	file = &pending{name: o.dest}
	entry.Output = file.create
	return entry, file, nil
}

// pending is a file that isn't there until it is whole.
type pending struct {
	name string
	file *os.File
}

func (p *pending) create(map[string]string) (_ io.WriteCloser, err error) {
	p.file, err = os.CreateTemp(filepath.Dir(p.name), "."+filepath.Base(p.name)+".*")
	return p.file, errors.Wrap(err, "output")
}

func (p *pending) keep() error {
	if p.file == nil {
		return errors.Errorf("nothing was written to %s", p.name)
	}
	if err := os.Chmod(p.file.Name(), 0o644); err != nil {
		return errors.Wrap(err, "output")
	}
	return errors.Wrap(os.Rename(p.file.Name(), p.name), "output")
}

// drop removes what was begun.
func (p *pending) drop() {
	if p.file != nil {
		p.file.Close()
		os.Remove(p.file.Name())
	}
}
