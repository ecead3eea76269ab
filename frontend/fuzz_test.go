package frontend

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"lambdabase/internal/catalog"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/moby/patternmatcher/ignorefile"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/stretchr/testify/require"
)

func FuzzLFSConfig(f *testing.F) {
	f.Add([]byte("[lfs] url = https://lfs.example/o/r # ours\n[remote \"origin\"]\n\tlfsurl = \"https://x\\\\\"\n"))
	f.Add([]byte("\ufeff[ lfs \"a\\\"b\" ]url=\n[include]\npath=/etc/passwd\n"))
	f.Add([]byte("[lfs]\nurl = https://u:p@h\x1b[31m\n"))
	f.Fuzz(func(t *testing.T, dt []byte) {
		if server := configuredServer(dt); server != "" {
			require.Regexp(t, `^https?://[^@?#\s]+$`, server)
		}
	})
}

func FuzzDockerignore(f *testing.F) {
	f.Add([]byte("*\n!*.tar.xz\n# x\n**/[a-z]\n"), "a.tar.xz")
	f.Add([]byte("[a\n\\\n!\n"), "dir/b.tar.xz")
	f.Add([]byte("\xff*\n"), "\xff")
	f.Fuzz(func(t *testing.T, dt []byte, source string) {
		d, err := newDockerignore(".dockerignore", dt)
		if err != nil {
			return
		}
		if patterns, err := ignorefile.ReadAll(strings.NewReader(string(dt))); err == nil && len(patterns) == 0 {
			require.NoError(t, d.check(source))
		}
		_ = d.check(source)
	})
}

func FuzzCommitOfGit(f *testing.F) {
	loose := withCommit(stubRef{}, stubCommit)[".git/objects/"+stubCommit[:2]+"/"+stubCommit[2:]].data
	f.Add([]byte(loose), []byte(stubObject))
	f.Add([]byte("PACK\x00\x00\x00\x02\x00\x00\x00\x01\x91\x0ax\x9c"), []byte("committer a <a> 253402300800 +0000\n"))
	f.Fuzz(func(t *testing.T, file, commit []byte) {
		for _, read := range []func([]byte) (gitObject, error){looseObject, func(dt []byte) (gitObject, error) { return packedCommit(dt, len(plumbing.ZeroHash)*2) }} {
			if o, err := read(file); err == nil && o.commit == nil {
				require.True(t, catalog.IsCommit(o.id))
			}
		}
		date, err := commitDate(commit)
		if err == nil {
			_, err = date.MarshalJSON()
			require.NoError(t, err)
			require.Equal(t, time.UTC, date.Location())
		}
	})
}

func FuzzSyntaxLine(f *testing.F) {
	f.Add("# syntax=docker/dockerfile:1 layers=chain\nFROM x\n", "")
	f.Add("// syntax=x\n", " reg/lambda-frontend ecr=snapshot")
	f.Add("{\"syntax\":\" \u00a0\"}", "\u00a0")
	f.Add("# syntax=\u00a0\n", "")
	f.Fuzz(func(t *testing.T, dockerfile, arg string) {
		raw := map[string]string{syntaxArg: arg}
		s, ok := findSyntax(raw, []byte(dockerfile))
		_, given := WithSyntax(raw, []byte(dockerfile))[syntaxOption]
		if !ok {
			require.False(t, given)
			return
		}
		require.NotEmpty(t, s.image())
		require.Equal(t, !s.isDocker(), given)
		_ = s.isOurs()
		_, _ = parseSyntaxLine(s.line)
	})
}

func FuzzImageConfig(f *testing.F) {
	f.Add([]byte(`{"history":[{"author":"lambdabase base k"},{"author":"lambdabase base k"},{"author":"b"}]}`))
	f.Add([]byte(`{"history":[{"author":"lambdabase base "}],"created":"x"}`))
	f.Fuzz(func(t *testing.T, dt []byte) {
		h := &histories{}
		h.set("k", []ocispecs.History{{CreatedBy: "ADD a.tar.xz /"}})
		corrected, err := h.correctConfig(dt)
		if err != nil {
			return
		}
		var image ocispecs.Image
		require.NoError(t, json.Unmarshal(corrected, &image))
		_, marked := markedHistory(image.History)
		require.Zero(t, marked, "no mark gets out")
	})
}

func FuzzConvertedDefinition(f *testing.F) {
	f.Add([]byte(`{"def":{"sha256:a":{"inputs":[{"digest":"sha256:a"}]}},"metadata":{"sha256:a":{}},"source":{}}`))
	f.Add([]byte(`{"def":{"sha256:a":null},"metadata":{"sha256:a":null},"source":null}`))
	f.Fuzz(func(t *testing.T, dt []byte) {
		if def, err := decodeConvertLLB(dt); err == nil {
			require.NotEmpty(t, def.Def)
		}
	})
}
