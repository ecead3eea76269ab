package isolate_test

import (
	"os/exec"
	"testing"

	"lambdabase/internal/isolate"
	"lambdabase/internal/isolate/isolatetest"
	"lambdabase/test/readme"

	"github.com/stretchr/testify/require"
)

func TestUserWithoutSubordinateIDs(t *testing.T) {
	for subordinate, want := range map[string]string{
		"":                                 "add the line tester:100000:65536 to /etc/subuid",
		"other:100000:65536\n":             "add the line tester:165536:65536 to /etc/subuid",
		"a:300000:65536\nb:200000:65536\n": "add the line tester:365536:65536 to /etc/subuid",
	} {
		isolatetest.NeedRoot(t)
		p := isolatetest.StartJob(t, job{Bare: true}, func(tb testing.TB, cmd *exec.Cmd) { isolatetest.AsUserWith(tb, cmd, subordinate, "") })
		require.Equal(t, 1, p.ExitCode())
		require.Equal(t, "user tester has no subordinate ids, without which only root can build: "+want+"\n", p.Stderr.String())
		readme.Explains(t, p.Stderr.String(), "has no subordinate ids")
	}
}

// Whose number has no name, as in a container that is run as any number, gets all that is missing.
func TestUserWithoutName(t *testing.T) {
	const name, ids = "user54321:x:54321:54321::/:/bin/sh to /etc/passwd", "54321:100000:65536 to /etc/subuid"
	for subordinate, want := range map[string]string{
		"":                       "user 54321 has no name and no subordinate ids, without which only root can build: add the line " + name + ", and the line " + ids,
		"54321:300000:65536\n":   "user 54321 has no name, without which only root can build: add the line " + name,
		"user54321:400000:100\n": "user 54321 has no name and no subordinate ids, without which only root can build: add the line " + name + ", and the line 54321:400100:65536 to /etc/subuid",
	} {
		isolatetest.NeedRoot(t)
		p := isolatetest.StartJob(t, job{Bare: true}, func(tb testing.TB, cmd *exec.Cmd) {
			isolatetest.AsUserWith(tb, cmd, subordinate, "sed -i /tester/d \"$0/passwd\"\n")
		})
		require.Equal(t, 1, p.ExitCode())
		require.Equal(t, want+"\n", p.Stderr.String())
		readme.Explains(t, p.Stderr.String(), "has no name")
	}
	// With these lines it works.
	p := isolatetest.StartJob(t, job{Bare: true}, func(tb testing.TB, cmd *exec.Cmd) {
		isolatetest.AsUserWith(tb, cmd, "54321:100000:65536\n", "sed -i s/tester:/user54321:/ \"$0/passwd\"\n")
	})
	require.Equal(t, 7, p.ExitCode(), &p.Stderr)
}

func TestSubordinateIDsByNumber(t *testing.T) {
	isolatetest.NeedRoot(t)
	p := isolatetest.StartJob(t, job{Bare: true}, func(tb testing.TB, cmd *exec.Cmd) {
		isolatetest.AsUserWith(tb, cmd, "54321:300000:1000\nother:100000:65536\ntester:400000:64536\n", "")
	})
	require.Equal(t, 7, p.ExitCode(), &p.Stderr)
}

func TestUserWithoutHelpers(t *testing.T) {
	isolatetest.NeedRoot(t)
	for _, helper := range []string{"newuidmap", "newgidmap"} {
		p := isolatetest.StartJob(t, job{Bare: true}, func(tb testing.TB, cmd *exec.Cmd) {
			path, err := isolate.LookPath(helper)
			require.NoError(tb, err)
			isolatetest.AsUserWith(tb, cmd, "tester:300000:65536\n", "mount --bind /dev/null "+path+"\n")
		})
		require.Equal(t, 1, p.ExitCode())
		require.Contains(t, p.Stderr.String(), helper+" is missing, without which only root can build: install package uidmap (Debian, Ubuntu)")
	}
}

func TestInnerProcessKnowsWhoseItsIDsAre(t *testing.T) {
	isolatetest.NeedRoot(t)
	for want, as := range map[string]func(testing.TB, *exec.Cmd){
		"subordinate: true\n":  isolatetest.AsUser,
		"subordinate: false\n": func(tb testing.TB, cmd *exec.Cmd) { isolatetest.AsWeakRoot(tb, cmd, "") },
	} {
		p := isolatetest.StartJob(t, job{Bare: true}, as)
		require.Equal(t, 7, p.ExitCode(), &p.Stderr)
		require.Contains(t, p.Stdout.String(), want)
	}
}
