package store

import (
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/stretchr/testify/require"
)

func TestABlobThatStopsComingIsAnError(t *testing.T) {
	r := newRegistry(t)
	r.setIntercept(func(w http.ResponseWriter, req *http.Request) bool {
		w.Header().Set("Content-Length", "10")
		w.Write([]byte("some"))
		w.(http.Flusher).Flush()
		<-req.Context().Done()
		return true
	})
	repository, err := OpenRepository(r.location("m").Repository, false, Options{RetryDelay: time.Millisecond})
	require.NoError(t, err)
	repository.stallTimeout = 50 * time.Millisecond
	content, err := repository.Fetch(t.Context(), ocispecs.Descriptor{Digest: digest.FromString("x"), Size: 10})
	require.NoError(t, err)
	_, err = io.ReadAll(content)
	require.ErrorIs(t, err, errStalled)
	require.NoError(t, content.Close())
}

func TestWhatARepositoryDoesNotHaveIsKnown(t *testing.T) {
	r := newRegistry(t)
	repository, err := OpenRepository(r.location("none").Repository, false, Options{RetryDelay: time.Millisecond})
	require.NoError(t, err)
	_, err = repository.Resolve(t.Context(), "1")
	require.True(t, IsNotFound(err), err)
}
