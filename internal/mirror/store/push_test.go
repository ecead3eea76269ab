package store

import (
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"lambdabase/internal/catalog"
	"lambdabase/internal/mirror"

	"github.com/google/go-containerregistry/pkg/crane"
	"github.com/stretchr/testify/require"
)

// backends are the two places that a mirror can be in.
func backends(t *testing.T, test func(t *testing.T, m *Mirror)) {
	t.Run("registry", func(t *testing.T) { test(t, open(t, newRegistry(t).location("aws/lambda"))) })
	t.Run("layout", func(t *testing.T) { test(t, open(t, mirror.Location{Layout: t.TempDir() + "/new"})) })
}

func TestASnapshotIsReadAsItWasPushed(t *testing.T) {
	backends(t, func(t *testing.T, m *Mirror) {
		src := newMemory()
		s := src.snapshot(t, "nodejs20.x", 1, "one", "two")
		progress := &recorder{}
		results, err := m.Push(t.Context(), src, latest(s), progress)
		require.NoError(t, err)
		require.Equal(t, []Result{{Snapshot: s, Tag: "nodejs20.x-" + s.Commit, Latest: true, Moved: Amount{2, 6}}}, results)
		require.EqualValues(t, 6, progress.bytes)
		require.Len(t, progress.arrived, 2)
		require.Equal(t, src.opened, src.released)
		for _, tag := range []string{"nodejs20.x", "nodejs20.x-" + s.Commit} {
			read, err := m.Snapshot(t.Context(), tag)
			require.NoError(t, err)
			require.Equal(t, s.Snapshot, read.Snapshot)
			require.Equal(t, s.Digest(), read.Digest())
		}
		content, err := m.Open(t.Context(), s.Objects()[1])
		require.NoError(t, err)
		defer content.Close()
		text, err := io.ReadAll(content)
		require.NoError(t, err)
		require.Equal(t, "two", string(text))

		again := mustPush(t, m, src, latest(s)...)
		require.Equal(t, Amount{2, 6}, again[0].Found)
		require.Zero(t, again[0].Moved)
		require.Equal(t, src.opened, src.released, "nothing was opened again")
	})
}

func TestAnObjectOfSeveralSnapshotsIsCountedOnceAsMoved(t *testing.T) {
	backends(t, func(t *testing.T, m *Mirror) {
		src := newMemory()
		first, second := src.snapshot(t, "nodejs20.x", 1, "one", "both"), src.snapshot(t, "python3.12", 1, "both", "four")
		results := mustPush(t, m, src, latest(first, second)...)
		require.Equal(t, Amount{2, 7}, results[0].Moved)
		require.Zero(t, results[0].Found)
		require.Equal(t, Amount{1, 4}, results[1].Moved)
		require.Equal(t, Amount{1, 4}, results[1].Found, "it was moved for the first")
	})
}

func TestTheSameDocumentIsTheSameImage(t *testing.T) {
	s := newMemory().snapshot(t, "nodejs20.x", 1, "one", "two")
	require.Equal(t, "sha256:", s.Digest().String()[:7])
	for range 20 {
		require.Equal(t, s.Digest(), newMemory().snapshot(t, "nodejs20.x", 1, "one", "two").Digest())
	}
	require.JSONEq(t, `{"created":"2024-01-01T00:00:00Z","architecture":"amd64","os":"linux",
		"config":{"Labels":{"lambdabase.snapshot":`+jsonString(t, s)+`}},
		"rootfs":{"type":"layers","diff_ids":["sha256:`+s.Objects()[0].OID+`","sha256:`+s.Objects()[1].OID+`"]}}`, string(s.image.config.content))
}

func TestAnInterruptedPushGoesOn(t *testing.T) {
	r := newRegistry(t)
	m, src := open(t, r.location("m")), newMemory()
	s := src.snapshot(t, "nodejs20.x", 1, "one", "two", "three", "four", "five", "six")
	var puts atomic.Int64
	r.setIntercept(func(w http.ResponseWriter, req *http.Request) bool {
		if req.Method == http.MethodPut && puts.Add(1) > 2 {
			for r.puts.Load() < 2 || puts.Load() < 6 { // all are on their way, as what comes late is not to be counted
				time.Sleep(time.Millisecond)
			}
			http.Error(w, "no", http.StatusTeapot)
			return true
		}
		return false
	})
	_, err := m.Push(t.Context(), src, latest(s), &recorder{})
	require.ErrorContains(t, err, "answers 418 i'm a teapot")
	_, err = m.Snapshot(t.Context(), "nodejs20.x")
	require.True(t, IsNotFound(err), err)

	r.setIntercept(nil)
	results := mustPush(t, m, src, latest(s)...)
	require.Equal(t, 2, results[0].Found.Objects)
	require.Equal(t, 4, results[0].Moved.Objects)
	blobs, manifests := r.uploads()
	require.Equal(t, 4+1+2, blobs, "the rest, the config, and the catalog's two")
	require.Equal(t, 3, manifests, "by both tags, and the catalog")

	r.setIntercept(nil)
	mustPush(t, m, src, latest(s)...)
	blobs, manifests = r.uploads()
	require.Zero(t, blobs+manifests, "all is there")
}

func TestABlobThatBreaksOffIsPushedAgain(t *testing.T) {
	r := newRegistry(t)
	m, src := open(t, r.location("m")), newMemory()
	s := src.snapshot(t, "nodejs20.x", 1, strings.Repeat("one", 100_000))
	var puts atomic.Int64
	r.setIntercept(func(w http.ResponseWriter, req *http.Request) bool {
		if req.Method != http.MethodPut {
			return false
		}
		switch puts.Add(1) {
		case 1:
			panic(http.ErrAbortHandler)
		case 2:
			http.Error(w, "busy", http.StatusServiceUnavailable)
			return true
		}
		return false
	})
	progress := &recorder{}
	results, err := m.Push(t.Context(), src, latest(s), progress)
	require.NoError(t, err)
	require.NoError(t, results[0].Err)
	require.EqualValues(t, 300_000, progress.bytes, "what was moved in vain doesn't count")
	require.Equal(t, 3, src.opened[s.Objects()[0].OID])
}

func TestACorruptedObjectIsRefusedByName(t *testing.T) {
	backends(t, func(t *testing.T, m *Mirror) {
		src := newMemory()
		good, bad := src.snapshot(t, "python3.12", 1, "one"), src.snapshot(t, "nodejs20.x", 1, "one", "two", "three")
		for name, content := range map[string]string{"flipped": "twO", "short": "tw", "long": "two more", "gone": ""} {
			oid := bad.Objects()[1].OID
			src.objects[oid] = content
			if name == "gone" {
				delete(src.objects, oid)
			}
			results, err := m.Push(t.Context(), src, latest(bad, good), &recorder{})
			require.NoError(t, err, name)
			require.ErrorContains(t, results[0].Err, "nodejs20.x: x86_64/1.tar.xz (object sha256:"+oid+", 3B): ", name)
			if name == "gone" {
				require.ErrorContains(t, results[0].Err, "nobody has it")
			} else {
				require.ErrorContains(t, results[0].Err, "memory: corrupted: ", name)
			}
			require.NoError(t, results[1].Err, "it has another object")
			for _, tag := range []string{"nodejs20.x", "nodejs20.x-" + bad.Commit} {
				_, err = m.Snapshot(t.Context(), tag)
				require.True(t, IsNotFound(err), err)
			}
			found, err := m.exists(t.Context(), objectBlob(bad.Objects()[1]))
			require.NoError(t, err)
			require.False(t, found, name)
		}
	})
}

func TestASourceThatHasNothingIsNotAskedForAll(t *testing.T) {
	m, src := open(t, mirror.Location{Layout: t.TempDir()}), newMemory()
	var contents []string
	for i := range 100 {
		contents = append(contents, strings.Repeat("x", i+1))
	}
	s := src.snapshot(t, "nodejs20.x", 1, contents...)
	clear(src.objects)
	_, err := m.Push(t.Context(), src, latest(s), &recorder{})
	require.ErrorContains(t, err, "nobody has it")
	require.Less(t, len(src.opened), 3*concurrentCopies)
}

func TestTwoPushesAtOnceDoNoHarm(t *testing.T) {
	r := newRegistry(t)
	dir := t.TempDir()
	for name, l := range map[string]mirror.Location{"registry": r.location("m"), "layout": {Layout: dir}} {
		t.Run(name, func(t *testing.T) {
			src := newMemory()
			a, b := src.snapshot(t, "nodejs20.x", 1, "one", "two"), src.snapshot(t, "python3.12", 2, "one", "three")
			var waited atomic.Int64
			var wg sync.WaitGroup
			for _, s := range []*Snapshot{a, b, a, b} {
				wg.Go(func() {
					m, err := Open(t.Context(), l, Options{Write: true, OnWait: func() { waited.Add(1) }})
					if err == nil {
						defer m.Close()
						_, err = m.Push(t.Context(), src, latest(s), &recorder{})
					}
					if err == nil {
						err = m.WriteCatalog(t.Context())
					}
					if err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			m := open(t, l)
			list, err := m.Runtimes(t.Context())
			require.NoError(t, err)
			require.Equal(t, []catalog.Runtime{
				{Name: "nodejs20.x", Platforms: []string{"linux/amd64", "linux/arm64"}, Commit: a.Commit, Date: a.Date, Size: 6},
				{Name: "python3.12", Platforms: []string{"linux/amd64", "linux/arm64"}, Commit: b.Commit, Date: b.Date, Size: 8},
			}, list)
			for _, s := range []*Snapshot{a, b} {
				for _, o := range s.Objects() {
					content, err := m.Open(t.Context(), o)
					require.NoError(t, err)
					require.NoError(t, content.Close())
				}
			}
		})
	}
}

func TestAMirrorIsCarriedFromOneToAnother(t *testing.T) {
	r := newRegistry(t)
	first, src := open(t, r.location("first")), newMemory()
	s := src.snapshot(t, "nodejs20.x", 1, "one", "two")
	mustPush(t, first, src, latest(s)...)
	carried := open(t, mirror.Location{Layout: t.TempDir()})
	last := open(t, newRegistry(t).location("last"))
	for _, way := range []struct{ from, to *Mirror }{{first, carried}, {carried, last}} {
		read, err := way.from.Snapshot(t.Context(), "nodejs20.x")
		require.NoError(t, err)
		results := mustPush(t, way.to, way.from, latest(read)...)
		require.Equal(t, s.Digest(), results[0].Digest())
		require.Equal(t, Amount{2, 6}, results[0].Moved)
	}
	read, err := last.Snapshot(t.Context(), "nodejs20.x")
	require.NoError(t, err)
	require.Equal(t, s.Snapshot, read.Snapshot)
}

func TestOtherToolsCopyAMirrorAsItIs(t *testing.T) {
	r, other := newRegistry(t), newRegistry(t)
	m, src := open(t, r.location("m")), newMemory()
	s := src.snapshot(t, "nodejs20.x", 1, "one", "two")
	mustPush(t, m, src, latest(s)...)
	from, to := r.location("m").Repository, other.location("copy").Repository
	require.NoError(t, crane.Copy(from+":nodejs20.x", to+":nodejs20.x"))
	read, err := open(t, other.location("copy")).Snapshot(t.Context(), "nodejs20.x")
	require.NoError(t, err)
	require.Equal(t, s.Digest(), read.Digest())
	pulled, err := crane.Pull(from + ":nodejs20.x")
	require.NoError(t, err)
	require.NoError(t, crane.SaveOCI(pulled, t.TempDir()))
}

func TestWhatAMirrorHasOfACommitStays(t *testing.T) {
	m, src := open(t, mirror.Location{Layout: t.TempDir()}), newMemory()
	both := src.document(t, "nodejs20.x", 1, "one", "two")
	whole, err := NewSnapshot(both)
	require.NoError(t, err)
	var half []*Snapshot
	for i := range both.Platforms {
		d := *both
		d.Platforms = both.Platforms[i : i+1]
		s, err := NewSnapshot(&d)
		require.NoError(t, err)
		half = append(half, s)
	}
	require.Equal(t, half[1].Digest(), mustPush(t, m, src, latest(half[1])...)[0].Digest())
	require.Equal(t, whole.Digest(), mustPush(t, m, src, latest(half[0])...)[0].Digest(), "the other platform is added")
	require.Equal(t, whole.Digest(), mustPush(t, m, src, latest(half[1])...)[0].Digest(), "no platform is lost")
}

func TestTheRuntimesOwnTagNamesTheLatest(t *testing.T) {
	m, src := open(t, mirror.Location{Layout: t.TempDir()}), newMemory()
	old, middle, young := src.snapshot(t, "nodejs20.x", 1, "one"), src.snapshot(t, "nodejs20.x", 2, "two"), src.snapshot(t, "nodejs20.x", 3, "three")
	for _, c := range []struct {
		Wanted
		want *Snapshot
	}{
		{Wanted{middle, LatestIfNewer}, middle}, {Wanted{old, LatestIfNewer}, middle}, {Wanted{young, NeverLatest}, middle},
		{Wanted{young, LatestIfNewer}, young}, {Wanted{old, LatestAlways}, old},
	} {
		result := mustPush(t, m, src, c.Wanted)[0]
		require.Equal(t, result.Digest() == c.want.Digest(), result.Latest)
		read, err := m.Snapshot(t.Context(), "nodejs20.x")
		require.NoError(t, err)
		require.Equal(t, c.want.Commit, read.Commit)
	}
}
