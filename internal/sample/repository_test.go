package sample

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func create(t *testing.T, opts UpstreamOptions) *Repository {
	t.Helper()
	r, err := Create(t.TempDir(), upstream(t, opts))
	require.NoError(t, err)
	return r
}

func TestTheSameInputGivesTheSameCommits(t *testing.T) {
	one, two := create(t, UpstreamOptions{}), create(t, UpstreamOptions{})
	all, err := branchSpecs()
	require.NoError(t, err)
	for _, f := range append(all, branchSpec{Branch: "main"}) {
		a, err := one.Commit(f.Branch)
		require.NoError(t, err)
		b, err := two.Commit(f.Branch)
		require.NoError(t, err)
		require.Equal(t, a, b, f.Branch)
	}
}

func TestCommitIDsDoNotChangeBetweenVersionsOfThisCode(t *testing.T) {
	commit, err := create(t, UpstreamOptions{Scale: 0.001, Branches: []string{"nodejs20.x"}}).Commit("nodejs20.x")
	require.NoError(t, err)
	require.Equal(t, "31a612b1529a85c563f42cc15102cda5e631eb09", commit, "a change here changes the golden files of other packages")
}

func TestCreateRefusesAFolderThatHasOne(t *testing.T) {
	r := create(t, UpstreamOptions{Branches: []string{"provided"}})
	_, err := Create(r.Dir, nil)
	require.ErrorContains(t, err, "already exists")
	again, err := Open(r.Dir)
	require.NoError(t, err)
	require.Equal(t, r, again)
	_, err = Open(t.TempDir())
	require.ErrorContains(t, err, "does not exist")
}

func TestCheckoutPointersIsTheTree(t *testing.T) {
	r := create(t, UpstreamOptions{Branches: []string{"provided.al2023"}})
	dir := t.TempDir()
	require.NoError(t, r.CheckoutPointers("provided.al2023", dir))
	tarballs, err := filepath.Glob(filepath.Join(dir, "*", "*.tar.xz"))
	require.NoError(t, err)
	require.Len(t, tarballs, 8)
	for _, name := range tarballs {
		content, err := os.ReadFile(name)
		require.NoError(t, err)
		oid, ok := pointerOID(content)
		require.True(t, ok, "%s", content)
		object, err := r.Object(oid)
		require.NoError(t, err)
		info, err := os.Stat(object)
		require.NoError(t, err)
		require.Equal(t, fmt.Sprintf("version https://git-lfs.github.com/spec/v1\noid sha256:%s\nsize %d\n", oid, info.Size()), string(content))
	}
}

func TestCheckoutHasTheTarballs(t *testing.T) {
	b := upstream(t, UpstreamOptions{Branches: []string{"provided.al2023"}})[0]
	r, err := Create(t.TempDir(), []Branch{b})
	require.NoError(t, err)
	dir := t.TempDir()
	require.NoError(t, r.Checkout(b.Name, dir))
	for _, files := range []map[string][]byte{b.Files, b.LFS} {
		for name, want := range files {
			got, err := os.ReadFile(filepath.Join(dir, name))
			require.NoError(t, err)
			require.Equal(t, want, got, name)
			info, err := os.Stat(filepath.Join(dir, name))
			require.NoError(t, err)
			require.Equal(t, os.FileMode(0o644), info.Mode(), name)
		}
	}
}

func TestObjectsAreStoredUnderTheirOwnDigest(t *testing.T) {
	b := Branch{Name: "x", Date: mainBranch().Date, LFS: map[string][]byte{"a.tar.xz": []byte("a")}}
	r, err := Create(t.TempDir(), []Branch{b})
	require.NoError(t, err)
	name, err := r.Object(fmt.Sprintf("%x", sha256.Sum256([]byte("a"))))
	require.NoError(t, err)
	content, err := os.ReadFile(name)
	require.NoError(t, err)
	require.Equal(t, "a", string(content))
	_, err = r.Object("../repo.git/config")
	require.ErrorContains(t, err, "malformed oid")
}

func TestDeletedBranchIsGone(t *testing.T) {
	r := create(t, UpstreamOptions{Branches: []string{"provided"}})
	require.NoError(t, r.Delete("provided"))
	_, err := r.Commit("provided")
	require.Error(t, err)
	require.Error(t, r.Delete("provided"))
}

func TestWhatNoBranchNamesVanishesWithTheGarbage(t *testing.T) {
	at := func(release int) Branch {
		made, err := Upstream(UpstreamOptions{Scale: 0.0001, Branches: []string{"nodejs20.x"}, Release: release})
		require.NoError(t, err)
		return made[0]
	}
	r, err := Create(t.TempDir(), []Branch{at(0)})
	require.NoError(t, err)
	first, err := r.Commit("nodejs20.x")
	require.NoError(t, err)
	var names []string
	for name := range at(0).LFS {
		names = append(names, name)
	}
	later, err := r.Push(at(1))
	require.NoError(t, err)
	require.NotEqual(t, first, later)
	oids := map[string]bool{}
	for _, name := range names {
		oid, ok := r.OIDAt(first, name)
		require.True(t, ok, "the commit before stays")
		oids[oid] = true
	}
	require.NoError(t, r.CollectGarbage())
	for _, name := range names {
		_, ok := r.OIDAt(first, name)
		require.False(t, ok)
	}
	kept := 0
	for oid := range oids {
		if _, err := r.Object(oid); err == nil {
			kept++
		}
	}
	require.NotZero(t, kept, "what the later one has, too")
	require.Less(t, kept, len(oids))
	for name := range at(1).LFS {
		oid, ok := r.OIDAt(later, name)
		require.True(t, ok)
		_, err := r.Object(oid)
		require.NoError(t, err)
	}
}
