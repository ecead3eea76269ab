package main

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

// slow is what takes long to remove.
type slow struct {
	pending
	removing, removed chan struct{}
}

func (s *slow) drop() {
	close(s.removing)
	<-s.removed
}

func TestACommandEndsOnceWhatItBeganIsRemoved(t *testing.T) {
	p := &place{}
	s := &slow{removing: make(chan struct{}), removed: make(chan struct{})}
	p.begun.add(s)
	go p.begun.drop() // as the build does that was interrupted
	<-s.removing
	said, ended := make(chan string, 1), make(chan struct{})
	go func() {
		defer close(ended)
		p.dropBegun(func(text string) { said <- text })
	}()
	require.Contains(t, <-said, "removing what was written of the output")
	select {
	case <-ended:
		t.Fatal("ended before it was removed")
	default:
	}
	close(s.removed)
	<-ended
	p.dropBegun(func(string) {}) // and never twice, which would be a panic here
}

func TestADirIsRemovedThoughItIsStillWrittenInto(t *testing.T) {
	p, err := newPendingDir(filepath.Join(t.TempDir(), "above", "new"))
	require.NoError(t, err)
	require.NoError(t, os.MkdirAll(p.dir, 0o700))
	root, err := os.OpenRoot(p.dir)
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
	p.drop()
	require.NoDirExists(t, p.dir)
	require.NoDirExists(t, filepath.Dir(p.name))
	<-ended
}
