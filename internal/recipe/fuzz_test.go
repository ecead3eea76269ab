package recipe

import (
	"testing"

	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/stretchr/testify/require"
)

func FuzzAdds(f *testing.F) {
	f.Add("FROM scratch\nADD a.tar.xz b.tar.xz /\nRUN x\nFROM x\n")
	f.Add("# syntax=docker/dockerfile:1\nFROM scratch\nADD [\"./a.tar.xz\", \"/\"]\n")
	f.Add("# syntax=\u00a0\n# escape=`\nFROM scratch\nADD 'a'.tar.xz$x /\n")
	f.Add("{\"syntax\":\" \"}\nFROM scratch\nADD <<a /\na\n")
	f.Fuzz(func(t *testing.T, dockerfile string) {
		for _, a := range LooseAdds([]byte(dockerfile)) {
			require.NoError(t, checkSource(a.Source, parser.DefaultEscapeToken))
			require.NotEmpty(t, a.Lines)
		}
		adds, err := ParseAdds("D", []byte(dockerfile))
		if err == nil {
			require.NotEmpty(t, adds)
		}
	})
}
