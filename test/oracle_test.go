package test

import (
	"strings"
	"testing"

	"lambdabase/internal/sample"
	"lambdabase/test/sandbox"

	"github.com/stretchr/testify/require"
)

// chained are the runtimes that are built with layers=chain too: one of each shape.
var chained = []string{"nodejs20.x", "dotnet8", "go1.x"}

func TestEveryBaseImageEqualsTheOracle(t *testing.T) {
	d := sandbox.Start(t, sandbox.WithSnapshotter("overlayfs"))
	branches, err := sample.Upstream(sample.UpstreamOptions{Scale: 0.001})
	require.NoError(t, err)
	h := serve(t, branches)
	images := 0
	for _, b := range branches {
		for platform, folder := range platformsOf(b) {
			images++
			t.Run(b.Name+" "+platform, func(t *testing.T) {
				oracle := h.oracle(t, b.Name, folder, "platform", platform)
				requireEqual(t, d, oracle, h.request(b.Name, "platform", platform))
				for _, runtime := range chained {
					if b.Name == runtime {
						requireEqual(t, d, oracle, h.request(b.Name, "platform", platform, "layers", "chain"))
					}
				}
			})
		}
	}
	require.Equal(t, 56, images)
}

// platformsOf are a branch's platforms, and the folder in which upstream's instructions build each: x86_64 at the root.
func platformsOf(b sample.Branch) map[string]string {
	platforms := map[string]string{"linux/amd64": ""}
	for name := range b.Files {
		if strings.HasPrefix(name, "arm64/") {
			platforms["linux/arm64"] = "arm64"
		}
	}
	return platforms
}
