package frontend

import (
	"context"
	"maps"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"lambdabase/internal/llbtext"

	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/stretchr/testify/require"
)

// kept are verdicts in memory.
type kept struct {
	mu   sync.Mutex
	keys map[string]bool
}

func (k *kept) Has(key string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.keys[key]
}

func (k *kept) Add(key string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.keys == nil {
		k.keys = map[string]bool{}
	}
	k.keys[key] = true
}

// frontend has these verdicts.
func (k *kept) frontend(cacheTimeout time.Duration) Frontend {
	f := quick
	f.Verdicts, f.CacheTimeout = k, cacheTimeout
	return f
}

func (k *kept) build(t *testing.T, s *stub) (*gateway.Result, error) {
	t.Helper()
	return k.frontend(time.Hour).Build(t.Context(), s) // a machine may be busy
}

func (k *kept) built(t *testing.T, s *stub) *gateway.Result {
	t.Helper()
	res, err := k.build(t, s)
	require.NoError(t, err)
	return res
}

// newPlain has layers that are merged, of objects whose size is known.
func newPlain(opts map[string]string) *stub {
	s := newGated(opts)
	s.image = false
	s.objects = map[string]string{stubOID("a"): "12345", stubOID("b"): "12345", stubOID("c"): "12345"}
	return s
}

// unpacked counts the definitions of layers apart.
func unpacked(s *stub) (n int) {
	for _, definition := range s.solved {
		if strings.Contains(definition, "copy /") && !strings.Contains(definition, "merge") {
			n++
		}
	}
	return n
}

func TestLayersThatWereLookedAtAreMergedAtOnce(t *testing.T) {
	k, first, second := &kept{}, newPlain(nil), newPlain(nil)
	want := k.built(t, first)
	require.Len(t, k.keys, 1)
	require.Equal(t, 2, unpacked(first))
	require.Equal(t, want.Metadata, k.built(t, second).Metadata)
	require.Zero(t, unpacked(second), second.solved)
	require.Equal(t, last(first), last(second))
}

func TestWhatTheNextBuildMustLookAtIsNotKept(t *testing.T) {
	for name, change := range map[string]func(*stub){
		"a conflict":            func(s *stub) { s.disagree() },
		"no workdir":            func(s *stub) { delete(s.layers[stubOID("b")], "var/task") },
		"a chain":               func(s *stub) { s.opts["layers"] = "chain" },
		"no merge":              func(s *stub) { s.noMerge = true },
		"exclude":               func(s *stub) { s.opts["exclude"] = "/etc/a" },
		"an imported cache":     func(s *stub) { s.opts["cache-imports"] = imported },
		"no cache":              func(s *stub) { s.opts["no-cache"] = "" },
		"an object that's gone": func(s *stub) { delete(s.objects, stubOID("a")) },
	} {
		k, s := &kept{}, newPlain(nil)
		change(s)
		k.built(t, s)
		require.Empty(t, k.keys, name)
	}
	k, s := &kept{}, newPlain(nil)
	s.objects[stubOID("a")] = "1234"
	_, err := k.build(t, s)
	require.ErrorContains(t, err, "its pointer says 5")
	require.Empty(t, k.keys)
}

func TestAVerdictIsOfTheSameObjectsAlone(t *testing.T) {
	k := &kept{}
	k.built(t, newPlain(nil))
	for name, change := range map[string]func(*stub){
		"another size": func(s *stub) {
			s.tree["x86_64/a.tar.xz"] = stubFile{data: strings.Replace(stubPointer("a").data, "size 5", "size 6", 1)}
		},
		"another object": func(s *stub) { s.tree["x86_64/a.tar.xz"] = stubPointer("c") },
		"another order": func(s *stub) {
			s.tree["x86_64/a.tar.xz"], s.tree["x86_64/b.tar.xz"] = stubPointer("b"), stubPointer("a")
		},
		"another directory": func(s *stub) {
			s.tree["x86_64/Dockerfile.nodejs20.x"] = stubFile{data: strings.Replace(s.tree["x86_64/Dockerfile.nodejs20.x"].data, "/var/task", "/var", 1)}
		},
	} {
		s := newPlain(nil)
		change(s)
		_, err := k.build(t, s)
		require.Equal(t, name == "another size", err != nil, name)
		require.NotZero(t, unpacked(s), name)
	}
}

func TestASizeThatWasNotComparedIsNotKnown(t *testing.T) {
	k, step := &kept{}, newPlain(map[string]string{"objects": "lfs"})
	step.image = true
	k.built(t, step)
	require.Len(t, k.keys, 1)
	s := newPlain(nil)
	s.objects[stubOID("a")] = "1234"
	_, err := k.build(t, s)
	require.ErrorContains(t, err, "its pointer says 5")
}

func TestAnArchiveThatWasCopiedSinceIsSeen(t *testing.T) {
	k := &kept{}
	k.built(t, newPlain(nil))
	s := newPlain(nil)
	s.layers[stubOID("b")] = maps.Clone(s.layers[stubOID("b")])
	s.layers[stubOID("b")][stubOID("b")] = stubFile{data: "12345"}
	_, err := k.build(t, s)
	require.ErrorContains(t, err, "was not unpacked")
}

// slowMerge is a daemon that takes its time for the first merge, and says then that it is over.
type slowMerge struct {
	*stub
	merges atomic.Int32
	until  <-chan time.Time
	over   atomic.Bool
}

func (s *slowMerge) Solve(ctx context.Context, req gateway.SolveRequest) (*gateway.Result, error) {
	if text, err := llbtext.Format(req.Definition); err == nil && strings.Contains(text, "merge") && s.merges.Add(1) == 1 {
		<-s.until
		s.over.Store(true)
	}
	return s.stub.Solve(ctx, req)
}

func TestAMergeThatACacheTookLongForIsNotBrokenOff(t *testing.T) {
	k := &kept{}
	k.built(t, newPlain(nil))
	s := &slowMerge{stub: newPlain(nil), until: time.After(100 * time.Millisecond)}
	_, err := k.frontend(time.Nanosecond).Build(t.Context(), s)
	require.NoError(t, err)
	require.Equal(t, 2, unpacked(s.stub))
	require.True(t, s.over.Load(), "the request ended before")
}

func TestAMergeThatAnObjectNeverCameForIsBrokenOff(t *testing.T) {
	k := &kept{}
	k.built(t, newPlain(nil))
	never := make(chan time.Time)
	defer close(never)
	s := &slowMerge{stub: newPlain(nil), until: never}
	s.fails, s.passing = map[string]string{stubOID("a"): "unexpected EOF"}, true
	_, err := k.frontend(time.Nanosecond).Build(t.Context(), s)
	require.NoError(t, err)
	require.False(t, s.over.Load())
}

func TestABaseThatSomethingStandsOnIsNotSolvedBefore(t *testing.T) {
	k := &kept{}
	function := func() *stub {
		s := withDockerfile("FROM nodejs20.x\nCOPY Dockerfile /\n", nil)
		maps.Copy(s.layers[stubOID("b")], stubRef{"var": stubDir, "var/task": stubDir})
		s.objects = newPlain(nil).objects
		return s
	}
	first, second := function(), function()
	k.built(t, first)
	require.Len(t, k.keys, 1, "of a base, too")
	k.built(t, second)
	require.Equal(t, last(first), last(second))
	require.NotZero(t, unpacked(second))
	for _, definition := range second.solved {
		require.True(t, !strings.Contains(definition, "merge") || strings.Contains(definition, "copy /Dockerfile"), definition)
	}
}
