package githost

import (
	"lambdabase/internal/sample/hosttest"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestBatchNamesAURLForEachObjectAndAnErrorForEachThatIsNotThere(t *testing.T) {
	s := serve(t)
	response, answer := s.batch(t, hosttest.DownloadBody(s.OID, strings.Repeat("0", 64)))
	require.Equal(t, http.StatusOK, response.StatusCode)
	require.Equal(t, MediaType, response.Header.Get("Content-Type"))
	require.Equal(t, "basic", answer.Transfer)
	require.Len(t, answer.Objects, 2)

	there := answer.Objects[0]
	require.EqualValues(t, len(s.Content), there.Size)
	href := there.Actions["download"].Href
	require.Contains(t, href, s.URL+"/lfs/"+s.OID)
	require.Contains(t, href, Signature)
	_, content, err := s.Get(t, strings.TrimPrefix(href, s.URL))
	require.NoError(t, err)
	require.Equal(t, s.Content, content)

	require.Empty(t, answer.Objects[1].Actions)
	require.Equal(t, http.StatusNotFound, answer.Objects[1].Error.Code)
}

func TestBatchOffersNoUpload(t *testing.T) {
	response, _ := serve(t).batch(t, `{"operation":"upload","objects":[]}`)
	require.Equal(t, http.StatusForbidden, response.StatusCode)
}
