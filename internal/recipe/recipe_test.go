package recipe

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/moby/buildkit/frontend/dockerfile/dockerfile2llb"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/pkg/errors"
	"github.com/stretchr/testify/require"
)

var amd64 = ocispecs.Platform{OS: "linux", Architecture: "amd64"}

const nodejs = `# comment
FROM scratch
ADD 049ca2dd.tar.xz /
ADD 1a4cbea4.tar.xz /

ENV LANG=en_US.UTF-8
ENV PATH=/var/lang/bin:$PATH
WORKDIR /var/task

ENTRYPOINT [ "/lambda-entrypoint.sh" ]
`

func TestRecipeHasLayersInOrderAndConfig(t *testing.T) {
	r, err := Parse(context.Background(), "Dockerfile.nodejs20.x", []byte(nodejs), ocispecs.Platform{OS: "linux", Architecture: "arm64", Variant: "v8"})
	require.NoError(t, err)
	require.Len(t, r.Adds, 2)
	require.Equal(t, "049ca2dd.tar.xz", r.Adds[0].Source)
	require.Equal(t, 3, r.Adds[0].Lines[0].Start.Line)
	require.Equal(t, "1a4cbea4.tar.xz", r.Adds[1].Source)

	config, err := json.Marshal(r.Image)
	require.NoError(t, err)
	require.JSONEq(t, `{
		"architecture": "arm64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": null},
		"config": {
			"Env": ["PATH=/var/lang/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=en_US.UTF-8"],
			"Entrypoint": ["/lambda-entrypoint.sh"], "WorkingDir": "/var/task"
		}
	}`, string(config))
}

func TestWhatIsNotARecipeIsALocatedError(t *testing.T) {
	for name, tc := range map[string]struct {
		dockerfile, want string
		line             int
	}{
		"run":                   {"FROM scratch\nADD a /\nRUN true\n", "D:3: RUN: unknown in a recipe", 3},
		"copy":                  {"FROM scratch\nCOPY a /\n", "D:2: COPY: unknown", 2},
		"arg before from":       {"ARG X\nFROM scratch\n", "D:1: ARG: before FROM scratch", 1},
		"cmd":                   {"FROM scratch\nADD a /\nCMD [\"x\"]\n", "D:3: CMD: unknown", 3},
		"base image":            {"FROM alpine\nADD a /\n", "D:1: FROM: base image", 1},
		"named stage":           {"FROM scratch AS x\nADD a /\n", "D:1: FROM: base image", 1},
		"second stage":          {"FROM scratch\nADD a /\nFROM scratch\n", "D:3: FROM: second stage", 3},
		"platform flag":         {"FROM --platform=linux/arm64 scratch\nADD a /\n", "D:1: FROM: flag --platform", 1},
		"chown":                 {"FROM scratch\nADD --chown=1:1 a /\n", "D:2: ADD: flag --chown=1:1", 2},
		"destination":           {"FROM scratch\nADD a /opt\n", "D:2: ADD: want one tarball", 2},
		"two sources":           {"FROM scratch\nADD a b /\n", "D:2: ADD: want one tarball", 2},
		"url":                   {"FROM scratch\nADD https://example.com/a.tar.xz /\n", "is a URL", 2},
		"git url":               {"FROM scratch\nADD git@github.com:a/b.git /\n", "is a URL", 2},
		"absolute":              {"FROM scratch\nADD /etc/passwd /\n", "is absolute", 2},
		"way out":               {"FROM scratch\nADD ../a.tar.xz /\n", "leaves the tree", 2},
		"hidden way out":        {"FROM scratch\nADD x/../../a.tar.xz /\n", "no plain path", 2},
		"the folder":            {"FROM scratch\nADD . /\n", "no plain path", 2},
		"pattern":               {"FROM scratch\nADD *.tar.xz /\n", "is a pattern", 2},
		"variable":              {"FROM scratch\nADD ${X}.tar.xz /\n", "has a variable", 2},
		"user's git":            {"FROM scratch\nADD me@example.com:a/b /\n", "is a URL", 2},
		"double quotes":         {"FROM scratch\nADD \"a.tar.xz\" /\n", `D:2: ADD: source "\"a.tar.xz\"" has a quote`, 2},
		"single quotes":         {"FROM scratch\nADD 'a.tar.xz' /\n", "has a quote", 2},
		"quote within":          {"FROM scratch\nADD a\"\".tar.xz /\n", "has a quote", 2},
		"quotes in JSON":        {"FROM scratch\nADD [\"'a.tar.xz'\", \"/\"]\n", "has a quote", 2},
		"quoted quotes in JSON": {"FROM scratch\nADD [\"\\\"a.tar.xz\\\"\", \"/\"]\n", "has a quote", 2},
		"quoted destination":    {"FROM scratch\nADD a.tar.xz \"/\"\n", "want one tarball", 2},
		"escape":                {"FROM scratch\nADD \\a.tar.xz /\n", "is a pattern", 2},
		"another escape":        {"# escape=`\nFROM scratch\nADD `a.tar.xz /\n", "escape character", 3},
		"not UTF-8":             {"FROM scratch\nADD \xbf.tar.xz /\n", `source "\xbf.tar.xz" is not UTF-8`, 2},
		"dots twice":            {"FROM scratch\nADD ././a /\n", "no plain path", 2},
		"here-document":         {"FROM scratch\nADD <<EOF /\nx\nEOF\n", "D:2: ADD: here-document", 2},
		"add after workdir":     {"FROM scratch\nADD a /\nWORKDIR /x\nADD b /\n", "D:4: ADD: after WORKDIR", 4},
		"second workdir":        {"FROM scratch\nADD a /\nWORKDIR /x\nWORKDIR y\n", "D:4: WORKDIR: second", 4},
		"add on a later line":   {"FROM scratch\n\n\nADD a \\\n /opt\n", "D:4: ADD", 4},
		"onbuild":               {"FROM scratch\nADD a /\nONBUILD RUN x\n", "D:3: ONBUILD: unknown", 3},
		"no add":                {"FROM scratch\nENV A=b\n", "D: no ADD", 0},
		"too many layers":       {"FROM scratch\n" + strings.Repeat("ADD a /\n", 128), "D:129: ADD: more than 127 layers", 129},
		"empty":                 {"", "D: file with no instructions", 0},
		"malformed env":         {"FROM scratch\nADD a /\nENV X\n", "D: ", 3},
		"pointer in its place":  {"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 3\n", "D:1: VERSION: before FROM", 1},
		"json of wrong length":  {"FROM scratch\nADD [\"a\"]\n", "want one tarball", 2},
		"unknown instruction":   {"FROM scratch\nADD a /\nFETCH x\n", "D:3: FETCH: unknown", 3},
		"entrypoint with flags": {"FROM scratch\nADD a /\nENTRYPOINT --x [\"y\"]\n", "D:3: ENTRYPOINT: flag --x", 3},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse(context.Background(), "D", []byte(tc.dockerfile), amd64)
			require.ErrorContains(t, err, tc.want)
			if tc.line > 0 {
				var located *parser.LocationError
				require.True(t, errors.As(err, &located), "%+v", err)
				require.Equal(t, tc.line, located.Locations[0][0].Start.Line)
			}
		})
	}
}

func TestWhatIsAlmostARecipeHasItsFiles(t *testing.T) {
	for dockerfile, want := range map[string][]string{
		"FROM scratch\nLABEL a=b\nADD ./a.tar.xz b.tar.xz /\nRUN x\n":    {"a.tar.xz", "b.tar.xz"},
		"FROM scratch\nADD a.tar.xz b /\nFROM scratch\nADD b.tar.xz /\n": {"a.tar.xz"},
		"ARG X\nFROM scratch\nADD https://h/a /\nADD *.x ${Y} /\n":       nil,
		"FROM alpine\nADD a.tar.xz /\n":                                  nil,
		"ADD a /\n":                                                      nil,
		"ADD\n":                                                          nil,
		"FROM scratch\nADD\n":                                            nil,
		"FROM scratch\nADD \"a.tar.xz\" 'b'.tar.xz $X.tar.xz /\n":        {"a.tar.xz", "b.tar.xz"},
		"# escape=`\nFROM scratch\nADD `a.tar.xz [\"b.tar.xz /\n":        {"a.tar.xz"},
		"": nil,
	} {
		var got []string
		for _, a := range LooseAdds([]byte(dockerfile)) {
			got = append(got, a.Source)
		}
		require.Equal(t, want, got, dockerfile)
	}
	r, err := Parse(context.Background(), "D", []byte("FROM scratch\nADD ./a /\n"), amd64)
	require.NoError(t, err)
	require.Equal(t, "a", r.Adds[0].Source)
	require.Equal(t, "arm64", ArchOf("arm64/a"))
	require.Empty(t, ArchOf("a"))
}

func TestABacktickIsAnEscapeOnlyWhereTheRecipeSaysSo(t *testing.T) {
	r, err := Parse(context.Background(), "D", []byte("FROM scratch\nADD [\"`a.tar.xz\", \"/\"]\n"), amd64)
	require.NoError(t, err)
	require.Equal(t, "`a.tar.xz", r.Adds[0].Source)
}

// FuzzParse compares the sources with those that BuildKit adds, which tells them in the names of its steps.
func FuzzParse(f *testing.F) {
	f.Add(nodejs)
	f.Add("FROM scratch\nADD a.tar.xz /\n")
	f.Add("FROM scratch\nADD \xbf /\n")
	f.Add("FROM scratch\nADD ./a\"b\".tar.xz /\nADD ['c', /]\n")
	f.Add("# escape=`\nFROM scratch\nADD [\"a\", \"/\"]\nENV a=b \\\n c=d\nWORKDIR x\nENTRYPOINT x\n")
	f.Fuzz(func(t *testing.T, dockerfile string) {
		r, err := Parse(context.Background(), "D", []byte(dockerfile), amd64)
		if err != nil {
			return
		}
		require.NotEmpty(t, r.Adds)
		require.Equal(t, addedByBuildKit(t, dockerfile), sources(r))
		for _, a := range r.Adds {
			require.NoError(t, checkSource(a.Source, parser.DefaultEscapeToken))
			require.NotEmpty(t, a.Lines)
		}
		again, err := Parse(context.Background(), "D", []byte(dockerfile), amd64)
		require.NoError(t, err)
		require.Equal(t, r, again)
	})
}

func sources(r *Recipe) (names []string) {
	for _, a := range r.Adds {
		names = append(names, a.Source)
	}
	return names
}

func addedByBuildKit(t *testing.T, dockerfile string) (names []string) {
	res, err := dockerfile2llb.Dockerfile2LLB(context.Background(), []byte(dockerfile), dockerfile2llb.ConvertOpt{TargetPlatform: &amd64})
	require.NoError(t, err)
	for _, h := range res.Image.History {
		if added, ok := strings.CutPrefix(h.CreatedBy, "ADD "); ok {
			source := strings.TrimSuffix(added, " / # buildkit")
			names = append(names, strings.TrimPrefix(source, "./"))
		}
	}
	return names
}
