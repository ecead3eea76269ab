package test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"lambdabase/internal/sample/githost"
	"lambdabase/test/sandbox"

	"github.com/stretchr/testify/require"
)

// What the user's git would send is sent, to the repository's host only, and stands in nothing that is kept or shown.
func TestTheCommandSendsWhatGitWouldSend(t *testing.T) {
	t.Parallel()
	onEachBackend(t, func(t *testing.T, c *cli, where []string) {
		known := newCanaries()
		for name, tc := range map[string]struct {
			config, netrc string // {host} stands for the server's
			repository    string // empty: the server's
		}{
			"http.extraheader":       {config: "[http \"http://{host}/\"]\n\textraheader = AUTHORIZATION: Bearer " + canaryHeader + "\n"},
			".netrc":                 {netrc: "machine localhost password no\nmachine 127.0.0.1\n\tlogin x-access-token\n\tpassword " + canaryToken + "\n"},
			"insteadOf":              {config: "[url \"http://{host}/\"]\n\tinsteadOf = https://git.example/\n", netrc: "machine 127.0.0.1 login x-access-token password " + canaryToken, repository: "https://git.example"},
			"insteadOf with a token": {config: "[url \"http://x-access-token:" + canaryToken + "@{host}/\"]\n\tinsteadOf = https://git.example/\n", repository: "https://git.example"},
			"a helper after that":    {config: "[credential]\n\thelper = \"!f() { echo username=x-access-token; echo password=" + canaryToken + "; }; f\"\n", netrc: "machine 127.0.0.1 password old\n"},
		} {
			t.Run(name, func(t *testing.T) {
				h := serveUnique(t).withStoreHost(t)
				h.SetAccess(canaryAccess)
				c.setGitConfig(t, strings.ReplaceAll(tc.config, "{host}", h.hostPort()))
				require.NoError(t, os.WriteFile(filepath.Join(c.home, ".netrc"), []byte(tc.netrc), 0o600))
				repository := h.repositoryFlag()
				if tc.repository != "" {
					repository = "--repository=" + tc.repository + githost.RepositoryPath
				}
				dir := filepath.Join(t.TempDir(), "image")
				s := c.run(t, append([]string{"build", "nodejs20.x", repository, "--objects=lfs", "--progress=plain", "--opt=attest:provenance=mode=max", "-o", "type=oci,tar=false,dest=" + dir}, where...)...)
				require.Zero(t, s.code, s.stderr)
				known.assertNoneIn(t, "the progress", []byte(s.stderr))
				known.assertNoneBelow(t, "the image", dir, "https://slsa.dev/provenance/")
				require.Contains(t, c.mustRun(t, "list", repository), "nodejs20.x")
				require.NotContains(t, h.authorizations(githost.Batch), "")
				require.Equal(t, []string{""}, h.authorizations(githost.Object), "a signed URL gets no credential")
			})
		}
		known.assertNoneBelow(t, "the cache", c.root)
	})
}

func TestAnSSHRepositoryByInsteadOfIsBuiltWithTheAgent(t *testing.T) {
	t.Parallel()
	onEachBackend(t, func(t *testing.T, c *cli, where []string) {
		s := serveUnique(t).withStoreHost(t).serveSSH(t)
		want := oneImage(t, sandbox.Start(t), s.request("nodejs20.x"))
		s.SetAccess(githost.Access{Accept: []string{"nobody"}})
		c.env = []string{"SSH_AUTH_SOCK=" + startSSHAgent(t, s.key)}
		c.setGitConfig(t, "[url \"ssh://git@"+s.addr+"/\"]\n\tinsteadOf = https://git.example/\n")
		remote := []string{"--repository=https://git.example" + githost.RepositoryPath, "--known-hosts=" + s.remoteOptions()[3]}
		c.mustRun(t, append(append([]string{"build", "nodejs20.x", "-o", "image.tar"}, remote...), where...)...)
		requireDigest(t, c.file("image.tar"), want)
		require.Contains(t, c.mustRun(t, append([]string{"list"}, remote...)...), "nodejs20.x")

		c.setGitConfig(t, "[url \"/srv/git/\"]\n\tinsteadOf = https://git.example/\n")
		require.Contains(t, c.mustFail(t, 1, append(append([]string{"build", "nodejs20.x"}, remote...), where...)...),
			"lambdabase: repository https://git.example"+githost.RepositoryPath+": url.<base>.insteadOf of your git: invalid option repository: want an https, http or SSH URL")
	})
}

// Files end in a line break.
func TestATokenFileIsReadTheSameWayEverywhere(t *testing.T) {
	t.Parallel()
	onEachBackend(t, func(t *testing.T, c *cli, where []string) {
		h := serveUnique(t).withStoreHost(t)
		h.SetAccess(canaryAccess)
		c.writeFiles(t, map[string]string{"token": canaryToken + "\r\n", "header": "Bearer " + canaryHeader + "\n", "two": "a\nb", "none": "\n"})
		for secret, want := range map[string]string{
			"id=GIT_AUTH_TOKEN,src=token":                        "",
			"id=GIT_AUTH_TOKEN." + h.hostPort() + ",src=token":   "",
			"id=GIT_AUTH_HEADER." + h.hostPort() + ",src=header": "",
			"id=GIT_AUTH_TOKEN,src=two":                          "secret GIT_AUTH_TOKEN holds a line break or another control character",
			"id=GIT_AUTH_HEADER,src=none":                        "secret GIT_AUTH_HEADER is empty",
		} {
			for _, args := range [][]string{
				{"list", h.repositoryFlag()},
				append([]string{"build", "nodejs20.x", "--objects=lfs", "--no-cache", h.repositoryFlag()}, where...),
			} {
				if args = append(args, "--secret="+secret); want == "" {
					c.mustRun(t, args...)
				} else {
					require.Contains(t, c.mustFail(t, 1, args...), want)
				}
			}
		}
	})
}

func TestAnInterruptEndsACommandThatWaitsForACredentialHelper(t *testing.T) {
	t.Parallel()
	c := newCLI(t)
	h := serveUnique(t).withStoreHost(t)
	h.SetAccess(canaryAccess)
	require.NoError(t, syscall.Mkfifo(c.file("pipe"), 0o600))
	pipe, err := os.OpenFile(c.file("pipe"), os.O_RDWR, 0)
	require.NoError(t, err)
	defer pipe.Close() // which ends the helpers
	c.setGitConfig(t, "[credential]\n\thelper = \"!f() { touch "+c.file("asked")+"; cat "+c.file("pipe")+"; }; f\"\n")
	for name, args := range map[string][]string{"list": {"list", h.repositoryFlag()}, "build": {"build", "nodejs20.x", h.repositoryFlag()}} {
		t.Run(name, func(t *testing.T) {
			cmd := c.command(t, args...)
			ended := make(chan cmdResult, 1)
			go func() { ended <- runToEnd(t, cmd) }()
			sandbox.Wait(t, func() bool { return os.Remove(c.file("asked")) == nil }, "question to the helper")
			require.NoError(t, cmd.Process.Signal(syscall.SIGINT))
			s := <-ended
			require.Equal(t, 130, s.code, s.stderr)
			require.Contains(t, s.stderr, "lambdabase: interrupted\n")
		})
	}
}
