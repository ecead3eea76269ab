package lambdarules

import (
	"archive/tar"
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/pkg/errors"
)

// errTooLarge ends the reading of an image that is too large anyway.
var errTooLarge = errors.New("too large")

// tarOverhead is how many bytes a layer's tar may have besides the content of its files.
const tarOverhead = 1 << 30

// maxZstdWindow is how much memory a zstd layer may ask for: what zstd itself takes without being told to take more.
const maxZstdWindow = 128 << 20

// readLayers reads all layers into the tree, judges what is true of each by itself, and returns the size of their files.
func (c *checker) readLayers(ctx context.Context, m ocispecs.Manifest) (size int64, err error) {
	found := make([]string, len(m.Layers))
	var orphans []string
	for i, l := range m.Layers {
		r := &layerReader{tree: c.tree, left: c.options.MaxSize - size}
		if found[i], err = r.read(ctx, c.image, l); err != nil {
			return 0, errors.Wrap(err, layerName(i, l))
		}
		size += r.size
		if r.orphans > 0 {
			orphans = append(orphans, fmt.Sprintf("%s has %s before %s (%d such paths)", layerName(i, l), shown(r.orphan), shown(r.missing), r.orphans))
		}
	}
	c.judgeGzip(m, found)
	if len(orphans) > 0 {
		c.set(ParentDirectories, Failed, listed(orphans),
			"pack the layer with a header for each directory above a file, before it, as tar does of a folder (not tar of a list of files); Lambda says MissingParentDirectory")
	} else {
		c.set(ParentDirectories, OK, "a header for each, before what is in it", "")
	}
	return size, nil
}

// layerReader reads one layer.
type layerReader struct {
	tree            *tree
	left            int64 // bytes that its files may have
	size            int64 // of its files
	orphans         int   // paths without a header for each directory above
	orphan, missing string
}

// read returns how the layer is packed.
func (r *layerReader) read(ctx context.Context, image Image, l ocispecs.Descriptor) (compression string, err error) {
	blob, err := image.open(ctx, l)
	if err != nil {
		return "", err
	}
	defer blob.Close()
	stop := context.AfterFunc(ctx, func() { blob.Close() })
	defer stop()
	compression, content, closer, err := unpack(blob)
	if err != nil {
		return "", err
	}
	defer closer()
	r.tree.beginLayer()
	limited := &io.LimitedReader{R: endingReader{ctx, content}, N: r.left + tarOverhead}
	err = r.readTar(limited)
	if err == nil {
		_, err = io.Copy(io.Discard, limited)
	}
	if ctx.Err() != nil {
		return "", context.Cause(ctx)
	}
	if limited.N == 0 || errors.Is(err, errTooLarge) {
		return "", errTooLarge
	}
	if _, damaged := io.Copy(io.Discard, blob); damaged != nil { // to its end, where it is verified: that tells why it is no tar
		return "", damaged
	}
	return compression, err
}

// endingReader ends with its context. Of a small blob that unpacks to much there is nothing to close.
type endingReader struct {
	ctx context.Context
	io.Reader
}

func (r endingReader) Read(p []byte) (int, error) {
	if r.ctx.Err() != nil {
		return 0, context.Cause(r.ctx)
	}
	return r.Reader.Read(p)
}

// unpack tells by its first bytes what a layer is packed with.
func unpack(r io.Reader) (compression string, content io.Reader, closer func(), err error) {
	buffered := bufio.NewReaderSize(r, 1<<16)
	head, err := buffered.Peek(4)
	if err != nil && !errors.Is(err, io.EOF) {
		return "", nil, nil, err
	}
	switch {
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b}):
		z, err := gzip.NewReader(buffered)
		return "gzip", z, func() {}, errors.Wrap(err, "gzip")
	case bytes.Equal(head, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		z, err := zstd.NewReader(buffered, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxZstdWindow))
		if err != nil {
			return "", nil, nil, err
		}
		return "zstd", z, z.Close, nil
	}
	return "", buffered, func() {}, nil
}

func (r *layerReader) readTar(content io.Reader) error {
	for t := tar.NewReader(content); ; {
		header, err := t.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return errors.Wrap(err, "tar")
		}
		if header.Typeflag == tar.TypeGNUSparse || header.Typeflag == tar.TypeCont {
			header.Typeflag = tar.TypeReg // is what these are
		}
		if header.Typeflag == tar.TypeReg {
			if header.Size > r.left-r.size {
				return errTooLarge
			}
			r.size += header.Size
		}
		missing, err := r.tree.add(header, t)
		if err != nil {
			return err
		}
		if missing != "" {
			if r.orphans == 0 {
				r.orphan, r.missing = header.Name, missing
			}
			r.orphans++
		}
	}
}
