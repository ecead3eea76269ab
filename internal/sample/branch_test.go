package sample

import (
	"crypto/sha256"
	"maps"
	"path"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func upstream(t *testing.T, opts UpstreamOptions) []Branch {
	t.Helper()
	branches, err := Upstream(opts)
	require.NoError(t, err)
	return branches
}

func TestOneUpstreamObjectIsOneMadeUpObject(t *testing.T) {
	branches := upstream(t, UpstreamOptions{})
	all, err := branchSpecs()
	require.NoError(t, err)

	made := map[string][sha256.Size]byte{}
	distinct := map[[sha256.Size]byte]bool{}
	for i, f := range all {
		for _, d := range f.Dockerfiles {
			for _, a := range d.Add {
				sum := sha256.Sum256(branches[i].LFS[a.TreePath])
				if before, ok := made[a.OID]; ok {
					require.Equal(t, before, sum, a.TreePath)
				}
				made[a.OID], distinct[sum] = sum, true
			}
		}
	}
	require.Len(t, distinct, 232)
}

func TestBranchHoldsTheRealFiles(t *testing.T) {
	all, err := branchSpecs()
	require.NoError(t, err)
	for i, b := range upstream(t, UpstreamOptions{}) {
		names := slices.Collect(maps.Keys(b.Files))
		names = slices.AppendSeq(names, maps.Keys(b.LFS))
		require.ElementsMatch(t, all[i].Files, names, b.Name)
		require.Equal(t, all[i].Date, b.Date)
	}
}

func TestObjectsDoNotDependOnTheSelection(t *testing.T) {
	every := upstream(t, UpstreamOptions{Scale: 0.0001})
	some := upstream(t, UpstreamOptions{Scale: 0.0001, Branches: []string{"ruby3.3", "python2.7"}})
	require.Len(t, some, 2)
	for _, b := range some {
		i := slices.IndexFunc(every, func(e Branch) bool { return e.Name == b.Name })
		require.Equal(t, every[i], b)
	}
}

func TestUnknownBranchIsRefused(t *testing.T) {
	_, err := Upstream(UpstreamOptions{Branches: []string{"nodejs99.x"}})
	require.ErrorContains(t, err, "nodejs99.x")
}

func TestSizesFollowTheScale(t *testing.T) {
	all, err := branchSpecs()
	require.NoError(t, err)
	b := upstream(t, UpstreamOptions{Scale: 0.02, Branches: []string{"provided.al2023"}})[0]
	i := slices.IndexFunc(all, func(f branchSpec) bool { return f.Branch == b.Name })
	for _, a := range all[i].Dockerfiles[0].Add {
		got := len(b.LFS[a.TreePath])
		switch a.Kind {
		case operatingSystem, emulator:
			require.InEpsilon(t, float64(a.Size)*0.02, got, 0.2, a.Kind)
		case directories:
			require.Less(t, got, 500)
		}
	}
}

func TestReleaseKeepsOSAndEmulator(t *testing.T) {
	only := []string{"nodejs20.x"}
	before := upstream(t, UpstreamOptions{Branches: only})[0]
	after := upstream(t, UpstreamOptions{Branches: only, Release: 1})[0]
	require.Equal(t, before.Date.Add(7*24*time.Hour), after.Date)
	require.Len(t, after.LFS, len(before.LFS))
	kept := 0
	for name, content := range after.LFS {
		if string(before.LFS[name]) == string(content) {
			kept++
		}
		dir, base := path.Split(name)
		require.Contains(t, string(after.Files[dir+"Dockerfile.nodejs20.x"]), "ADD "+base+" /")
	}
	require.Equal(t, 4, kept, "OS and emulator of two architectures")
}
