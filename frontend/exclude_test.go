package frontend

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"lambdabase/llb/lambda2llb"

	"github.com/moby/buildkit/exporter/containerimage/exptypes"
	"github.com/stretchr/testify/require"
)

func TestOnlyLayersThatHaveAPathAreUnpackedWithoutIt(t *testing.T) {
	s := newStub(map[string]string{"exclude": "/etc/a"})
	s.layers[stubOID("a")]["etc/c"] = stubFile{}
	res := built(t, s)
	require.Empty(t, s.warned)
	require.Equal(t, 1, strings.Count(last(s), "action: rm /etc/a"))
	require.Contains(t, last(s), "without /etc/a")
	history := imageOf(t, res.Metadata[exptypes.ExporterImageConfigKey]).History
	require.Contains(t, history[0].CreatedBy, "5 bytes, without /etc/a")
	require.NotContains(t, history[1].CreatedBy, "without")
}

func TestALayerThatNothingIsLeftOfVanishes(t *testing.T) {
	for _, layers := range []string{"auto", "chain"} {
		s := newStub(map[string]string{"exclude": "/etc/b", "layers": layers})
		res := built(t, s)
		require.NotContains(t, last(s), stubOID("b"))
		history := imageOf(t, res.Metadata[exptypes.ExporterImageConfigKey]).History
		require.Len(t, history, 2, "a layer and the working directory")
		require.NotContains(t, history[0].CreatedBy, "b.tar.xz")
	}
	s := newStub(map[string]string{"exclude": "/etc"})
	require.Len(t, imageOf(t, built(t, s).Metadata[exptypes.ExporterImageConfigKey]).History, 1, "the working directory alone")
	require.NotContains(t, last(s), "http")
}

func TestAPathThatNoLayerHasIsWarnedOfOnce(t *testing.T) {
	for _, layers := range []string{"auto", "chain"} {
		s := newStub(map[string]string{"layers": layers, "platform": "linux/amd64,linux/arm64", "exclude": "/var/task/x,/etc/*,/lib64/b,/etc/a,/etc/b/c"})
		for _, oid := range []string{"a", "b"} {
			s.layers[stubOID(oid)]["lib64"] = stubFile{mode: os.ModeSymlink | 0o777}
		}
		built(t, s)
		require.Equal(t, []string{
			"exclude: no layer of a base image has /etc/* (paths are taken as they are, and patterns mean nothing)",
			"exclude: no layer of a base image has /etc/b/c",
			"exclude: no layer of a base image has /lib64/b (/lib64 is a symlink, which is not followed: give the path that it leads to)",
			"exclude: no layer of a base image has /var/task/x",
		}, s.warned)
	}
	s := withDockerfile("FROM scratch\nCOPY Dockerfile /\n", map[string]string{"exclude": "/a"})
	built(t, s)
	require.Equal(t, []string{"exclude: no layer of a base image has /a"}, s.warned)
}

func TestWhatAFunctionNeedsIsNotLeftOut(t *testing.T) {
	for _, name := range []string{"/var", "/var/task", "/e"} {
		for _, call := range []string{"", "lambda.plan"} {
			s := newStub(map[string]string{"exclude": name})
			if call != "" {
				s.opts["requestid"] = call
			}
			require.ErrorContains(t, buildError(t, s), "option exclude: x86_64/Dockerfile.nodejs20.x: "+name+" can't be left out: ")
			require.Zero(t, count(s.solved, "source https://"), "nothing is fetched for that")
		}
	}
	require.ErrorContains(t, buildError(t, withDockerfile("FROM nodejs20.x\nCOPY Dockerfile /\n", map[string]string{"exclude": "/var"})), "/var can't be left out: /var/task is in it")
}

func TestADaemonThatCannotLeavePathsOutSaysSo(t *testing.T) {
	s := newStub(map[string]string{"exclude": "/etc/a"})
	s.noPatterns = true
	require.ErrorContains(t, buildError(t, s), "option exclude needs BuildKit 0.9 or later")
	s = newStub(nil)
	s.noPatterns = true
	built(t, s)
}

func TestAPlanAndProvenanceSayWhatIsLeftOut(t *testing.T) {
	res := built(t, newStub(map[string]string{"exclude": "/etc/b,/etc/a", "requestid": "lambda.plan"}))
	require.Contains(t, string(res.Metadata["result.txt"]), "left out    /etc/a, /etc/b\n")
	require.NotContains(t, string(res.Metadata["result.json"]), "exclude", "a snapshot is what the commit says")
	plain := built(t, newStub(map[string]string{"requestid": "lambda.plan"}))
	require.NotContains(t, string(plain.Metadata["result.json"])+string(plain.Metadata["result.txt"]), "exclude")

	dt, err := json.Marshal(newLink(&lambda2llb.Plan{Exclude: []string{"/etc/a"}}))
	require.NoError(t, err)
	require.Contains(t, string(dt), `"exclude":["/etc/a"]`)
}
