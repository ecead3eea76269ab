package test

import (
	"context"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"lambdabase/frontend"
	"lambdabase/internal/sample"
	"lambdabase/internal/sample/faults"
	"lambdabase/internal/sample/githost"
	"lambdabase/test/sandbox"

	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// withShortGitTimeout asks after each second whether a server is there.
func withShortGitTimeout(ctx context.Context, c gateway.Client) (*gateway.Result, error) {
	return frontend.Frontend{GitTimeout: time.Second}.Build(ctx, c)
}

// probePath is in what asks a server whether it is there. Git itself asks for no HEAD.
const probePath = "/HEAD"

// gitRequests are how many requests git made, and how often the server was asked whether it is there.
func (h *repoServer) gitRequests() (git, asked int) {
	for _, r := range h.Requests() {
		if strings.Contains(r.Path, probePath) {
			asked++
		} else if r.Kind == githost.Git {
			git++
		}
	}
	return git, asked
}

func TestARepositoryThatSaysNothingEndsABuildAndHoldsNoOther(t *testing.T) {
	d := sandbox.Start(t)
	for name, tc := range map[string]struct {
		commit, context bool
		there           int // how often it answers that it is
		want            string
	}{
		"head":                {want: "not done in 1s: no answer in time"},
		"tree":                {commit: true, want: "not done in 1s: no answer in time"},
		"one that was there":  {commit: true, there: 2, want: "not done in 3s: no answer in time"},
		"commit of a context": {context: true, want: "build context from git: not done in 1s: no answer in time"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := serve(t, []sample.Branch{newBranch("case", compress(t, packTar(t, append(taskDirs, file("a", name))...)))})
			req := h.request("case")
			if tc.commit {
				req.Attrs["commit"] = must(h.Commit("case"))
			}
			if tc.context {
				repository, objects := h.URLs(h.URL)
				req.Attrs = map[string]string{"context": repository + "#case", "filename": "Dockerfile.case", "objects": objects}
			}
			patient := req.Func
			req.Func = withShortGitTimeout
			h.Inject(faults.Target{Kind: githost.Git}, faults.Silence())
			if tc.there > 0 {
				h.Inject(faults.Target{Kind: githost.Git, Path: probePath}, faults.Fault{Times: tc.there})
			}
			_, err := d.Solve(t.Context(), t, req)
			require.ErrorContains(t, err, tc.want)
			_, asked := h.gitRequests()
			require.Equal(t, tc.there+1, asked)

			h.ClearFaults()
			req.Func = patient
			_, err = d.Solve(t.Context(), t, req)
			require.NoError(t, err, "the git that waited is gone")
		})
	}
}

func TestManyBuildsFromOneRepositoryAreNotTakenForSilence(t *testing.T) {
	runtimes := []string{"nodejs18.x", "nodejs20.x", "python3.11", "java21", "go1.x", "provided.al2023"}
	h := serveUpstream(t, runtimes...)
	d := sandbox.Start(t)
	// Git asks for one runtime after the other: the last one waits for longer than the time.
	h.Inject(faults.Target{Kind: githost.Git}, faults.Fault{Delay: 500 * time.Millisecond})
	var wg sync.WaitGroup
	for _, r := range runtimes {
		wg.Go(func() {
			req := h.request(r, "requestid", "lambda.plan")
			req.Func = frontend.Frontend{GitTimeout: 2 * time.Second}.Build
			_, err := d.Solve(t.Context(), t, req)
			assert.NoError(t, err)
		})
	}
	wg.Wait()
	_, asked := h.gitRequests()
	require.GreaterOrEqual(t, asked, 2)
}

func TestADaemonWithoutRoomIsNotTakenForASilentServer(t *testing.T) {
	t.Parallel()
	requireRoomIsNotSilence(t, sandbox.Start(t, oneAtATime))
}

func TestOlderDaemonsTellASilentServerFromOneThatIsThere(t *testing.T) {
	onOldDaemons(t, func(t *testing.T, start func(...sandbox.Option) *sandbox.Daemon) {
		d := start(oneAtATime)
		requireRoomIsNotSilence(t, d)
		h := serveUpstream(t, "go1.x")
		h.Inject(faults.Target{Kind: githost.Git}, faults.Silence())
		req := h.request("go1.x", "requestid", "lambda.plan")
		req.Func = withShortGitTimeout
		_, err := d.Solve(t.Context(), t, req)
		require.ErrorContains(t, err, "not done in 1s: no answer in time")
	})
}

// oneAtATime is a daemon that does one thing at a time.
var oneAtATime = sandbox.WithConfig("[worker.oci]\n  max-parallelism = 1\n")

func requireRoomIsNotSilence(t *testing.T, d *sandbox.Daemon) {
	t.Helper()
	full, h := serveUpstream(t, "nodejs20.x"), serveUpstream(t, "go1.x") // one commit from both would be one step of the daemon
	full.Inject(faults.Target{Kind: githost.Git}, faults.Silence())
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	held, built := make(chan error, 1), make(chan error, 1)
	build := func(ctx context.Context, h *repoServer, runtime string, f gateway.BuildFunc, done chan error) {
		req := h.request(runtime, "commit", must(h.Commit(runtime)), "requestid", "lambda.plan", "lock", "none") // which would wait for room, too
		req.Func = f
		_, err := d.Solve(ctx, t, req)
		done <- err
	}
	go build(ctx, full, "nodejs20.x", frontend.Frontend{}.Build, held) // its git holds the only place
	sandbox.Wait(t, func() bool { git, _ := full.gitRequests(); return git > 0 }, "git of the first build")
	go build(t.Context(), h, "go1.x", withShortGitTimeout, built)
	sandbox.Wait(t, func() bool { _, asked := h.gitRequests(); return asked >= 3 || len(built) > 0 }, "three questions")
	git, _ := h.gitRequests()
	require.Zero(t, git, "it has no place yet")
	leave()
	require.Error(t, <-held)
	require.NoError(t, <-built)
}

func TestEveryFaultThatIsSilenceEndsTheCommand(t *testing.T) {
	t.Parallel()
	if os.Getenv(slowEnv) == "" {
		t.Skipf("takes two minutes: make test-full sets %s", slowEnv)
	}
	onEachBackend(t, func(t *testing.T, c *cli, where []string) {
		h := serveUpstream(t, "go1.x")
		h.Inject(faults.Target{Kind: githost.Git}, faults.Silence())
		repository := "--repository=" + h.URL + githost.RepositoryPath
		var wg sync.WaitGroup
		wg.Go(func() {
			s := c.run(t, "list", repository)
			assert.Contains(t, s.stderr, "branches of "+h.URL+githost.RepositoryPath+": not done in 1m0s: no answer in time")
		})
		s := c.run(t, append([]string{"plan", "go1.x", repository}, where...)...)
		assert.Contains(t, s.stderr, "branch go1.x of "+h.URL+githost.RepositoryPath+": not done in 1m0s: no answer in time")
		wg.Wait()
		h.ClearFaults()
		c.mustRun(t, append(append(buildArgs(h, "go1.x"), "-o", "image.tar"), where...)...)
	})
}

// A daemon's git can't be looked at: it may take half an hour in the middle of a pack, and ten minutes over SSH.
func TestEveryFaultThatIsSilenceAfterSomethingEndsTheCommand(t *testing.T) {
	if os.Getenv(slowEnv) == "" {
		t.Skipf("takes two minutes: make test-full sets %s", slowEnv)
	}
	for name, begin := range map[string]func(t *testing.T) (args []string, heal func()){
		"in a pack": func(t *testing.T) ([]string, func()) {
			h := serveUpstream(t, "go1.x")
			h.Inject(faults.Target{Kind: githost.Git, Path: "git-upload-pack"}, faults.Fault{Stall: 500})
			return []string{"--repository=" + h.URL + githost.RepositoryPath}, h.ClearFaults
		},
		"over SSH": func(t *testing.T) ([]string, func()) {
			s := serveUpstream(t, "go1.x").serveSSH(t)
			s.ssh.Inject(faults.SSHFault{Command: githost.UploadPack, Hang: true})
			remote := s.remoteOptions()
			return []string{"--repository=" + remote[1], "--known-hosts=" + remote[3], "--ssh=default=" + s.key}, s.ssh.ClearFaults
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCLI(t)
			args, heal := begin(t)
			s := c.run(t, append([]string{"plan", "go1.x"}, args...)...)
			require.Regexp(t, `not done in 1m\d*s: no answer in time`, s.stderr)
			heal()
			c.mustRun(t, append([]string{"plan", "go1.x"}, args...)...)
		})
	}
}
