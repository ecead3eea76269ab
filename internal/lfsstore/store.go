package lfsstore

import (
	"context"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"lambdabase/internal/contentstore"
	"lambdabase/internal/httpclient"
	"lambdabase/internal/lfs"
	"lambdabase/internal/lfs/transfer"
	"lambdabase/internal/panics"

	"github.com/containerd/containerd/v2/core/content"
	"github.com/containerd/errdefs"
	"github.com/moby/buildkit/util/flightcontrol"
	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/pkg/errors"
)

// StoreID is the name of the store in the session.
const StoreID = "lambdabase"

// Remote is where an object comes from.
type Remote struct {
	Repository string
	Server     string // of the batch API, where it is not the repository's own
}

// Store is a content store whose blobs are LFS objects. It is read only.
type Store struct {
	contentstore.ReadOnly
	dir       string
	newClient func(Remote) (*transfer.Client, error)

	mu       sync.Mutex
	entries  map[digest.Digest]entry
	answers  map[Remote]*transfer.Answers
	progress map[string]progress                 // by oid
	files    flightcontrol.CachedGroup[*os.File] // open for as long as the process runs: it may be in no folder
}

type entry struct {
	Remote
	lfs.Object
}

// NewStore returns a store that keeps what it fetches in dir until [Store.Drop], be it in a later process. The client is
// asked for when an object is needed.
func NewStore(dir string, client func(Remote) (*transfer.Client, error)) *Store {
	return &Store{dir: dir, newClient: client, entries: map[digest.Digest]entry{}, answers: map[Remote]*transfer.Answers{}, progress: map[string]progress{}}
}

// Add makes an object known. It is fetched when it is read, from the first origin that it was added with.
func (s *Store) Add(origin Remote, o lfs.Object) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, known := s.entries[o.Digest()]; !known {
		s.entries[o.Digest()] = entry{origin, o}
	}
}

// Info returns a blob's size, which its pointer says.
func (s *Store) Info(_ context.Context, dgst digest.Digest) (content.Info, error) {
	o, err := s.lookup(dgst)
	return content.Info{Digest: dgst, Size: o.Size}, err
}

// ReaderAt fetches the object, verified.
func (s *Store) ReaderAt(ctx context.Context, desc ocispecs.Descriptor) (content.ReaderAt, error) {
	o, err := s.lookup(desc.Digest)
	if err != nil {
		return nil, err
	}
	file, err := s.files.Do(ctx, o.OID, func(ctx context.Context) (*os.File, error) {
		return panics.Recover(func() (*os.File, error) { return s.fetch(ctx, o) })
	})
	if err != nil {
		return nil, err
	}
	return &reader{ReaderAt: file, store: s, entry: o}, nil
}

// progress is how far an object was read. A daemon reads it in pieces, each with a reader of its own.
type progress struct {
	bytes int64
	ended bool
}

// recordRead notes that a part of an object was read.
func (s *Store) recordRead(o entry, at int64, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.progress[o.OID]
	s.progress[o.OID] = progress{p.bytes + int64(n), p.ended || at+int64(n) == o.Size}
}

// RemoveRead removes what was read to its end, when what it was read for is done: the daemon has it now, as it has what it
// fetches itself. It also removes what others left that failed and never came back.
func (s *Store) RemoveRead() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for oid, p := range s.progress {
		if !p.ended || p.bytes < s.entries[digest.NewDigestFromEncoded(digest.SHA256, oid)].Size {
			continue
		}
		if err := os.Remove(filepath.Join(s.dir, oid)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return errors.Wrap(err, "object")
		}
	}
	clear(s.progress)
	_, err := Prune(s.dir, func(age time.Duration, total int64) bool { return age > keepAge || total > keepSize })
	return err
}

func (s *Store) lookup(dgst digest.Digest) (entry, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o, ok := s.entries[dgst]
	if !ok {
		return o, errors.Wrapf(errdefs.ErrNotFound, "object %s", dgst)
	}
	return o, nil
}

func (s *Store) fetch(ctx context.Context, o entry) (*os.File, error) {
	client, err := s.newClient(o.Remote)
	if err != nil {
		return nil, err
	}
	client.Answers = s.answersOf(o.Remote)
	file, err := client.Open(ctx, s.dir, "", lfs.Object{Pointer: o.Pointer})
	if err != nil {
		if hint := httpclient.CAHint(err); hint != "" {
			return nil, errors.Errorf("%v%s", err, hint)
		}
		return nil, err
	}
	return file, nil
}

// answersOf has a server be asked once for all that was offered of it by then.
func (s *Store) answersOf(origin Remote) *transfer.Answers {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.answers[origin] == nil {
		s.answers[origin] = transfer.NewAnswers(func() []lfs.Object { return s.offered(origin) })
	}
	return s.answers[origin]
}

func (s *Store) offered(origin Remote) (objects []lfs.Object) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.entries {
		if e.Remote == origin {
			objects = append(objects, lfs.Object{Pointer: e.Pointer})
		}
	}
	return objects
}

// reader is one of several of a file, which stays open.
type reader struct {
	io.ReaderAt
	store *Store
	entry entry
}

func (r *reader) Close() error { return nil }

func (r *reader) Size() int64 { return r.entry.Size }

func (r *reader) ReadAt(p []byte, at int64) (int, error) {
	n, err := r.ReaderAt.ReadAt(p, at)
	r.store.recordRead(r.entry, at, n)
	return n, err
}

var _ content.Store = (*Store)(nil)
