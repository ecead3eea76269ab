package main

import (
	"io"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

// slowOutput is what takes long to remove.
type slowOutput struct {
	atomicOutput
	removing, removed chan struct{}
}

func (s *slowOutput) abort() {
	close(s.removing)
	<-s.removed
}

func TestACommandEndsOnceWhatItBeganIsRemoved(t *testing.T) {
	b := &backend{}
	s := &slowOutput{removing: make(chan struct{}), removed: make(chan struct{})}
	b.openOutputs.add(s)
	go b.openOutputs.abort() // as the build does that was interrupted
	<-s.removing
	printed, ended := make(chan string, 1), make(chan struct{})
	go func() {
		defer close(ended)
		b.abortOutputs(func(text string) { printed <- text })
	}()
	require.Contains(t, <-printed, "removing what was written of the output")
	select {
	case <-ended:
		t.Fatal("ended before it was removed")
	default:
	}
	close(s.removed)
	<-ended
	b.abortOutputs(func(string) {}) // and never twice, which would be a panic here
}

func TestADirIsRemovedThoughItIsStillWrittenInto(t *testing.T) {
	p, err := newAtomicDir(filepath.Join(t.TempDir(), "above", "new"))
	require.NoError(t, err)
	require.NoError(t, os.MkdirAll(p.tempDir, 0o700))
	root, err := os.OpenRoot(p.tempDir)
	require.NoError(t, err)
	defer root.Close()
	writing, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for i := range 6000 {
			file, err := root.Create(strconv.Itoa(i))
			if err != nil {
				return
			}
			file.Close()
			if i == 500 {
				close(writing)
			}
		}
	}()
	<-writing
	p.abort()
	require.NoDirExists(t, p.tempDir)
	require.NoDirExists(t, filepath.Dir(p.name))
	<-ended
}

func TestAFileIsThereOnceItIsWhole(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "file")
	write := func(p *atomicFile) {
		w, err := p.create(nil)
		require.NoError(t, err)
		_, err = io.WriteString(w, "new")
		require.NoError(t, err)
		require.NoError(t, w.Close())
	}
	dropped := newAtomicFile(name)
	write(dropped)
	require.NoFileExists(t, name)
	dropped.abort()

	kept := newAtomicFile(name)
	require.ErrorContains(t, kept.commit(), "nothing was written to "+name)
	write(kept)
	require.NoError(t, kept.commit())
	kept.abort()
	text, err := os.ReadFile(name)
	require.NoError(t, err)
	require.Equal(t, "new", string(text))
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, left, 1)
}

func TestAnOutputThatCannotBeIsSaidByItsName(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "file"), nil, 0o600))
	for name, want := range map[string]string{
		"none/a.json": "output " + dir + "/none/a.json: there is no folder " + dir + "/none: make it, or name another place",
		"file/a.json": "output " + dir + "/file/a.json: in folder " + dir + "/file: not a directory",
	} {
		require.EqualError(t, writeFileAtomic(filepath.Join(dir, name), nil), want)
	}
}
