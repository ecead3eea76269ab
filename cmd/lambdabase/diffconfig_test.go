package main

import (
	"strings"
	"testing"

	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
	"github.com/stretchr/testify/require"
)

func TestSettingsThatDiffer(t *testing.T) {
	var before, after dockerspec.DockerOCIImageConfig
	before.Env, after.Env = []string{"LANG=C", "GONE=1", "SAME=x"}, []string{"SAME=x", "COME=\x1b[1m", "LANG=en_US.UTF-8"}
	before.Entrypoint, after.Entrypoint = []string{"/a"}, []string{"/a", "b c"}
	before.WorkingDir, after.WorkingDir = "/var/task", "/var/task"
	before.Labels = map[string]string{"a": "b"}
	after.User = "nobody"
	var text strings.Builder
	require.NoError(t, printSettingDiffs(&text, diffSettings(before, after)))
	require.Equal(t, `
settings: 5
  ~ entrypoint  ["/a"] -> ["/a","b c"]
  + env COME    "\x1b[1m"
  - env GONE    1
  ~ env LANG    C -> en_US.UTF-8
  + user        nobody
`, text.String())
	require.Empty(t, diffSettings(before, before))
}
