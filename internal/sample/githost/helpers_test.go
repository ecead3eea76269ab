package githost

import (
	"encoding/json"
	"net/http"
	"testing"

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
	s.Host, s.Server = hosttest.Start(t, New)
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

// testSSHServer is an SSH server beside the HTTP one.
type testSSHServer struct {
	*testServer
	*hosttest.SSHClient
	ssh *SSHServer
}
