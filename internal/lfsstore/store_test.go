package lfsstore

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"lambdabase/internal/lfs"
	"lambdabase/internal/lfs/transfer"
	"lambdabase/internal/sample"
	"lambdabase/internal/sample/faults"
	"lambdabase/internal/sample/githost"

	"github.com/containerd/containerd/v2/core/content"
	"github.com/containerd/errdefs"
	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/pkg/errors"
	"github.com/stretchr/testify/require"
)

// storeEnv is a store whose objects are those of a sample.
type storeEnv struct {
	*Store
	server  *faults.Host
	source  Remote
	objects []lfs.Object
	content []string
	clients atomic.Int32 // how often one was asked for
}

func newStoreEnv(t *testing.T) *storeEnv {
	t.Helper()
	s := &storeEnv{content: []string{"one", strings.Repeat("two", 100_000)}}
	files := map[string][]byte{"Dockerfile.a": []byte("FROM scratch\n")}
	branch := sample.Branch{Name: "a", Date: time.Unix(1700000000, 0), Files: files, LFS: map[string][]byte{}}
	for i, text := range s.content {
		name := string(rune('a'+i)) + ".tar.xz"
		branch.LFS[name] = []byte(text)
		s.objects = append(s.objects, lfs.Object{Path: name, Pointer: lfs.Pointer{OID: digest.FromString(text).Encoded(), Size: int64(len(text))}})
	}
	s.server = faults.Serve(t, branch)
	s.source = Remote{Repository: s.server.RepositoryURL()}
	s.Store = NewStore(t.TempDir(), func(from Remote) (*transfer.Client, error) {
		s.clients.Add(1)
		return ClientConfig{}.NewClient(from)
	})
	return s
}

// read is all of a blob.
func read(s *Store, o lfs.Object) (string, error) {
	r, err := s.ReaderAt(context.Background(), ocispecs.Descriptor{Digest: o.Digest()})
	if err != nil {
		return "", err
	}
	defer r.Close()
	dt, err := io.ReadAll(content.NewReader(r))
	return string(dt), err
}

func TestAnObjectIsFetchedWhenItIsRead(t *testing.T) {
	s := newStoreEnv(t)
	for _, o := range s.objects {
		s.Add(s.source, o)
	}
	info, err := s.Info(t.Context(), s.objects[1].Digest())
	require.NoError(t, err)
	require.Equal(t, content.Info{Digest: s.objects[1].Digest(), Size: 300_000}, info)
	require.Empty(t, s.server.Requests(), "not when it is offered, or its size asked for")
	require.Zero(t, s.clients.Load())

	for range 2 {
		text, err := read(s.Store, s.objects[1])
		require.NoError(t, err)
		require.Equal(t, s.content[1], text)
	}
	r, err := s.ReaderAt(t.Context(), ocispecs.Descriptor{Digest: s.objects[1].Digest()})
	require.NoError(t, err)
	require.EqualValues(t, 300_000, r.Size())
	part := make([]byte, 3)
	_, err = r.ReadAt(part, 299_997)
	require.NoError(t, err)
	require.Equal(t, "two", string(part))
	require.NoError(t, r.Close())
	require.Equal(t, map[string]int{s.objects[1].OID: 1}, s.server.Counts())
	require.EqualValues(t, 1, s.clients.Load())

	// The next process has it from the folder.
	next := NewStore(s.dir, func(from Remote) (*transfer.Client, error) { return ClientConfig{}.NewClient(from) })
	next.Add(s.source, s.objects[1])
	text, err := read(next, s.objects[1])
	require.NoError(t, err)
	require.Equal(t, s.content[1], text)
	require.Equal(t, 1, s.server.Total(githost.Batch))
}

func TestReadersAtOnceFetchOnce(t *testing.T) {
	s := newStoreEnv(t)
	for _, o := range s.objects {
		s.Add(s.source, o)
	}
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			for i, o := range s.objects {
				text, err := read(s.Store, o)
				if err != nil || text != s.content[i] {
					t.Errorf("%s: %v", o.Path, err)
				}
			}
		})
	}
	wg.Wait()
	require.Equal(t, map[string]int{s.objects[0].OID: 1, s.objects[1].OID: 1}, s.server.Counts())
	require.Equal(t, 1, s.server.Total(githost.Batch), "which asks for all that is offered")
}

func TestABlobThatNobodyOfferedIsNotFound(t *testing.T) {
	s := newStoreEnv(t)
	s.Add(s.source, s.objects[0])
	unknown := digest.FromString("secret of the machine")
	require.NoError(t, os.WriteFile(filepath.Join(s.dir, unknown.Encoded()), nil, 0o600))
	_, err := s.Info(t.Context(), unknown)
	require.True(t, errdefs.IsNotFound(err), err)
	for _, dgst := range []digest.Digest{unknown, "", "sha256:../../etc/passwd"} {
		_, err = s.ReaderAt(t.Context(), ocispecs.Descriptor{Digest: dgst})
		require.True(t, errdefs.IsNotFound(err), err)
	}
}

func TestAFetchThatFailsSaysWhyAndIsTriedAgain(t *testing.T) {
	s := newStoreEnv(t)
	s.Add(s.source, s.objects[0])
	s.server.Inject(faults.Target{Kind: githost.Batch}, faults.Message(403, "no such thing"))
	_, err := read(s.Store, s.objects[0])
	require.ErrorContains(t, err, "forbidden (403 from "+s.source.Repository+"/info/lfs/objects/batch): \"no such thing\": pass a token as the secret GIT_AUTH_TOKEN.127.0.0.1")
	require.NotContains(t, err.Error(), s.objects[0].OID, "who asks knows which")
	s.server.ClearFaults()
	text, err := read(s.Store, s.objects[0])
	require.NoError(t, err)
	require.Equal(t, "one", text)

	broken := NewStore(t.TempDir(), func(Remote) (*transfer.Client, error) { return nil, errors.New("no client") })
	broken.Add(s.source, s.objects[0])
	_, err = read(broken, s.objects[0])
	require.EqualError(t, err, "no client")
}

func TestAReaderThatGivesUpDoesNotHarmTheOthers(t *testing.T) {
	s := newStoreEnv(t)
	s.Add(s.source, s.objects[0])
	s.server.Inject(faults.Target{Kind: githost.Object}, faults.Fault{Stall: -1, Times: 1})
	ctx, cancel := context.WithCancel(t.Context())
	gone := make(chan error, 1)
	go func() {
		_, err := s.ReaderAt(ctx, ocispecs.Descriptor{Digest: s.objects[0].Digest()})
		gone <- err
	}()
	require.Eventually(t, func() bool { return s.server.Total(githost.Object) > 0 }, waitFor, tick)
	cancel()
	require.ErrorIs(t, <-gone, context.Canceled)
	text, err := read(s.Store, s.objects[0])
	require.NoError(t, err)
	require.Equal(t, "one", text)
}

func TestTheFirstSourceIsAsked(t *testing.T) {
	s := newStoreEnv(t)
	s.Add(s.source, s.objects[0])
	s.Add(Remote{Repository: "https://elsewhere.example/a.git"}, s.objects[0])
	_, err := read(s.Store, s.objects[0])
	require.NoError(t, err)
}

func TestNothingIsWritten(t *testing.T) {
	s := newStoreEnv(t)
	_, err := s.Writer(t.Context())
	require.True(t, errdefs.IsNotImplemented(err))
	_, err = s.Update(t.Context(), content.Info{})
	require.True(t, errdefs.IsNotImplemented(err))
	_, err = s.ListStatuses(t.Context())
	require.True(t, errdefs.IsNotImplemented(err))
	_, err = s.Status(t.Context(), "")
	require.True(t, errdefs.IsNotImplemented(err))
	for _, err := range []error{s.Delete(t.Context(), s.objects[0].Digest()), s.Abort(t.Context(), ""), s.Walk(t.Context(), nil)} {
		require.True(t, errdefs.IsNotImplemented(err))
	}
}

func TestWhatWasReadToItsEndIsDropped(t *testing.T) {
	s := newStoreEnv(t)
	for _, o := range s.objects {
		s.Add(s.source, o)
	}
	for at := range int64(3) { // with a reader for each part, as BuildKit reads
		r, err := s.ReaderAt(t.Context(), ocispecs.Descriptor{Digest: s.objects[0].Digest()})
		require.NoError(t, err)
		_, err = r.ReadAt(make([]byte, 1), at)
		require.NoError(t, err)
		require.NoError(t, r.Close())
	}
	begun, err := s.ReaderAt(t.Context(), ocispecs.Descriptor{Digest: s.objects[1].Digest()})
	require.NoError(t, err)
	_, err = begun.ReadAt(make([]byte, 100), 299_900)
	require.NoError(t, err)
	require.NoError(t, begun.Close())
	part := filepath.Join(s.dir, strings.Repeat("a", 64)+".part")
	require.NoError(t, os.WriteFile(part, []byte("half"), 0o600))

	require.NoError(t, s.RemoveRead())
	require.NoFileExists(t, filepath.Join(s.dir, s.objects[0].OID))
	require.FileExists(t, filepath.Join(s.dir, s.objects[1].OID), "the daemon may not have it")
	require.FileExists(t, part, "somebody may go on with it")
	long := time.Now().Add(-keepAge - time.Hour)
	require.NoError(t, os.Chtimes(part, long, long))
	require.NoError(t, s.RemoveRead())
	require.NoFileExists(t, part)

	next := NewStore(s.dir, s.newClient)
	for _, store := range []*Store{s.Store, next} {
		store.Add(s.source, s.objects[0])
		text, err := read(store, s.objects[0])
		require.NoError(t, err, "dropped or not")
		require.Equal(t, "one", text)
	}
	require.Equal(t, 2, s.server.Counts()[s.objects[0].OID])
}
