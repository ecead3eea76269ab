package branches

import (
	"bytes"
	"io"
	"testing"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/storage/memory"
	"github.com/stretchr/testify/require"
)

// advertised reads what a server says of its refs as a session does.
func advertised(dt []byte) (*packp.AdvRefs, error) {
	f := &refs{}
	ar := packp.NewAdvRefs()
	err := ar.Decode(f.reader(io.NopCloser(bytes.NewReader(dt))))
	return ar, f.explain(err)
}

func FuzzAdvertisement(f *testing.F) {
	const id = "b8b153b94ac0e09eb5f2ea6d5e5d5c7a9a6d1a31"
	f.Add([]byte("001e# service=git-upload-pack\n0000" + "0065" + id + " HEAD\x00multi_ack side-band-64k filter shallow symref=HEAD:refs/heads/main\n003d" + id + " refs/heads/main\n0000"))
	f.Add([]byte("003d" + id + " refs/heads/main\n0035shallow " + id + "\n0000"))
	f.Add([]byte("0063" + id + " capabilities^{}\x00object-format=sha256 symref=a:b:c symref=\n0000"))
	f.Fuzz(func(t *testing.T, dt []byte) {
		ar, err := advertised(dt)
		if err != nil {
			return
		}
		heads, err := headsOf(ar)
		if err != nil || len(heads) == 0 {
			return
		}
		req := newUploadRequest(ar, heads)
		require.NotEmpty(t, req.Wants)
		_ = req.UploadRequest.Encode(io.Discard)
		_ = demux(req, bytes.NewReader(dt))
	})
}

func FuzzBranch(f *testing.F) {
	f.Add([]byte("author a <a@example.com> 1 +0000\ncommitter a <a@example.com> 253402300800 +0000\n\nx\n"), "x86_64", []byte("FROM scratch\nADD a.tar.xz /\n"), []byte{})
	f.Add([]byte("committer \n"), "Dockerfile.b", []byte("version https://git-lfs.github.com/spec/v1\n"), []byte("120000 x86_64\x0012345678901234567890"))
	f.Add([]byte("gpgsig x\n y\n"), "\xff/..", []byte("x"), []byte("40000 a"))
	f.Fuzz(func(t *testing.T, commit []byte, name string, file, entries []byte) {
		objects := memory.NewStorage()
		add := func(kind plumbing.ObjectType, dt []byte) plumbing.Hash {
			o := &plumbing.MemoryObject{}
			o.SetType(kind)
			_, _ = o.Write(dt)
			hash, err := objects.SetEncodedObject(o)
			require.NoError(t, err)
			return hash
		}
		blob := add(plumbing.BlobObject, file)
		inner := add(plumbing.TreeObject, append([]byte("100644 Dockerfile.b\x00"), blob[:]...))
		root := append([]byte("100644 "+name+"\x00"), blob[:]...)
		root = append(append(root, "40000 arm64\x00"...), inner[:]...)
		tree := add(plumbing.TreeObject, append(root, entries...))
		head := add(plumbing.CommitObject, append([]byte("tree "+tree.String()+"\n"), commit...))
		s := &fetchedHeads{map[string]plumbing.Hash{"b": head}, objects}
		r, err := s.readRuntime(t.Context(), "b")
		if err == nil && len(r.Platforms) > 0 {
			_, err = r.Date.MarshalJSON()
			require.NoError(t, err)
		}
	})
}
