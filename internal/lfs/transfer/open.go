package transfer

import (
	"context"
	"os"
	"path/filepath"

	"lambdabase/internal/lfs"

	"github.com/pkg/errors"
	"golang.org/x/sys/unix"
)

// Open has dir hold the object, as Fetch does, and opens it. Others may write to dir: where they have made it of no use for
// this object, it is fetched for this call alone, and if it can be it is put into dir all the same. Whoever reads the file
// has to verify it, as they may write to it yet. private is a folder that nobody else writes to.
func (c *Client) Open(ctx context.Context, dir, private string, o lfs.Object) (*os.File, error) {
	removeAbandoned(dir)
	err := c.Fetch(ctx, dir, []lfs.Object{o})
	if err == nil {
		if file, err := OpenFile(filepath.Join(dir, o.OID)); err == nil {
			return file, nil
		}
		return c.OpenPrivate(ctx, private, o)
	}
	if !errors.Is(err, errDirUnusable) {
		return nil, UnwrapSingle(err)
	}
	temp, terr := newPrivateDir(dir) // where it can be renamed from
	if terr != nil {
		return c.OpenPrivate(ctx, private, o)
	}
	defer temp.remove()
	file, err := c.openIn(ctx, temp.name(), o)
	if err != nil && errors.Is(err, errDirUnusable) {
		return c.OpenPrivate(ctx, private, o)
	}
	if err == nil {
		_ = replace(file.Name(), filepath.Join(dir, o.OID)) // or it is fetched once more the next time
	}
	return file, err
}

// OpenPrivate fetches an object for this call alone. The folder holds nothing of it any more once it is open.
func (c *Client) OpenPrivate(ctx context.Context, private string, o lfs.Object) (*os.File, error) {
	temp, err := os.MkdirTemp(private, privatePrefix)
	if err != nil {
		return nil, errors.Wrap(err, "folder of an LFS object")
	}
	defer os.RemoveAll(temp)
	return c.openIn(ctx, temp, o)
}

func (c *Client) openIn(ctx context.Context, dir string, o lfs.Object) (*os.File, error) {
	if err := c.Fetch(ctx, dir, []lfs.Object{o}); err != nil {
		return nil, UnwrapSingle(err)
	}
	file, err := OpenFile(filepath.Join(dir, o.OID))
	return file, unusable(ctx, err) // somebody else was there in between
}

// OpenFile opens a file where others may write: no link leads out of the folder, and no pipe blocks.
func OpenFile(name string) (*os.File, error) {
	file, err := os.OpenFile(name, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	if info, err := file.Stat(); err != nil || !info.Mode().IsRegular() {
		file.Close()
		return nil, errors.Errorf("%s is no file (%v)", name, err)
	}
	return file, nil
}
