package frontend

import (
	"archive/tar"
	"bytes"
	"compress/bzip2"
	"compress/gzip"
	"context"
	"encoding/binary"
	"hash/crc32"
	"io"

	"lambdabase/internal/lfs"
	"lambdabase/internal/rootfs"
	"lambdabase/llb/lambda2llb"

	"github.com/klauspost/compress/zstd"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/pkg/errors"
	"github.com/ulikunitz/xz/lzma"
)

const (
	// sniffLen is how much of a copied archive is looked at, in bytes: more than a block of bzip2 (900 kB), the largest
	// unit of all, so that the first header of the tar is in it.
	sniffLen = 1 << 20
	// tarBlock is the size in bytes that a tar is made of; one that ends has two of them, all zero.
	tarBlock = 512
	// maxWindow bounds, in bytes, what an archive can make its unpacker allocate.
	maxWindow = 8 << 20
)

// checkLayer checks what came of a layer. It is to be unpacked again, and without the cache, where xz failed: the copy that
// BuildKit made then may be of an earlier build.
func (a *assembler) checkLayer(ctx context.Context, ref gateway.Reference, l *pendingLayer) (again bool, err error) {
	if l.empty, err = a.checkArchive(ctx, ref, l.Layer); err == nil {
		return false, a.checkSize(ctx, l)
	}
	var failed *xzError
	isXZ := errors.As(err, &failed)
	if isXZ && !l.Uncached {
		l.Uncached = true
		return true, nil
	}
	if isXZ && a.xz != nil {
		failed.inProcess, failed.reason = true, a.xz(ctx, failed.head)
	}
	return false, wrapSource(err, a.plan.Recipe, l.Lines...)
}

// xzError is an archive that xz should have unpacked, and BuildKit copied.
type xzError struct {
	head      []byte
	inProcess bool   // BuildKit runs in this process
	reason    string // of xz, where it is known
}

func (e *xzError) Error() string {
	switch {
	case e.reason != "":
		return "xz fails: " + e.reason
	case e.inProcess:
		return "xz failed, and BuildKit doesn't say why: try again, and look for a memory limit or for what kills processes"
	}
	return "xz fails where buildkitd runs, or is missing: BuildKit copies what it can't unpack and doesn't say why, before v0.33 also where there is no xz: " +
		"install xz-utils (apk: xz), or look at XZ_DEFAULTS, memory limits and killed processes there"
}

// checkArchive fails if the layer's archive lies in its root as a file: then BuildKit copied it, as it does silently with
// whatever it can't unpack. A tar without entries is copied too: it adds nothing.
func (a *assembler) checkArchive(ctx context.Context, ref gateway.Reference, l lambda2llb.Layer) (empty bool, err error) {
	st, err := rootfs.Lookup(ctx, ref, "/"+l.ArchiveName())
	if err != nil {
		return false, errors.Wrapf(err, "check %s", layerLabel(l))
	}
	if st == nil {
		return false, nil
	}
	if st.Size != l.Size {
		return false, a.sizeError(l, layerLabel(l)+" was not unpacked, and has", st.Size)
	}
	head, err := ref.ReadFile(ctx, gateway.ReadRequest{Filename: "/" + l.ArchiveName(), Range: &gateway.FileRange{Length: sniffLen}})
	if err != nil {
		return false, errors.Wrapf(err, "check %s", layerLabel(l))
	}
	reason, empty := diagnoseArchive(head)
	return empty, errors.Wrapf(reason, "%s was not unpacked", layerLabel(l))
}

// diagnoseArchive says what is wrong with an archive that BuildKit didn't unpack, from how it begins.
func diagnoseArchive(head []byte) (reason error, empty bool) {
	if lfs.IsPointer(head) {
		return errors.New("it is a Git LFS pointer itself, so the object was made from a checkout without git-lfs"), false
	}
	for _, f := range formats {
		if bytes.HasPrefix(head, []byte(f.magic)) {
			return f.diagnose(head)
		}
	}
	if empty, _ := isEmptyTar(bytes.NewReader(head)); empty {
		return nil, true
	}
	return errors.Errorf("it is no archive, it begins with %q", head[:min(len(head), 24)]), false
}

// format is a way to pack a tar; unpack is nil for those that BuildKit can't unpack.
type format struct {
	name, magic string
	newReader   func(io.Reader) (io.Reader, error)
}

// formats are told by how they begin.
var formats = []format{
	{"xz", "\xfd7zXZ\x00", newXZReader},
	{"gzip", "\x1f\x8b\x08", func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) }},
	{"bzip2", "BZh", func(r io.Reader) (io.Reader, error) { return bzip2.NewReader(r), nil }},
	{"zstd", "\x28\xb5\x2f\xfd", func(r io.Reader) (io.Reader, error) {
		return zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow))
	}},
	{"lzma", "\x5d\x00\x00", nil},
	{"lz4", "\x04\x22\x4d\x18", nil},
	{"zip", "PK\x03\x04", nil},
	{"7z", "7z\xbc\xaf\x27\x1c", nil},
}

func (f format) diagnose(head []byte) (reason error, empty bool) {
	if f.newReader == nil {
		return errors.Errorf("it is packed with %s, which BuildKit doesn't unpack: want .tar.xz", f.name), false
	}
	r, err := f.newReader(bytes.NewReader(head))
	if err == nil {
		empty, err = isEmptyTar(r)
	}
	switch {
	case empty:
		return nil, true
	case err != nil:
		return errors.Errorf("it is packed with %s, but there is no tar in it (%v)", f.name, err), false
	case f.name == "xz":
		return &xzError{head: head}, false
	}
	return errors.Errorf("BuildKit copied it though it is a tar packed with %s", f.name), false
}

// isEmptyTar tells a tar that ends where it begins from one that has entries. What ends without saying so is no tar: a
// producer that died leaves that.
func isEmptyTar(r io.Reader) (bool, error) {
	block := make([]byte, tarBlock)
	if _, err := io.ReadFull(r, block); err != nil {
		return false, errors.Wrap(err, "first block")
	}
	_, err := tar.NewReader(io.MultiReader(bytes.NewReader(block), r)).Next()
	if err == io.EOF {
		return true, nil
	}
	return false, err
}

// endsWithCRC reports whether the last four bytes are the checksum of those before.
func endsWithCRC(dt []byte) bool {
	end := len(dt) - 4
	return crc32.ChecksumIEEE(dt[:end]) == binary.LittleEndian.Uint32(dt[end:])
}

// newXZReader unpacks the first block of an xz stream, with a window of our choice: what its header asks for may be 4 GiB, and
// the beginning of a stream refers to no more than the beginning (https://tukaani.org/xz/xz-file-format.txt, section 3.1).
func newXZReader(r io.Reader) (io.Reader, error) {
	const magic, streamHeader = 6, 12
	head := make([]byte, streamHeader+1)
	if _, err := io.ReadFull(r, head); err != nil {
		return nil, errors.Wrap(err, "header")
	}
	size := head[streamHeader]
	if size == 0 {
		return nil, errors.New("no blocks")
	}
	block := make([]byte, (int(size)+1)*4)
	block[0] = size
	if _, err := io.ReadFull(r, block[1:]); err != nil {
		return nil, errors.Wrap(err, "block header")
	}
	switch {
	case !endsWithCRC(head[magic:streamHeader]), !endsWithCRC(block):
		return nil, errors.New("damaged header")
	case block[1]&3 != 0:
		return nil, errors.New("more than one filter")
	}
	return lzma.Reader2Config{DictCap: maxWindow}.NewReader2(r)
}
