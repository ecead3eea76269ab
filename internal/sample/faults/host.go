package faults

import (
	"net/http/httptest"
	"testing"

	"lambdabase/internal/sample"

	"github.com/stretchr/testify/require"
)

// Host is a repository and its server, for the time of a test.
type Host struct {
	*sample.Repository
	*Server
	URL      string // of the server
	listener *httptest.Server
}

// Serve makes a repository of the branches and serves it.
func Serve(t testing.TB, branches ...sample.Branch) *Host {
	t.Helper()
	repository, err := sample.Create(t.TempDir(), branches)
	require.NoError(t, err)
	return ServeAgain(t, repository)
}

// ServeAgain serves a repository that there is.
func ServeAgain(t testing.TB, r *sample.Repository) *Host {
	t.Helper()
	s := New(r)
	listener := httptest.NewServer(s)
	t.Cleanup(listener.Close)
	return &Host{Repository: r, Server: s, URL: listener.URL, listener: listener}
}

// Close ends it before the test does.
func (h *Host) Close() { h.listener.Close() }

// RepositoryURL is where git finds the repository.
func (h *Host) RepositoryURL() string {
	url, _ := h.URLs(h.URL)
	return url
}
