package branches

import (
	"cmp"
	"context"
	"io"
	"time"

	"lambdabase/internal/gitssh"
	"lambdabase/internal/panics"
	"lambdabase/internal/secrets"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/sideband"
	"github.com/go-git/go-git/v5/plumbing/transport"
	githttp "github.com/go-git/go-git/v5/plumbing/transport/http"
	"github.com/go-git/go-git/v5/storage/memory"
	"github.com/pkg/errors"
)

// Remote is a repository, and what is needed to get at it.
type Remote struct {
	URL         string
	Credentials secrets.Credentials
	CABundle    []byte        // certificates in PEM to trust besides the system's
	KnownHosts  string        // of an SSH remote, as known_hosts has them
	Agent       string        // socket of the SSH agent
	IdleTimeout time.Duration // how long the repository may say nothing; zero: a minute
}

// errIdleTimeout ends a session in which nothing is heard.
var errIdleTimeout = errors.New("no answer in time")

// session is a conversation with the repository.
type session struct {
	uploadPack
	refs   *refs
	onRead func() // has the wait for the next word begin anew
}

// withSession calls f with a session with the repository, which ends where it says nothing for too long. go-git's transport
// waits for ever.
func withSession[T any](ctx context.Context, r Remote, f func(context.Context, *session) (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	timeout := cmp.Or(r.IdleTimeout, time.Minute)
	timer := time.AfterFunc(timeout, func() { cancel(errIdleTimeout) })
	defer timer.Stop()
	done := make(chan result, 1)
	go func() {
		var res result
		res.value, res.err = panics.Recover(func() (T, error) { return openSession(ctx, r, func() { timer.Reset(timeout) }, f) })
		done <- res
	}()
	var res result
	select {
	case res = <-done:
	case <-ctx.Done():
		res.err = context.Cause(ctx)
	}
	if res.err != nil && errors.Is(context.Cause(ctx), errIdleTimeout) {
		return res.value, errors.Wrapf(errIdleTimeout, "not done in %s", timeout)
	}
	return res.value, r.withHint(res.err)
}

func openSession[T any](ctx context.Context, r Remote, onRead func(), f func(context.Context, *session) (T, error)) (value T, err error) {
	refs := &refs{}
	upload, err := r.openUploadPack(ctx, refs, onRead)
	if err != nil {
		return value, err
	}
	defer upload.Close()
	return f(ctx, &session{upload, refs, onRead})
}

// uploadPack is what is asked of a git server.
type uploadPack interface {
	AdvertisedReferencesContext(context.Context) (*packp.AdvRefs, error)
	UploadPack(context.Context, *packp.UploadPackRequest) (*packp.UploadPackResponse, error)
	io.Closer
}

func (r Remote) openUploadPack(ctx context.Context, refs *refs, onRead func()) (uploadPack, error) {
	remote, isSSH, err := gitssh.ParseRemote(r.URL)
	if err != nil {
		return nil, err
	}
	if isSSH {
		return r.openSSH(ctx, remote, refs, onRead)
	}
	auth, err := r.auth()
	if err != nil {
		return nil, err
	}
	endpoint, err := transport.NewEndpoint(r.URL)
	if err != nil {
		return nil, errors.New("malformed URL of the repository")
	}
	client, err := newHTTPClient(endpoint.Host, r.CABundle, refs, onRead)
	if err != nil {
		return nil, err
	}
	return githttp.NewClient(client).NewUploadPackSession(endpoint, auth)
}

// listHeads returns the commits of all branches.
func (r Remote) listHeads(ctx context.Context) (map[string]plumbing.Hash, error) {
	return withSession(ctx, r, func(ctx context.Context, s *session) (map[string]plumbing.Hash, error) {
		_, heads, err := s.advertisedRefs(ctx)
		return heads, err
	})
}

func (s *session) advertisedRefs(ctx context.Context) (*packp.AdvRefs, map[string]plumbing.Hash, error) {
	refs, err := s.AdvertisedReferencesContext(ctx)
	if err != nil {
		return nil, nil, s.refs.explain(err)
	}
	s.onRead()
	heads, err := headsOf(refs)
	return refs, heads, err
}

// headsOf returns the commits of all branches of an advertisement.
func headsOf(refs *packp.AdvRefs) (map[string]plumbing.Hash, error) {
	all, err := refs.AllReferences()
	if err != nil {
		return nil, err
	}
	heads := map[string]plumbing.Hash{}
	for name, ref := range all {
		if name.IsBranch() && ref.Type() == plumbing.HashReference {
			heads[name.Short()] = ref.Hash()
		}
	}
	return heads, nil
}

// fetchedHeads are the newest commit of every branch, without large files.
type fetchedHeads struct {
	heads   map[string]plumbing.Hash
	objects *memory.Storage
}

func (r Remote) fetch(ctx context.Context) (*fetchedHeads, error) {
	return withSession(ctx, r, func(ctx context.Context, s *session) (*fetchedHeads, error) {
		refs, heads, err := s.advertisedRefs(ctx)
		if err != nil || len(heads) == 0 {
			return &fetchedHeads{}, err
		}
		req := newUploadRequest(refs, heads)
		res, err := s.UploadPack(ctx, req)
		if err != nil {
			return nil, err
		}
		defer res.Close()
		objects := memory.NewStorage()
		err = readPack(demux(req, &notifyReader{res, s.onRead}), objects)
		return &fetchedHeads{heads, objects}, err
	})
}

// newUploadRequest asks for the heads, and has large files left out where the server can do that.
func newUploadRequest(refs *packp.AdvRefs, heads map[string]plumbing.Hash) *packp.UploadPackRequest {
	req := packp.NewUploadPackRequestFromCapabilities(refs.Capabilities)
	req.Depth = packp.DepthCommits(1)
	_ = req.Capabilities.Set(capability.Shallow) // fails for what takes a value
	if refs.Capabilities.Supports(capability.NoProgress) {
		_ = req.Capabilities.Set(capability.NoProgress)
	}
	if refs.Capabilities.Supports(capability.Filter) {
		_ = req.Capabilities.Set(capability.Filter)
		req.Filter = packp.FilterBlobLimit(maxObject, packp.BlobLimitPrefixNone)
	}
	wanted := map[plumbing.Hash]bool{}
	for _, head := range heads {
		if !wanted[head] {
			req.Wants, wanted[head] = append(req.Wants, head), true
		}
	}
	return req
}

// demux returns the pack without what the server says beside it.
func demux(req *packp.UploadPackRequest, r io.Reader) io.Reader {
	switch {
	case req.Capabilities.Supports(capability.Sideband64k):
		return sideband.NewDemuxer(sideband.Sideband64k, r)
	case req.Capabilities.Supports(capability.Sideband):
		return sideband.NewDemuxer(sideband.Sideband, r)
	}
	return r
}

// notifyReader tells whenever something is read.
type notifyReader struct {
	io.ReadCloser
	onRead func()
}

func (l *notifyReader) Read(p []byte) (int, error) {
	n, err := l.ReadCloser.Read(p)
	if n > 0 {
		l.onRead()
	}
	return n, err
}
