package frontend

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/moby/buildkit/solver/pb"
	"github.com/stretchr/testify/require"
)

const imported = `[{"Type":"registry","Attrs":{"ref":"reg/cache"}}]`

// newGated is a frontend of an image, and layers that can be merged.
func newGated(opts map[string]string) *stub {
	s := newStub(opts)
	s.image = true
	maps.Copy(s.layers[stubOID("b")], stubRef{"var": stubDir, "var/task": stubDir})
	return s
}

// disagree has the layers be in conflict.
func (s *stub) disagree() *stub {
	s.layers[stubOID("b")]["etc"] = stubFile{mode: os.ModeDir | 0o700}
	return s
}

func isGated(definition string) bool {
	return strings.Contains(definition, "exec /check-layers --workdir=/var/task "+stubOID("a")+" "+stubOID("b")) && strings.Contains(definition, "diff")
}

func TestAMergeIsBehindItsCheckWhereTheFrontendRunsFromAnImage(t *testing.T) {
	s := newGated(nil)
	built(t, s)
	require.True(t, isGated(last(s)), last(s))

	for name, change := range map[string]func(*stub){
		"no image":      func(s *stub) { s.image = false },
		"chain":         func(s *stub) { s.opts["layers"] = "chain" },
		"exclude":       func(s *stub) { s.opts["exclude"] = "/etc/a" },
		"no diff":       func(s *stub) { s.noCaps = []string{string(pb.CapDiffOp)} },
		"content cache": func(s *stub) { s.noCaps = []string{string(pb.CapExecMountContentCache)} },
		"a conflict":    func(s *stub) { s.disagree() },
		"no workdir":    func(s *stub) { delete(s.layers[stubOID("b")], "var/task") },
		"no program":    func(s *stub) { s.gateFails = "/check-layers" },
		"no answer":     func(s *stub) { s.gateFails = "/ok" },
	} {
		for _, imports := range []string{"", imported} {
			got, want := newGated(nil), newGated(nil)
			want.image = false
			for _, s := range []*stub{got, want} {
				change(s)
				s.opts["cache-imports"] = imports
			}
			if imports != "" && (name == "a conflict" || name == "no workdir") { // then the step tells, and nobody looks
				got.gateFails = "/ok"
			}
			ours, theirs := built(t, got), built(t, want)
			require.Equal(t, last(want), last(got), name)
			require.Equal(t, want.warned, got.warned, name)
			require.Equal(t, theirs.Metadata, ours.Metadata, name)
		}
	}
}

func TestWithAnImportedCacheLayersAreNotLookedAt(t *testing.T) {
	s := newGated(map[string]string{"cache-imports": imported}).disagree()
	built(t, s)
	require.True(t, isGated(last(s)), "the step says that they can be merged, and is believed")
	require.Empty(t, s.warned)
}

func TestAnErrorOfALayerIsTheSameWithAGate(t *testing.T) {
	for _, imports := range []string{"", imported} {
		s, plain := newGated(nil), newGated(nil)
		plain.image = false
		for _, s := range []*stub{s, plain} {
			s.opts["cache-imports"], s.opts["objects"] = imports, "https://mirror.example/{oid}"
			s.fails = map[string]string{stubOID("a"): "invalid response status 404"}
		}
		require.Equal(t, buildError(t, plain).Error(), buildError(t, s).Error())
		require.Zero(t, count(s.solved, "exec /check-layers"))
	}
}

func TestAFunctionIsSolvedOnceMoreWhereAGateStaysShut(t *testing.T) {
	const file = "FROM nodejs20.x\nCOPY Dockerfile /\n"
	for name, tc := range map[string]struct {
		imports, fails string
		gated          bool
	}{
		"no import":          {"", "", true},
		"no import, shut":    {"", "/ok", false},
		"import":             {imported, "", true},
		"import, shut":       {imported, "/ok", false},
		"import, no program": {imported, "/check-layers", false},
	} {
		s := withDockerfile(file, map[string]string{"cache-imports": tc.imports})
		s.image, s.gateFails = true, tc.fails
		maps.Copy(s.layers[stubOID("b")], stubRef{"var": stubDir, "var/task": stubDir})
		built(t, s)
		require.Equal(t, tc.gated, isGated(last(s)), name)
		whole := slices.DeleteFunc(slices.Clone(s.solved), func(text string) bool { return !strings.Contains(text, "copy /Dockerfile -> /") })
		if name == "import, shut" {
			require.Len(t, whole, 2, "with the gate, and without")
		} else {
			require.Len(t, whole, 1, name)
		}
	}
}

func TestConvertedDefinitionsHaveNoGate(t *testing.T) {
	s := withDockerfile("FROM nodejs20.x\n", map[string]string{"requestid": "frontend.convertllb"})
	s.image = true
	res := built(t, s)
	require.NotContains(t, string(res.Metadata["result.json"]), "check-layers")
}
