package test

import (
	"context"
	"os"
	"sync"
	"testing"
	"time"

	"lambdabase/frontend"
	"lambdabase/internal/sample"
	"lambdabase/test/sandbox"

	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// hurried gives git a short time.
func hurried(ctx context.Context, c gateway.Client) (*gateway.Result, error) {
	return frontend.Frontend{GitTimeout: 5 * time.Second}.Build(ctx, c)
}

func TestARepositoryThatSaysNothingEndsABuildAndHoldsNoOther(t *testing.T) {
	d := sandbox.Start(t)
	for name, tc := range map[string]struct {
		answers int // requests before the silence
		context bool
		want    string
	}{
		"head":                {0, false, "branch case of "},
		"tree":                {2, false, "commit "},
		"commit of a context": {0, true, "build context from git: not done in 5s: no answer in time"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := serve(t, []sample.Branch{branch("case", compress(t, plain(t, append(task, file("a", name))...)))})
			req := h.request("case")
			if tc.context {
				repository, objects := h.URLs(h.url)
				req.Attrs = map[string]string{"context": repository + "#case", "filename": "Dockerfile.case", "objects": objects}
			}
			patient := req.Func
			req.Func = hurried
			h.Inject(sample.Target{Kind: sample.Git}, sample.Silence())
			if tc.answers > 0 {
				h.Inject(sample.Target{Kind: sample.Git}, sample.Fault{Times: tc.answers})
			}
			_, err := d.Solve(t.Context(), t, req)
			require.ErrorContains(t, err, tc.want)
			require.ErrorContains(t, err, "no answer in time")

			h.Heal()
			req.Func = patient
			_, err = d.Solve(t.Context(), t, req)
			require.NoError(t, err, "the git that waited is gone")
		})
	}
}

func TestManyBuildsFromOneRepositoryAreNotTakenForSilence(t *testing.T) {
	runtimes := []string{"nodejs18.x", "nodejs20.x", "python3.11", "java21", "go1.x", "provided.al2023"}
	h := upstream(t, runtimes...)
	d := sandbox.Start(t)
	// All requests together take longer than the time, and git asks for one runtime after the other.
	h.Inject(sample.Target{Kind: sample.Git}, sample.Fault{Delay: 500 * time.Millisecond})
	var wg sync.WaitGroup
	for _, r := range runtimes {
		wg.Go(func() {
			req := h.request(r, "requestid", "lambda.plan")
			req.Func = hurried
			_, err := d.Solve(t.Context(), t, req)
			assert.NoError(t, err)
		})
	}
	wg.Wait()
}

func TestEveryFaultThatIsSilenceEndsTheCommand(t *testing.T) {
	if os.Getenv(slow) == "" {
		t.Skipf("takes two minutes: make test-full sets %s", slow)
	}
	onBoth(t, func(t *testing.T, c *cli, where []string) {
		h := upstream(t, "go1.x")
		h.Inject(sample.Target{Kind: sample.Git}, sample.Silence())
		repository := "--repository=" + h.url + sample.RepositoryPath
		var wg sync.WaitGroup
		wg.Go(func() {
			s := c.run(t, "list", repository)
			assert.Contains(t, s.stderr, "branches of "+h.url+sample.RepositoryPath+": not done in 1m0s: no answer in time")
		})
		s := c.run(t, append([]string{"plan", "go1.x", repository}, where...)...)
		assert.Contains(t, s.stderr, "branch go1.x of "+h.url+sample.RepositoryPath+": not done in 1m0s: no answer in time")
		wg.Wait()
		h.Heal()
		c.does(t, append(append(build(h, "go1.x"), "-o", "image.tar"), where...)...)
	})
}
