package lambdarules

import (
	"context"
	"fmt"

	"github.com/containerd/platforms"
	"github.com/docker/go-units"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/pkg/errors"
)

// MaxSize is how many bytes an image may have unpacked.
const MaxSize = 10 << 30

// Options say how an image is checked.
type Options struct {
	Platform *ocispecs.Platform // of an index; nil: its only one
	MaxSize  int64              // unpacked, in bytes; [MaxSize] if it is 0
}

// checker checks one image.
type checker struct {
	*Report
	image   Image
	options Options
	config  ocispecs.Image
	tree    *tree
}

// Check returns what comes of the rules. It is an error where the image can't be read: if it is damaged, is none, or has no such
// platform.
func Check(ctx context.Context, name string, image Image, o Options) (*Report, error) {
	if o.MaxSize == 0 {
		o.MaxSize = MaxSize
	}
	c := &checker{Report: &Report{Image: name, Digest: image.Root.Digest.String()}, image: image, options: o, tree: newTree()}
	why, err := c.check(ctx)
	if err != nil {
		return nil, err
	}
	c.finish(why)
	return c.Report, nil
}

// check returns why those rules are skipped of which nothing is said.
func (c *checker) check(ctx context.Context) (whySkipped string, err error) {
	m, mediaType, err := c.chooseManifest(ctx)
	if err != nil {
		return "", err
	}
	if m == nil {
		return "several images: --platform chooses one", nil
	}
	readable := c.judgeMediaTypes(mediaType, *m)
	if !readable {
		return "not all of it is an image's", nil
	}
	if err := c.readConfig(ctx, m.Config); err != nil {
		return "", err
	}
	size, err := c.readLayers(ctx, *m)
	if errors.Is(err, errTooLarge) {
		c.set(Size, Failed, fmt.Sprintf("more than %s unpacked", units.BytesSize(float64(c.options.MaxSize))), "Lambda takes 10 GB in all layers together: leave something out, or keep it in S3 or EFS")
		return "the image is too large to be read whole", nil
	}
	if err != nil {
		return "", err
	}
	c.set(Size, OK, fmt.Sprintf("%s of %s", units.BytesSize(float64(size)), units.BytesSize(float64(c.options.MaxSize))), "")
	c.judgeContent()
	return "", nil
}

func (c *checker) readConfig(ctx context.Context, config ocispecs.Descriptor) error {
	if err := c.image.readJSON(ctx, config, &c.config); err != nil {
		return errors.Wrap(err, "config")
	}
	p := platforms.Normalize(c.config.Platform)
	c.Platform = shown(platforms.FormatAll(p))
	if want := c.options.Platform; want != nil && !platforms.Only(*want).Match(p) {
		return errors.Errorf("the image is for %s, not for %s", c.Platform, platforms.FormatAll(*want))
	}
	return nil
}
