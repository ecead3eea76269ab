package frontend

import (
	"os"
	"strings"
	"testing"
	"testing/synctest"

	"lambdabase/test/readme"

	"github.com/opencontainers/go-digest"
	"github.com/pkg/errors"
	"github.com/stretchr/testify/require"
)

func TestReadmeExplainsErrorsOfOptionsAndRepository(t *testing.T) {
	said := func(opts map[string]string) string { return buildError(t, newStub(opts)).Error() }
	readme.Explains(t, said(map[string]string{"runtime": "nodejs21.x"}), "no runtime nodejs21.x")
	readme.Explains(t, said(map[string]string{"repository": "https://u:p@h/x"}), "URL of host ... has user information in it")
	readme.Explains(t, said(map[string]string{"repository": "https://org@dev.azure.com/org/project/_git/r"}), "leave out org@")
	readme.Explains(t, said(map[string]string{"commit": strings.Repeat("0", 40)}), "commit ... is not in ...")
	readme.Explains(t, said(map[string]string{"cmdline": "reg/lambda-frontend runtim=x"}), "unknown key ... in the syntax line")
	readme.Explains(t, said(map[string]string{"repository": "https://h/x", "objects": ""}), "must be asked for by the LFS batch API, by a step")
	line := withDockerfile("# syntax=docker/dockerfile:1\nFROM scratch\n", nil)
	built(t, line)
	readme.Explains(t, line.warned[0], "names docker/dockerfile:1, which is not run")
	context := contextStub("https://h.example/o/r.git#main", map[string]string{"repository": "https://mirror.example/o/r.git"})
	readme.Explains(t, buildError(t, context).Error(), "invalid build context: it is of ..., and option repository says ...")

	page := newStub(nil) // git takes a page to sign in for a repository without branches
	page.branches = nil
	readme.Explains(t, buildError(t, page).Error(), "it asks to sign in")
	readme.Explains(t, buildError(t, page).Error(), "pass a token as the secret GIT_AUTH_TOKEN...")
	synctest.Test(t, func(t *testing.T) {
		_, err := Frontend{}.Build(t.Context(), silentGit{metadata: "#refs/heads/", there: 1000}.begin(nil))
		require.Error(t, err)
		readme.Explains(t, err.Error(), "not done in ...: the server is there, but too slow, or ...")
	})
}

func TestReadmeExplainsErrorsOfASnapshot(t *testing.T) {
	other := newStub(map[string]string{"commit": stubCommit})
	other.tree = stubRef{"Dockerfile.ruby3.3": {data: "FROM scratch\nADD a.tar.xz /\n"}, "a.tar.xz": stubPointer("a")}
	readme.Explains(t, buildError(t, other).Error(), "commit ... is of ruby3.3, not of nodejs20.x")

	x86 := newStub(map[string]string{"runtime": "go1.x", "platform": "linux/arm64"})
	x86.branches = map[string]string{"go1.x": stubCommit}
	x86.tree = stubRef{"Dockerfile.go1.x": {data: "FROM scratch\nADD a.tar.xz /\n"}, "a.tar.xz": stubPointer("a")}
	readme.Explains(t, buildError(t, x86).Error(), "runtime go1.x has no platform linux/arm64")

	pointer := func(path, old, new string) error {
		s := newStub(map[string]string{"platform": "linux/amd64,linux/arm64"})
		s.tree[path] = stubFile{data: strings.Replace(s.tree[path].data, old, new, 1)}
		return buildError(t, s)
	}
	readme.Explains(t, pointer("x86_64/b.tar.xz", "size 5", "size 0").Error(), "nothing of ... bytes")
	readme.Explains(t, pointer("x86_64/b.tar.xz", "size 5", "size 6").Error(), "has ... bytes by the pointer")
}

func TestReadmeExplainsErrorsOfLayers(t *testing.T) {
	changed := func(change func(*stub)) string {
		s := newStub(map[string]string{"layers": "merge"})
		change(s)
		return buildError(t, s).Error()
	}
	readme.Explains(t, changed(func(s *stub) { s.fails = map[string]string{stubOID("a"): mismatch} }), "it answers with status 404")
	readme.Explains(t, changed(func(s *stub) {
		s.fails, s.http = map[string]string{stubOID("a"): mismatch}, digest.Digest("sha256:"+stubOID("e"))
	}), "it sent something else")
	readme.Explains(t, changed(func(s *stub) { s.objects = map[string]string{stubOID("b"): "1234"} }), "its pointer says")
	readme.Explains(t, changed(func(s *stub) {
		s.tree["x86_64/b.tar.xz"] = stubFile{data: strings.Replace(stubPointer("b").data, "size 5", "size 42", 1)}
		s.layers[stubOID("b")] = stubRef{stubOID("b"): {data: "version https://git-lfs.github.com/spec/v1"}}
	}), "was not unpacked: it is a Git LFS pointer itself")
	readme.Explains(t, changed(func(s *stub) { s.layers[stubOID("b")]["etc"] = stubFile{mode: os.ModeDir | 0o700} }), "layers=merge would differ from the recipe")
}

func TestReadmeExplainsWhatIsNotLeftOut(t *testing.T) {
	readme.Explains(t, buildError(t, newStub(map[string]string{"exclude": "/var"})).Error(), "can't be left out")
	s := newStub(map[string]string{"exclude": "/none"})
	built(t, s)
	readme.Explains(t, s.warned[0], "exclude: no layer of a base image has ...")
}

func TestReadmeExplainsErrorsOfUnpacking(t *testing.T) {
	said := func(text string) string { return (&unpackError{cause: errors.New(text)}).Error() }
	readme.Explains(t, said(`exec: "xz": executable file not found in $PATH`), "the BuildKit daemon has no xz")
	readme.Explains(t, said("exit status 1: xz: (stdin): Unexpected end of input\n"), "the archive is damaged, or its unpacker was stopped")
	readme.Explains(t, said("write /opt/a: no space left on device"), "the disk that BuildKit keeps its cache on is full")
	readme.Explains(t, (&xzError{inProcess: true, reason: "xz: (stdin): Memory usage limit reached (exit status 1)"}).Error(), "xz fails")
	readme.Explains(t, (&xzError{}).Error(), "xz fails")
	reason, _ := diagnoseArchive([]byte("\xfd7zXZ\x00damaged and more of it"))
	readme.Explains(t, errors.Wrap(reason, "x was not unpacked").Error(), "was not unpacked: it is packed with xz, but there is no tar in it")
}
