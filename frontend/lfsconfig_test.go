package frontend

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheServerThatTheRepositoryNamesIsToldAndNotAsked(t *testing.T) {
	for config, want := range map[string]string{
		"[lfs]\n\turl = https://lfs.example/o/r\n":                                               "https://lfs.example/o/r",
		"[LFS]\n  fetchexclude = x\n  URL = \"https://lfs.example/o/r/\"\n":                      "https://lfs.example/o/r",
		"[lfs]\n\turl = https://lfs.example/o/r # ours\n":                                        "https://lfs.example/o/r",
		"[lfs]\n\turl = https://lfs.example/o/r ; ours\r\n":                                      "https://lfs.example/o/r",
		"[lfs] url = https://lfs.example/o/r\n":                                                  "https://lfs.example/o/r",
		"\ufeff[ lfs ]url=\"https://lfs.example/o/r\"":                                           "https://lfs.example/o/r",
		"[core]\n\tx = a[1]\n[lfs]\n\turl = https://lfs.example/o/r\n":                           "https://lfs.example/o/r",
		"[lfs \"https://x/]\"]\n\taccess = basic\n[lfs]\nurl=https://lfs.example/o/r":            "https://lfs.example/o/r",
		"[lfs]\nurl=https://old.example\nurl=https://lfs.example/o/r\n":                          "https://lfs.example/o/r",
		"[remote \"origin\"]\n\tlfsurl = https://lfs.example/o/r\n":                              "https://lfs.example/o/r",
		"[remote \"x\"]\nlfsurl=https://x\n[remote \"origin\"] lfsurl = https://lfs.example/o/r": "https://lfs.example/o/r",
		"[remote \"up\"]\n\tLfsURL = https://lfs.example/o/r\n":                                  "https://lfs.example/o/r",
		"[remote \"origin\"]\nlfsurl=https://x\n[lfs]\nurl=https://lfs.example/o/r":              "https://lfs.example/o/r",
		"[lfs\nurl = https://lfs.example":                                                        "",
		"[lfs]\n\turl\n":                                                                         "",
		"# [lfs]\n# url = https://lfs.example\n":                                                 "",
		"[lfs]\nurl=https://git.example/o/r.git/info/lfs\n":                                      "", // its own
		"[remote \"x\"]\n\turl = https://lfs.example\n":                                          "",
		"[lfs]\n\turl = https://u:p@lfs.example\n":                                               "",
		"[lfs]\n\turl = https://lfs.example\x1b[31m\n":                                           "",
	} {
		s := newStub(map[string]string{"source": "reg/lambda-frontend", "repository": "https://git.example/o/r.git"})
		s.tree[".lfsconfig"] = stubFile{data: config}
		r, err := quick.readRequest(t.Context(), s)
		require.NoError(t, err)
		snap, err := r.newSnapshot(context.Background(), r.remote, "nodejs20.x", "")
		require.NoError(t, err)
		require.Equal(t, want, foreignLFSServer(snap.configuredServer(t.Context()), snap.source, snap.repo), config)
	}
}
