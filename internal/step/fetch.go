package step

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"lambdabase/internal/gitssh"
	"lambdabase/internal/lfs"
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
	if err := client.Fetch(ctx, s.cache, []lfs.Object{object}); err != nil {
		return ofOne(err)
	}
	return errors.Wrap(publish(filepath.Join(s.cache, oid), filepath.Join(s.out, oid)), "result")
}

// ofOne is the error without the object, which whoever reads it knows.
func ofOne(err error) error {
	var all *lfs.ObjectsError
	var one *lfs.Error
	if !errors.As(err, &all) || len(all.Errors) != 1 || !errors.As(all.Errors[0], &one) {
		return err
	}
	bare := *one
	bare.OID = ""
	return &bare
}

func (s *step) client() (*lfs.Client, error) {
	t, err := s.transport()
	if err != nil {
		return nil, err
	}
	credentials := secrets.Credentials{Repository: hostOf(s.repository), Secrets: secrets.Folder(s.secrets)}
	if err := credentials.Check(hostOf(s.server)); err != nil {
		return nil, err
	}
	return &lfs.Client{
		Endpoint:      s.endpoint,
		Authorization: credentials.Authorization,
		Advice:        credentials.Advice,
		Transport:     t,
		Report:        s.report,
		UserAgent:     "lambdabase",
	}, nil
}

// endpoint is the server that was named, or the repository's own: an SSH remote is asked for it.
func (s *step) endpoint(ctx context.Context) (lfs.Endpoint, error) {
	if s.server != "" {
		return lfs.Endpoint{URL: s.server}, nil
	}
	remote, isSSH, err := gitssh.ParseRemote(s.repository)
	if err != nil {
		return lfs.Endpoint{}, err
	}
	if !isSSH {
		url, err := lfs.ServerURL(s.repository)
		return lfs.Endpoint{URL: url}, err
	}
	answer, err := gitssh.Authenticator{Remote: remote, KnownHosts: os.Getenv(KnownHosts), Agent: Agent}.Authenticate(ctx)
	if err != nil {
		return lfs.Endpoint{}, err
	}
	expires := answer.ExpiresAt
	if answer.ExpiresIn > 0 {
		expires = time.Now().Add(answer.ExpiresIn)
	}
	return lfs.Endpoint{URL: answer.Href, Header: answer.Header, Expires: expires}, nil
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
