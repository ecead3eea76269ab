package githost

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"lambdabase/internal/sample"
	"lambdabase/internal/sample/hosttest"

	"github.com/stretchr/testify/require"
)

const batchPath = RepositoryPath + "/info/lfs/objects/batch"

// testServer is a server of one runtime.
type testServer struct {
	*hosttest.Host
	*Server
}

func serve(t *testing.T) *testServer {
	t.Helper()
	s := &testServer{}
	s.Host = hosttest.Start(t, func(r *sample.Repository) http.Handler {
		s.Server = New(r)
		return s.Server
	})
	return s
}

func (s *testServer) batch(t *testing.T, body string, header ...string) (*http.Response, BatchResponse) {
	t.Helper()
	response, content := s.Post(t, batchPath, body, append(header, "Content-Type", MediaType)...)
	var answer BatchResponse
	require.NoError(t, json.Unmarshal(content, &answer))
	return response, answer
}

// action is how to get the object.
func (s *testServer) action(t *testing.T, header ...string) BatchAction {
	t.Helper()
	_, answer := s.batch(t, hosttest.DownloadBody(s.OID), header...)
	require.Len(t, answer.Objects, 1)
	return answer.Objects[0].Actions["download"]
}

// follow gets what an action names, with what it gives to send along.
func (s *testServer) follow(t *testing.T, a BatchAction) (*http.Response, []byte) {
	t.Helper()
	var header []string
	for name, value := range a.Header {
		header = append(header, name, value)
	}
	response, body, err := s.Get(t, strings.TrimPrefix(a.Href, s.URL), header...)
	require.NoError(t, err)
	return response, body
}

// testSSHServer is an SSH server beside the HTTP one.
type testSSHServer struct {
	*testServer
	*hosttest.SSHClient
	ssh *SSHServer
}
