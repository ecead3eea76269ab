package frontend

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/moby/buildkit/exporter/containerimage/exptypes"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/stretchr/testify/require"
)

func TestAHistoryIsCorrectedByTheBaseThatItStandsOn(t *testing.T) {
	line := func(by string, empty bool) ocispecs.History {
		return ocispecs.History{CreatedBy: by, EmptyLayer: empty}
	}
	short := baseImage{platform: ocispecs.Platform{OS: "linux", Architecture: "amd64"}}
	long := short
	short.Runtime, long.Runtime = "nodejs18.x", "nodejs20.x"
	var all histories
	all.set(short.key(), []ocispecs.History{line("ADD a", false), line("WORKDIR /var/task", false)})
	all.set(long.key(), []ocispecs.History{line("ADD a", false), line("ADD b", true)})

	told := func(base baseImage, lines ...ocispecs.History) []ocispecs.History {
		lines = slices.Clone(lines)
		markHistory(base.key(), lines)
		return lines
	}
	copied := ocispecs.History{CreatedBy: "COPY", Author: "somebody"}
	for name, tc := range map[string]struct{ history, want []ocispecs.History }{
		"the shorter one":   {append(told(short, line("ADD a", false)), copied), []ocispecs.History{line("ADD a", false), line("WORKDIR /var/task", false), copied}},
		"the longer one":    {append(told(long, line("ADD a", false), line("ADD b", false)), copied), []ocispecs.History{line("ADD a", false), line("ADD b", true), copied}},
		"not fetched":       {told(baseImage{}, line("ADD a", false)), []ocispecs.History{line("ADD a", false)}},
		"another's":         {[]ocispecs.History{line("ADD a", false), copied}, []ocispecs.History{line("ADD a", false), copied}},
		"nothing":           {nil, nil},
		"the base and more": {append(told(short, line("ADD a", false)), line("ADD b", false)), []ocispecs.History{line("ADD a", false), line("WORKDIR /var/task", false), line("ADD b", false)}},
	} {
		t.Run(name, func(t *testing.T) {
			for _, key := range []string{exptypes.ExporterImageConfigKey, exptypes.ExporterImageConfigKey + "/linux/arm64", exptypes.ExporterImageBaseConfigKey} {
				dt, err := json.Marshal(dockerspec.DockerOCIImage{Image: ocispecs.Image{History: tc.history}})
				require.NoError(t, err)
				res := &gateway.Result{Metadata: map[string][]byte{key: dt}}
				require.NoError(t, all.correct(res))
				require.Equal(t, tc.want, imageOf(t, res.Metadata[key]).History)
			}
		})
	}
}
