package step

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"

	"lambdabase/internal/lfs"
	"lambdabase/internal/objects"
	"lambdabase/internal/secrets"

	"github.com/docker/go-units"
	"github.com/pkg/errors"
)

// fetch gets an object into the cache, unless it is there, and from there into the result. The result has nothing but its
// content and name: it is the same whenever and wherever it is fetched.
func (s *step) fetch(ctx context.Context, oid, size string) error {
	n, err := strconv.ParseInt(size, 10, 64)
	if err != nil {
		return errors.Wrap(err, "size")
	}
	client, err := s.client()
	if err != nil {
		return err
	}
	object := lfs.Object{Pointer: lfs.Pointer{OID: oid, Size: n}}
	if err := lfs.ReasonOfOne(client.Fetch(ctx, s.cache, []lfs.Object{object})); err != nil {
		return err
	}
	return errors.Wrap(publish(filepath.Join(s.cache, oid), filepath.Join(s.out, oid)), "result")
}

func (s *step) client() (*lfs.Client, error) {
	t, err := s.transport()
	if err != nil {
		return nil, err
	}
	access := objects.Access{
		Secrets: secrets.Folder(s.secrets), KnownHosts: os.Getenv(KnownHosts), Agent: Agent, Transport: t, Report: s.report,
	}
	return access.Client(objects.Source{Repository: s.repository, Server: s.server})
}

func (s *step) report(p lfs.Progress) {
	if p.Found {
		fmt.Fprintf(s.progress, "%s, found in the cache\n", units.HumanSize(float64(p.Size)))
		return
	}
	fmt.Fprintf(s.progress, "%s of %s, %s/s\n", units.HumanSize(float64(p.Bytes)), units.HumanSize(float64(p.Size)), units.HumanSize(p.Rate))
}

// publish copies: the cache is a file system of its own.
func publish(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		out.Close()
		return err
	}
	return out.Close()
}
