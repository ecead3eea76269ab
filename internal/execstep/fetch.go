package execstep

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"

	"lambdabase/internal/execstep/contract"
	"lambdabase/internal/lfs"
	"lambdabase/internal/lfs/transfer"
	"lambdabase/internal/lfsstore"
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
	client, err := s.newClient()
	if err != nil {
		return err
	}
	object := lfs.Object{Pointer: lfs.Pointer{OID: oid, Size: n}}
	file, err := client.Open(ctx, s.cache, s.out, object)
	if err != nil {
		return err
	}
	err = publish(file, filepath.Join(s.out, oid), object.Pointer)
	if !errors.Is(err, errChanged) {
		return errors.Wrap(err, "result")
	}
	if file, err = client.OpenPrivate(ctx, s.out, object); err != nil {
		return err
	}
	return errors.Wrap(publish(file, filepath.Join(s.out, oid), object.Pointer), "result")
}

func (s *step) newClient() (*transfer.Client, error) {
	t, err := s.newTransport()
	if err != nil {
		return nil, err
	}
	access := lfsstore.ClientConfig{
		Secrets: secrets.Dir(s.secrets), KnownHosts: os.Getenv(contract.KnownHostsEnv), Agent: contract.AgentSocket, Transport: t, OnProgress: s.printProgress,
	}
	return access.NewClient(lfsstore.Remote{Repository: s.repository, Server: s.server})
}

func (s *step) printProgress(p transfer.Progress) {
	if p.Found {
		fmt.Fprintf(s.progress, "%s, found in the cache\n", units.HumanSize(float64(p.Size)))
		return
	}
	fmt.Fprintf(s.progress, "%s of %s, %s/s\n", units.HumanSize(float64(p.Bytes)), units.HumanSize(float64(p.Size)), units.HumanSize(p.Rate))
}

// errChanged says that somebody else wrote to an object.
var errChanged = errors.New("the object changed in the cache while it was copied: try again")

// publish copies, as the cache is a file system of its own, and verifies what it copies: any build on the daemon can mount
// the cache, and put something else there meanwhile. It closes what it copies.
func publish(in *os.File, to string, p lfs.Pointer) (err error) {
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if cerr := out.Close(); err == nil {
			err = cerr
		}
		if err != nil {
			os.Remove(to)
		}
	}()
	sum := sha256.New()
	n, err := io.Copy(io.MultiWriter(out, sum), io.LimitReader(in, p.Size+1))
	if err == nil && (n != p.Size || hex.EncodeToString(sum.Sum(nil)) != p.OID) {
		err = errChanged
	}
	return err
}
