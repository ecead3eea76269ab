package faults

import (
	"encoding/json"
	"net/http"
	"testing"

	"lambdabase/internal/sample/githost"
	"lambdabase/internal/sample/hosttest"

	"github.com/stretchr/testify/require"
)

// testServer is a server of one runtime, which does nothing wrong until it is told to.
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

// post asks the batch API for objects.
func (s *testServer) post(t *testing.T, oids []string, header ...string) (*http.Response, []byte) {
	t.Helper()
	return s.Post(t, githost.RepositoryPath+"/info/lfs/objects/batch", hosttest.DownloadBody(oids...), append(header, "Content-Type", githost.MediaType)...)
}

func (s *testServer) batch(t *testing.T, oids ...string) (*http.Response, githost.BatchResponse) {
	t.Helper()
	response, content := s.post(t, oids)
	var answer githost.BatchResponse
	require.NoError(t, json.Unmarshal(content, &answer))
	return response, answer
}

// action is how to get the object, in an answer that is at fault.
func (s *testServer) action(t *testing.T, fault BatchFault) githost.BatchAction {
	t.Helper()
	s.ClearFaults()
	s.Inject(Target{Kind: githost.Batch}, Fault{Batch: fault})
	_, answer := s.batch(t, s.OID)
	require.Len(t, answer.Objects, 1)
	return answer.Objects[0].Actions["download"]
}
