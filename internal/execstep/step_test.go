package execstep

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"lambdabase/internal/catalog"
	"lambdabase/internal/execstep/contract"
	"lambdabase/internal/lfs"
	"lambdabase/internal/lfs/transfer"
	"lambdabase/internal/sample"
	"lambdabase/internal/sample/faults"

	"github.com/opencontainers/go-digest"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// bench is a step with folders of its own, and a repository to ask.
func bench(t *testing.T) (*step, *faults.Host, string) {
	t.Helper()
	made, err := sample.Upstream(sample.UpstreamOptions{Scale: 0.001, Branches: []string{"provided.al2023"}})
	require.NoError(t, err)
	server := faults.Serve(t, made...)
	return &step{out: t.TempDir(), cache: t.TempDir(), secrets: t.TempDir(), stdout: &bytes.Buffer{}, progress: &bytes.Buffer{}}, server, server.RepositoryURL()
}

// anObject is one of the repository's.
func anObject(t *testing.T) (oid, size string) {
	t.Helper()
	made, err := sample.Upstream(sample.UpstreamOptions{Scale: 0.001, Branches: []string{"provided.al2023"}})
	require.NoError(t, err)
	for _, content := range made[0].LFS {
		return digest.FromBytes(content).Encoded(), strconv.Itoa(len(content))
	}
	return "", ""
}

func TestAnObjectIsFetchedOnceAndLeftByItsNameAlone(t *testing.T) {
	s, server, url := bench(t)
	oid, size := anObject(t)
	for range 2 {
		s.out = t.TempDir()
		require.NoError(t, s.run(context.Background(), []string{"fetch", "--repository=" + url, oid, size}))
		entries, err := os.ReadDir(s.out)
		require.NoError(t, err)
		require.Len(t, entries, 1)
		info, err := entries[0].Info()
		require.NoError(t, err)
		require.Equal(t, oid, info.Name())
		require.Equal(t, os.FileMode(0o600), info.Mode())
		require.Equal(t, 1, server.Count(oid), "the second time it is in the cache")
	}
	require.Contains(t, s.progress.(*bytes.Buffer).String(), "found in the cache")
}

func TestWhatChangesInTheCacheMeanwhileIsNotPublished(t *testing.T) {
	dir := t.TempDir()
	object := []byte("the object")
	p := lfs.Pointer{OID: digest.FromBytes(object).Encoded(), Size: int64(len(object))}
	secret, from, to := filepath.Join(dir, "secret"), filepath.Join(dir, p.OID), filepath.Join(dir, "out")
	require.NoError(t, os.WriteFile(secret, object, 0o600))
	for name, put := range map[string]func() error{
		"other content": func() error { return os.WriteFile(from, []byte("an object!"), 0o600) },
		"more":          func() error { return os.WriteFile(from, append(object, 'x'), 0o600) },
		"a link":        func() error { return os.Symlink(secret, from) },
		"a pipe":        func() error { return unix.Mkfifo(from, 0o600) },
	} {
		require.NoError(t, put(), name)
		if opened, err := transfer.OpenFile(from); err == nil {
			require.ErrorIs(t, publish(opened, to, p), errChanged, name)
		}
		require.NoFileExists(t, to, name)
		require.NoError(t, os.Remove(from))
	}
	require.NoError(t, os.WriteFile(from, object, 0o600))
	opened, err := transfer.OpenFile(from)
	require.NoError(t, err)
	require.NoError(t, publish(opened, to, p))
}

func TestAFailureLeavesItsReason(t *testing.T) {
	s, _, url := bench(t)
	err := s.run(context.Background(), []string{"fetch", "--repository=" + url, "0000000000000000000000000000000000000000000000000000000000000001", "5"})
	require.ErrorContains(t, err, "not found")
	require.NoError(t, s.run(context.Background(), []string{"failure"}))
	require.Equal(t, err.Error(), s.stdout.(*bytes.Buffer).String())

	s, _, url = bench(t)
	err = s.run(context.Background(), []string{"branches", "--repository=" + url + "-not-there"})
	require.ErrorContains(t, err, "pass a token as the secret")
	require.FileExists(t, filepath.Join(s.out, contract.FailureFile))
}

func TestASecretThatHoldsNoCertificateIsAnError(t *testing.T) {
	s, _, url := bench(t)
	require.NoError(t, os.WriteFile(filepath.Join(s.secrets, "ca"), []byte("no PEM"), 0o600))
	oid, size := anObject(t)
	require.ErrorContains(t, s.run(context.Background(), []string{"fetch", "--repository=" + url, oid, size}), "secret LAMBDABASE_CA")
}

func TestBranchesAreLeftAsJSON(t *testing.T) {
	s, _, url := bench(t)
	require.NoError(t, s.run(context.Background(), []string{"branches", "--repository=" + url}))
	dt, err := os.ReadFile(filepath.Join(s.out, contract.BranchesFile))
	require.NoError(t, err)
	var found []catalog.Runtime
	require.NoError(t, json.Unmarshal(dt, &found))
	require.Len(t, found, 1)
	require.Equal(t, "provided.al2023", found[0].Name)
}

func TestAnUnknownStepIsAnError(t *testing.T) {
	for _, args := range [][]string{{"fetch"}, {"fetch", "a"}, {"brunches"}, {"branches", "x"}, {"fetch", "--x", "a", "1"}} {
		require.Error(t, (&step{}).run(context.Background(), args), args)
	}
}
