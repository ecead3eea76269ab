package test

import (
	"archive/tar"
	"bytes"
	"testing"
	"time"

	"lambdabase/internal/sample"

	"github.com/stretchr/testify/require"
)

// commitTime is when the entries of a tarball were made, unless they say otherwise.
var commitTime = time.Date(2023, 9, 1, 12, 0, 0, 0, time.UTC)

// entry is one entry of a tarball.
type entry struct {
	tar.Header
	content string
}

func file(name, content string) entry {
	return entry{tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644, Size: int64(len(content))}, content}
}

func dirEntry(name string, mode int64) entry {
	return entry{tar.Header{Typeflag: tar.TypeDir, Name: name + "/", Mode: mode}, ""}
}

func symlink(name, target string) entry {
	return entry{tar.Header{Typeflag: tar.TypeSymlink, Name: name, Linkname: target, Mode: 0o777}, ""}
}

func hardlink(name, target string) entry {
	return entry{tar.Header{Typeflag: tar.TypeLink, Name: name, Linkname: target, Mode: 0o644}, ""}
}

func device(name string, major, minor int64) entry {
	return entry{tar.Header{Typeflag: tar.TypeChar, Name: name, Mode: 0o600, Devmajor: major, Devminor: minor}, ""}
}

func fifo(name string) entry {
	return entry{tar.Header{Typeflag: tar.TypeFifo, Name: name, Mode: 0o600}, ""}
}

func (e entry) mode(mode int64) entry { e.Mode = mode; return e }

func (e entry) owner(uid, gid int) entry { e.Uid, e.Gid = uid, gid; return e }

func (e entry) xattr(name, value string) entry {
	e.PAXRecords = map[string]string{"SCHILY.xattr." + name: value}
	e.Format = tar.FormatPAX
	return e
}

// nanoseconds gives an entry a time that is no whole second.
func (e entry) nanoseconds(n int) entry {
	e.ModTime = time.Unix(0, int64(n))
	e.Format = tar.FormatPAX
	return e
}

// packTar is a tar of the entries.
func packTar(t testing.TB, entries ...entry) []byte {
	t.Helper()
	var buf bytes.Buffer
	tw := tar.NewWriter(&buf)
	for i, e := range entries {
		fraction := time.Duration(e.ModTime.Nanosecond())
		e.ModTime = commitTime.Add(time.Duration(i)*time.Second + fraction)
		require.NoError(t, tw.WriteHeader(&e.Header))
		_, err := tw.Write([]byte(e.content))
		require.NoError(t, err)
	}
	require.NoError(t, tw.Close())
	return buf.Bytes()
}

// newBranch is a runtime of these layers, in this order, at the root of the tree as in upstream's oldest ones.
func newBranch(name string, layers ...[]byte) sample.Branch {
	dockerfile := "FROM scratch\n"
	objects := map[string][]byte{}
	for i, l := range layers {
		tarball := string(rune('a'+i)) + ".tar.xz"
		dockerfile += "ADD " + tarball + " /\n"
		objects[tarball] = l
	}
	dockerfile += "ENV LANG=en_US.UTF-8\nWORKDIR /var/task\nENTRYPOINT [ \"/lambda-entrypoint.sh\" ]\n"
	return sample.Branch{
		Name: name, Date: commitTime, LFS: objects,
		Files: map[string][]byte{"Dockerfile." + name: []byte(dockerfile), ".gitattributes": []byte("*.tar.xz filter=lfs diff=lfs merge=lfs -text\n")},
	}
}
