package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"

	"lambdabase/internal/httpclient"
	"lambdabase/internal/lfs"
	"lambdabase/internal/lfs/transfer"
	"lambdabase/internal/lfsstore"
	"lambdabase/internal/printable"

	"github.com/pkg/errors"
)

// objectSource gets objects from where builds of the session's repository get them, and keeps them until they are in the
// mirror: what a run that failed has got, and the half of an object, the next one goes on with.
type objectSource struct {
	session  *session
	remote   lfsstore.Remote
	source   lfs.ObjectSource
	dir      string
	progress *mirrorProgress
	fallback sync.Once
}

func (s *session) newObjectSource(ctx context.Context, progress *mirrorProgress) (*objectSource, error) {
	options, err := s.parseOptions()
	if err != nil {
		return nil, err
	}
	remote, err := resolveRemote(ctx, s.git, options.Repository)
	if err != nil {
		return nil, err
	}
	dir, err := s.ensureCacheDir("objects")
	return &objectSource{
		session: s, remote: lfsstore.Remote{Repository: remote.URL, Server: options.ObjectSource.Server},
		source: options.ObjectSource.Resolve(remote.URL), dir: dir, progress: progress,
	}, err
}

func (s *objectSource) String() string { return s.remote.Repository }

// Open fetches an object by a URL of its own, or by the batch API.
func (s *objectSource) Open(ctx context.Context, o lfs.Object) (io.ReadCloser, error) {
	if s.source.URL(o) != "" {
		file, err := s.open(ctx, s.urlClient(), o)
		if err == nil || !s.source.Fallback() || !isRefusal(err) {
			return file, err
		}
		s.fallback.Do(func() { s.progress.printLine(fmt.Sprintf("%v: objects are asked for by the LFS batch API", err)) })
	}
	client, err := s.session.lfsClient(s.remote)
	if err != nil {
		return nil, err
	}
	return s.open(ctx, client, o)
}

func (s *objectSource) open(ctx context.Context, client *transfer.Client, o lfs.Object) (io.ReadCloser, error) {
	client.OnProgress = s.progress.downloaded
	file, err := client.Open(ctx, s.dir, "", o)
	if err != nil {
		if hint := httpclient.CAHint(err); hint != "" {
			err = errors.Errorf("%v%s", err, hint)
		}
		return nil, err
	}
	return file, nil
}

// urlClient returns a client for objects' own URLs. A credential goes where the user names one for.
func (s *objectSource) urlClient() *transfer.Client {
	credentials := lfsstore.Credentials(s.remote.Repository, s.session.secrets.source)
	credentials.Describe = s.session.secrets.describe
	return &transfer.Client{
		ObjectURL: s.source.URL, Authorization: credentials.Authorization, Hint: credentials.Hint, Transport: s.session.secrets.transport,
	}
}

// isRefusal reports whether the batch API may have what a URL of its own hasn't, as builds have it.
func isRefusal(err error) bool {
	var failed *transfer.Error
	return errors.As(err, &failed) && lfs.IsRefusal(failed.Status)
}

// Release removes an object that the mirror has now.
func (s *objectSource) Release(o lfs.Object) {
	if err := os.Remove(filepath.Join(s.dir, o.OID)); err != nil && !errors.Is(err, os.ErrNotExist) {
		s.progress.printLine("an object that isn't needed any more stays: " + printable.Name(err.Error()))
	}
}
