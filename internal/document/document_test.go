package document

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"lambdabase/internal/lfs"

	"github.com/stretchr/testify/require"
)

const commit = "b8b153b94ac0e09eb5f2ea6d5e5d5c7a9a6d1a31"

func oid(digit string) string { return strings.Repeat(digit, 64) }

// newSnapshot returns one of two layers, for one platform.
func newSnapshot() *Snapshot {
	return &Snapshot{
		Version: Version, Runtime: "nodejs20.x", Repository: "https://git.example/o/r.git", Commit: commit, Date: time.Date(2024, 10, 14, 14, 15, 39, 0, time.UTC),
		Platforms: []Platform{{
			Name:   "linux/amd64",
			Recipe: NewRecipe("x86_64/Dockerfile.nodejs20.x", []byte("FROM scratch\nADD a.tar.xz /\nADD b.tar.xz /\nENV A=\"<b>\"\n")),
			Layers: []Layer{{Path: "x86_64/a.tar.xz", Pointer: lfs.Pointer{OID: oid("a"), Size: 5}}, {Path: "x86_64/b.tar.xz", Pointer: lfs.Pointer{OID: oid("b"), Size: 7}}},
		}},
	}
}

func TestADocumentIsReadAsItWasWritten(t *testing.T) {
	s := newSnapshot()
	dt, err := s.Marshal()
	require.NoError(t, err)
	read, err := ParseSnapshot("snapshot", dt)
	require.NoError(t, err)
	require.Equal(t, s, read)
	dt, err = s.MarshalCompact()
	require.NoError(t, err)
	require.NotContains(t, string(dt), "\n")
	read, err = ParseSnapshot("label", dt)
	require.NoError(t, err)
	require.Equal(t, s, read)

	other := newSnapshot()
	other.Runtime, other.Platforms[0].Recipe = "go1.x", NewRecipe("Dockerfile.go1.x", []byte("FROM scratch\nADD a.tar.xz /\nADD b.tar.xz /\n"))
	other.Platforms[0].Layers[0].Path, other.Platforms[0].Layers[1].Path = "a.tar.xz", "b.tar.xz"
	l := NewLock(s, other, s)
	require.Equal(t, []string{"go1.x", "nodejs20.x"}, l.Runtimes(), "by name, and each once")
	dt, err = l.Marshal()
	require.NoError(t, err)
	again, err := ParseLock("lambda.lock.json", dt)
	require.NoError(t, err)
	require.Equal(t, l, again)
}

func TestWhatCannotBeIsRefusedWithItsField(t *testing.T) {
	for want, change := range map[string]func(*Snapshot){
		"version: 2, want 1":         func(s *Snapshot) { s.Version = 2 },
		`runtime: "../x" is no name`: func(s *Snapshot) { s.Runtime = "../x" },
		"repository: the URL of host git.example has user information in it":      func(s *Snapshot) { s.Repository = "https://token@git.example/o/r.git" },
		"repository: the URL of host git.example has a query or a fragment":       func(s *Snapshot) { s.Repository = "https://git.example/o/r.git?token=x" },
		`repository: "oci-layout:/etc" is no URL of a git repository`:             func(s *Snapshot) { s.Repository = "oci-layout:/etc" },
		`repository: "/srv/git/r.git" is no URL of a git repository`:              func(s *Snapshot) { s.Repository = "/srv/git/r.git" },
		`repository: "https://git.example/\x1b[2J" is no URL of a git repository`: func(s *Snapshot) { s.Repository = "https://git.example/\x1b[2J" },
		`platforms[0].recipe.path: ".." is no plain path`:                         func(s *Snapshot) { s.Platforms[0].Recipe.Path = ".." },
		"repository: missing":                               func(s *Snapshot) { s.Repository = "" },
		`commit: "b8b153b94ac0" is no full commit id`:       func(s *Snapshot) { s.Commit = commit[:12] },
		"date: want a date":                                 func(s *Snapshot) { s.Date = time.Time{} },
		"platforms: there is none":                          func(s *Snapshot) { s.Platforms = nil },
		"platforms[1].platform: linux/amd64 is there twice": func(s *Snapshot) { s.Platforms = append(s.Platforms, s.Platforms[0]) },
		`platforms[0].platform: "linux/s390x", want`:        func(s *Snapshot) { s.Platforms[0].Name = "linux/s390x" },
		`platforms[0].recipe.path: "x86_64/Dockerfile.nodejs20.x" is not of linux/arm64`: func(s *Snapshot) { s.Platforms[0].Name = "linux/arm64" },
		"platforms[0].recipe.path: is of python3.12, not of nodejs20.x":                  func(s *Snapshot) { s.Platforms[0].Recipe.Path = "x86_64/Dockerfile.python3.12" },
		`platforms[0].recipe.path: "../Dockerfile.nodejs20.x" is no plain path`:          func(s *Snapshot) { s.Platforms[0].Recipe.Path = "../Dockerfile.nodejs20.x" },
		"platforms[0].recipe.digest: ":                                                   func(s *Snapshot) { s.Platforms[0].Recipe.Text += "\n" },
		"platforms[0].recipe.text: x86_64/Dockerfile.nodejs20.x:2: RUN": func(s *Snapshot) {
			s.Platforms[0].Recipe = NewRecipe(s.Platforms[0].Recipe.Path, []byte("FROM scratch\nRUN id\n"))
		},
		"platforms[0].recipe.text: it isn't UTF-8": func(s *Snapshot) {
			s.Platforms[0].Recipe = NewRecipe(s.Platforms[0].Recipe.Path, []byte("# \xff\nFROM scratch\nADD a.tar.xz /\nADD b.tar.xz /\n"))
		},
		"platforms[0].layers: 1, and the recipe adds 2":                                         func(s *Snapshot) { s.Platforms[0].Layers = s.Platforms[0].Layers[:1] },
		`platforms[0].layers[1].path: "x86_64/c.tar.xz", and the recipe adds "x86_64/b.tar.xz"`: func(s *Snapshot) { s.Platforms[0].Layers[1].Path = "x86_64/c.tar.xz" },
		"platforms[0].layers[0].oid: ":                                                          func(s *Snapshot) { s.Platforms[0].Layers[0].OID = oid("A") },
		"platforms[0].layers[0].size: -1 bytes":                                                 func(s *Snapshot) { s.Platforms[0].Layers[0].Size = -1 },
		"platforms[0].layers[0].size: nothing of 0 bytes":                                       func(s *Snapshot) { s.Platforms[0].Layers[0].Size = 0 },
		"platforms[0].layers[1].size: 7 bytes, and 5 elsewhere for the same oid":                func(s *Snapshot) { s.Platforms[0].Layers[1].OID = oid("a") },
	} {
		s := newSnapshot()
		change(s)
		require.ErrorContains(t, s.Validate(), want)
		dt, err := json.Marshal(NewLock(s))
		require.NoError(t, err)
		_, err = ParseLock("a.json", dt)
		require.Error(t, err, want)
		if !strings.Contains(want, "UTF-8") { // which JSON can't hold
			require.ErrorContains(t, err, "a.json: snapshots[0]."+want)
		}
	}
}

func TestWhatIsNoDocumentIsRefusedWithItsLine(t *testing.T) {
	for text, want := range map[string]string{
		"":                                    "a.json:1: it is empty: restore it, or lock anew",
		"{\n\"version\": 1,\n":                "a.json:3: it is cut",
		"{\n\"version\": \"1\"}":              "a.json:2: version: string where int is expected",
		"{\"version\": 1,\n\"snapshot\": []}": `a.json:2: unknown field "snapshot"`,
		"{\"version\": 1,\nsnapshots: []}":    "a.json:2: invalid character 's'",
		"{\n<<<<<<< HEAD\n\"version\": 1":     "a.json:2: a conflict of a merge is left in it",
		"{\"version\": 1, \"snapshots\": [{\"version\": 1,\n\"date\": \"yesterday\"\n}]}":          `a.json:2: "yesterday" is no time, want one like 2024-10-14T14:15:39Z`,
		"{\"version\": 1, \"snapshots\": [{\"platforms\":\n[{\"layers\": [{\"size\": \"1\"}]}]}]}": "a.json:2: snapshots.platforms.layers.size: string where int64 is expected",
		"{\"version\": 1, \"snapshots\": []} x":                                                    "something follows the document",
		"{\"version\": 1, \"snapshots\": []}}":                                                     "something follows the document",
		"{\"version\": 1,\n\"version\": 1}":                                                        "a.json:2: version is there twice",
		"{\"version\": 1, \"Snapshots\": []}":                                                      `unknown field "Snapshots"`,
		"{\"version\": 1, \"\u017fnapshots\": []}":                                                 "unknown field",
		"{\"version\": 1, \"snapshots\": [" + strings.Repeat("{},", maxValues+1) + "{}]}":          "a.json has more than 131072 values",
		strings.Repeat("[", MaxSize):                                                               "a.json:1: ",
		"{\"version\": 1, \"snapshots\": [null]}":                                                  "a.json: snapshots[0]: is null",
		"{\"version\": 3}":             "a.json: version: 3, want 1",
		strings.Repeat(" ", MaxSize+1): "a.json has 8388609 bytes",
	} {
		_, err := ParseLock("a.json", []byte(text))
		require.ErrorContains(t, err, want)
	}
}

func FuzzParseLock(f *testing.F) {
	dt, err := NewLock(newSnapshot()).Marshal()
	require.NoError(f, err)
	f.Add(dt)
	f.Add([]byte(`{"version":1,"snapshots":[{"version":1,"platforms":[{}]}]}`))
	f.Fuzz(func(t *testing.T, dt []byte) {
		l, err := ParseLock("lock", dt)
		if err != nil {
			return
		}
		written, err := l.Marshal()
		require.NoError(t, err)
		again, err := ParseLock("lock", written)
		require.NoError(t, err)
		require.Equal(t, l.Runtimes(), again.Runtimes())
	})
}
