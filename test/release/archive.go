package main

import (
	"archive/tar"
	"compress/gzip"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/pkg/errors"
)

// writeTar writes a folder's content, in the order of its names. Who made it and when, is not in it, nor the umask of whoever did.
func writeTar(w io.Writer, dir string, mtime time.Time) error {
	tw := tar.NewWriter(w)
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		return addEntry(tw, path, filepath.ToSlash(name), entry, mtime)
	})
	if err != nil {
		return err
	}
	return tw.Close()
}

func addEntry(tw *tar.Writer, path, name string, entry fs.DirEntry, mtime time.Time) error {
	info, err := entry.Info()
	if err != nil {
		return err
	}
	header := &tar.Header{Name: name, Mode: 0o644, ModTime: mtime, Format: tar.FormatPAX}
	switch {
	case info.IsDir():
		header.Typeflag, header.Name, header.Mode = tar.TypeDir, name+"/", 0o755
		return tw.WriteHeader(header)
	case !info.Mode().IsRegular():
		return errors.Errorf("%s is no file", name)
	case info.Mode()&0o100 != 0:
		header.Mode = 0o755
	}
	header.Typeflag, header.Size = tar.TypeReg, info.Size()
	if err := tw.WriteHeader(header); err != nil {
		return err
	}
	return copyInto(tw, path)
}

// writeTarGz has neither a time nor a name in gzip's own header.
func writeTarGz(w io.Writer, dir string, mtime time.Time) error {
	zw, err := gzip.NewWriterLevel(w, gzip.BestCompression)
	if err != nil {
		return err
	}
	if err := writeTar(zw, dir, mtime); err != nil {
		return err
	}
	return zw.Close()
}

// writeFile creates a file with what a function writes.
func writeFile(name string, write func(io.Writer) error) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := write(f); err != nil {
		return errors.Wrap(err, filepath.Base(name))
	}
	return f.Close()
}

func copyFile(from, to string, mode fs.FileMode) error {
	if err := writeFile(to, func(w io.Writer) error { return copyInto(w, from) }); err != nil {
		return err
	}
	return os.Chmod(to, mode)
}

func copyInto(w io.Writer, from string) error {
	f, err := os.Open(from)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(w, f)
	return err
}
