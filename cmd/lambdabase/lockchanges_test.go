package main

import (
	"strings"
	"testing"
	"time"

	"lambdabase/internal/document"
	"lambdabase/internal/lfs"

	"github.com/stretchr/testify/require"
)

func lockedSnapshot(commit string, digits ...string) *document.Snapshot {
	s := &document.Snapshot{
		Version: document.Version, Runtime: "nodejs20.x", Repository: "https://git.example/o/r.git", Commit: strings.Repeat(commit, 40),
		Date: time.Date(2024, 10, 14, 0, 0, 0, 0, time.UTC), Platforms: []document.Platform{{Name: "linux/amd64"}},
	}
	for _, digit := range digits {
		s.Platforms[0].Layers = append(s.Platforms[0].Layers, document.Layer{Path: digit + ".tar.xz", Pointer: lfs.Pointer{OID: strings.Repeat(digit, 64), Size: 1000}})
	}
	return s
}

func TestPrintedChanges(t *testing.T) {
	elsewhere := lockedSnapshot("a", "1")
	elsewhere.Repository = "https://git.example/o/other.git"
	other := lockedSnapshot("b", "1")
	other.Platforms[0].Recipe.Text += "ENV A=b\n"
	arm64 := lockedSnapshot("a", "2")
	arm64.Platforms[0].Name = "linux/arm64"
	for name, tc := range map[string]struct {
		old, found *document.Snapshot
		want       []string
		changed    bool
	}{
		"new":       {nil, lockedSnapshot("a", "1"), []string{"nodejs20.x is locked to aaaaaaaaaaaa (2024-10-14)"}, true},
		"no change": {lockedSnapshot("a", "1"), lockedSnapshot("a", "1"), []string{"nodejs20.x: aaaaaaaaaaaa (2024-10-14), no change"}, false},
		"moved": {lockedSnapshot("a", "1", "2"), lockedSnapshot("b", "2", "3", "4"), []string{
			"nodejs20.x: aaaaaaaaaaaa (2024-10-14) -> bbbbbbbbbbbb (2024-10-14)",
			"  - 1kB  1.tar.xz  sha256:" + strings.Repeat("1", 64),
			"  + 1kB  3.tar.xz  sha256:" + strings.Repeat("3", 64),
			"  + 1kB  4.tar.xz  sha256:" + strings.Repeat("4", 64),
			"  2 objects to fetch, 2kB; 1 stay, 1kB",
		}, true},
		"another recipe": {lockedSnapshot("a", "1"), other, []string{
			"nodejs20.x: aaaaaaaaaaaa (2024-10-14) -> bbbbbbbbbbbb (2024-10-14)",
			"  ~ " + other.Platforms[0].Recipe.Path + " of " + other.Platforms[0].Name + ": another recipe",
			"  0 objects to fetch, 0B; 1 stay, 1kB",
		}, true},
		"tampered":              {lockedSnapshot("a", "1", "2"), lockedSnapshot("a", "1", "3"), []string{"nodejs20.x: platforms[0].layers[1] isn't what commit aaaaaaaaaaaa says"}, true},
		"of another platform":   {lockedSnapshot("a", "1"), arm64, []string{"nodejs20.x: platforms linux/amd64 -> linux/arm64"}, true},
		"of another repository": {elsewhere, lockedSnapshot("a", "1"), []string{"nodejs20.x: repository isn't what commit aaaaaaaaaaaa says"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			var old *document.Lock
			if old = document.NewLock(); tc.old != nil {
				old.Set(tc.old)
			}
			changes := compareLocks(old, &lockAnswers{found: document.NewLock(tc.found), locked: document.NewLock()})
			var text strings.Builder
			require.NoError(t, printChanges(&text, changes))
			require.Equal(t, strings.Join(tc.want, "\n")+"\n", text.String())
			require.Equal(t, tc.changed, changes[0].isChange())
		})
	}
}

func TestALockIsCheckedAgainstItsOwnCommit(t *testing.T) {
	moved := []string{"nodejs20.x: aaaaaaaaaaaa (2024-10-14) -> bbbbbbbbbbbb (2024-10-14)", "  0 objects to fetch, 0B; 1 stay, 1kB"}
	for name, tc := range map[string]struct {
		locked *document.Snapshot
		want   string
	}{
		"moved":              {lockedSnapshot("a", "1"), ""},
		"moved and tampered": {lockedSnapshot("a", "2"), "nodejs20.x: platforms[0].layers[0] isn't what commit aaaaaaaaaaaa says\n"},
		"moved and gone":     {nil, "nodejs20.x: commit aaaaaaaaaaaa is gone from the repository: nothing tells any more whether the lock is what it said\n"},
	} {
		answers := &lockAnswers{found: document.NewLock(lockedSnapshot("b", "1")), locked: document.NewLock(), checked: true}
		if tc.locked != nil {
			answers.locked.Set(tc.locked)
		}
		var text strings.Builder
		require.NoError(t, printChanges(&text, compareLocks(document.NewLock(lockedSnapshot("a", "1")), answers)))
		require.Equal(t, strings.Join(moved, "\n")+"\n"+tc.want, text.String(), name)
	}
}
