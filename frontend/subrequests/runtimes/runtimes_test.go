package runtimes

import (
	"testing"
	"time"

	"lambdabase/internal/catalog"

	"github.com/stretchr/testify/require"
)

func TestTheAnswerHasNoDateAndNoSize(t *testing.T) {
	res, err := New([]catalog.Runtime{
		{Name: "nodejs20.x", Platforms: []string{"linux/amd64"}, Commit: "c", Date: time.Now(), Size: 5},
		{Name: "mine", FromCatalog: true},
	}).ToResult()
	require.NoError(t, err)
	require.JSONEq(t, `[
		{"name": "nodejs20.x", "platforms": ["linux/amd64"], "commit": "c", "endOfSupport": "2026-04-30"},
		{"name": "mine", "platforms": null, "catalogue": true}
	]`, string(res.Metadata["result.json"]))
	require.Contains(t, string(res.Metadata["result.txt"]), "nodejs20.x  linux/amd64  c                     2026-04-30")
}
