package branches

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"slices"
	"strings"
	"testing"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/storage/memory"
	"github.com/stretchr/testify/require"
)

// packed is an object of a pack.
type packed struct {
	kind    plumbing.ObjectType
	size    uint64 // as it says
	before  byte   // how many bytes before it what it is made from begins
	base    plumbing.Hash
	content []byte
}

func packOf(objects ...packed) []byte {
	var b bytes.Buffer
	b.WriteString("PACK")
	_ = binary.Write(&b, binary.BigEndian, []uint32{2, uint32(len(objects))})
	for _, o := range objects {
		first, rest := byte(o.kind)<<4|byte(o.size&15), o.size>>4
		for ; rest > 0; rest >>= 7 {
			b.WriteByte(first | 0x80)
			first = byte(rest & 0x7f)
		}
		b.WriteByte(first)
		if o.kind == plumbing.OFSDeltaObject {
			b.WriteByte(o.before)
		}
		if o.kind == plumbing.REFDeltaObject {
			b.Write(o.base[:])
		}
		z := zlib.NewWriter(&b)
		_, _ = z.Write(o.content)
		_ = z.Close()
	}
	return b.Bytes()
}

func TestAPackIsHeldToWhatItMayTake(t *testing.T) {
	small := packed{kind: plumbing.BlobObject, size: 5, content: []byte("small")}
	large := packed{kind: plumbing.BlobObject, size: maxObject + 1, content: make([]byte, maxObject+1)}
	const count = maxObjects/perObject + 1
	one := packOf(packed{kind: plumbing.BlobObject})
	many := append(binary.BigEndian.AppendUint32(one[:8:8], count), bytes.Repeat(one[12:], count)...)
	// size of the base, size of the result, copy all of the base
	copied := append(binary.AppendUvarint([]byte{5}, 5), 0x90, 5)
	bomb := append(binary.AppendUvarint([]byte{5}, 1<<40), 0x90, 5)
	of := func(delta []byte) packed {
		return packed{kind: plumbing.OFSDeltaObject, size: uint64(len(delta)), before: 14, content: delta}
	}
	for name, tc := range map[string]struct {
		pack  []byte
		kept  int
		error string
	}{
		"small":                {packOf(small), 1, ""},
		"large":                {packOf(large, small), 1, ""},
		"a difference":         {packOf(small, of(copied)), 1, ""}, // it is the same
		"a large difference":   {packOf(small, of(bomb)), 1, ""},
		"a false difference":   {packOf(small, of(bomb[:3])), 1, ""},
		"one that says less":   {packOf(packed{kind: plumbing.BlobObject, size: 2, content: []byte("small")}), 0, "git pack"},
		"too many":             {many, 0, "the branches hold more than 64 MB in small files"},
		"cut off":              {packOf(small)[:20], 0, "git pack"},
		"no pack":              {[]byte("<html>"), 0, "git pack"},
		"nothing":              {nil, 0, "git pack"},
		"a pack that says one": {[]byte("PACK\x00\x00\x00\x02\x00\x00\x00\x01"), 0, "git pack"},
	} {
		t.Run(name, func(t *testing.T) {
			objects := memory.NewStorage()
			err := readPack(bytes.NewReader(tc.pack), objects)
			if tc.error != "" {
				require.ErrorContains(t, err, tc.error)
				return
			}
			require.NoError(t, err)
			require.Len(t, objects.Objects, tc.kept)
		})
	}
}

// Each is made from the one that comes next, and the last from a whole object: whoever went through them in their order would do so
// once for each.
func TestObjectsThatAreMadeFromLaterOnesAreMadeOnce(t *testing.T) {
	const count = 30_000
	objects := []packed{{kind: plumbing.BlobObject, size: 4, content: []byte{0, 0, 0, 0}}}
	from := plumbing.ComputeHash(plumbing.BlobObject, objects[0].content)
	for i := range count {
		content := binary.BigEndian.AppendUint32(nil, uint32(i+1))
		insert := append([]byte{4, 4, 4}, content...)
		objects = append(objects, packed{kind: plumbing.REFDeltaObject, size: uint64(len(insert)), base: from, content: insert})
		from = plumbing.ComputeHash(plumbing.BlobObject, content)
	}
	slices.Reverse(objects)
	found := memory.NewStorage()
	require.NoError(t, readPack(bytes.NewReader(packOf(objects...)), found))
	require.Len(t, found.Objects, count+1)
}

func FuzzReadPack(f *testing.F) {
	f.Add(packOf(packed{kind: plumbing.BlobObject, size: 5, content: []byte("small")}))
	f.Add([]byte(strings.Repeat("PACK", 9)))
	f.Fuzz(func(t *testing.T, dt []byte) { _ = readPack(bytes.NewReader(dt), memory.NewStorage()) })
}
