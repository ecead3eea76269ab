package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMetadataIsJSONWhereItIsJSONInBase64(t *testing.T) {
	got := decodeExporterResponse(map[string]string{"containerimage.digest": "sha256:00", "descriptor": "eyJhIjoxfQ==", "text": "bm8=", "n": "MTIz"})
	require.Equal(t, "sha256:00", got["containerimage.digest"])
	require.EqualValues(t, `{"a":1}`, got["descriptor"])
	require.Equal(t, "bm8=", got["text"])
	require.Equal(t, "MTIz", got["n"])
}

func TestAMetadataFileThatCantBeIsFoundAtOnce(t *testing.T) {
	t.Chdir(t.TempDir())
	for file, want := range map[string]string{"": "", "a.json": "", ".": ". is a folder: name a file in it", "none/a.json": "folder: stat none: no such file or directory"} {
		err := (&buildCommand{metadataFile: file}).checkMetadataFile()
		if want == "" {
			require.NoError(t, err, file)
		} else {
			require.EqualError(t, err, want, file)
		}
	}
}
