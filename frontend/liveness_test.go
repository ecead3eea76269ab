package frontend

import (
	"cmp"
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"lambdabase/internal/llbtext"

	"github.com/moby/buildkit/client/llb/sourceresolver"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/solver/pb"
	"github.com/pkg/errors"
	"github.com/stretchr/testify/require"
)

// silentGit is a daemon whose git waits for a server to answer some of what it is asked.
type silentGit struct {
	*stub
	metadata, solves string // what of a source has it wait
	there            int    // how many times the server answers that it is there
	says             string // in the place of an answer, the error of a connection
	answersAfter     int    // so many times, the git that waits, too

	asked   map[string]string // names of what was asked for, to their URL: only what answers is kept
	answers chan struct{}
}

func (s *silentGit) wait(ctx context.Context) error {
	select {
	case <-s.answers:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// ResolveSourceMetadata repeats an answer within a build, as BuildKit does.
func (s *silentGit) ResolveSourceMetadata(ctx context.Context, op *pb.SourceOp, opt sourceresolver.Opt) (*sourceresolver.MetaResponse, error) {
	isAsked := strings.HasSuffix(op.Identifier, ".git/HEAD")
	if !isAsked && strings.Contains(op.Identifier, cmp.Or(s.metadata, "none")) && s.wait(ctx) != nil {
		return nil, ctx.Err()
	}
	if !isAsked || s.noGit {
		return s.stub.ResolveSourceMetadata(ctx, op, opt)
	}
	if err := s.ask(ctx, op.Attrs[pb.AttrHTTPFilename], op.Identifier); err != nil {
		return nil, err
	}
	return &sourceresolver.MetaResponse{Op: op, HTTP: &sourceresolver.ResolveHTTPResponse{}}, nil
}

// ask has the server answer, or not.
func (s *silentGit) ask(ctx context.Context, name, url string) error {
	switch {
	case s.asked[name] == url:
		return nil
	case s.says != "":
		return errors.New(s.says)
	case len(s.asked) == s.there:
		<-ctx.Done()
		return ctx.Err()
	}
	s.asked[name] = url
	if len(s.asked) == s.answersAfter {
		close(s.answers)
	}
	return nil
}

func (s *silentGit) Solve(ctx context.Context, req gateway.SolveRequest) (*gateway.Result, error) {
	text, err := llbtext.Format(req.Definition)
	if err != nil {
		return nil, err
	}
	if url, name, isAsked := strings.Cut(text, ".git/HEAD/"); isAsked {
		if err := s.ask(ctx, name, url); err != nil {
			return nil, err
		}
		return nil, errors.New("invalid response status 404")
	}
	if s.solves != "" && strings.Contains(text, s.solves) {
		if err := s.wait(ctx); err != nil {
			return nil, err
		}
	}
	return s.stub.Solve(ctx, req)
}

const aContext = "https://h.example/o/r.git#refs/heads/nodejs20.x"

func contextOf(context string) map[string]string {
	return map[string]string{"runtime": "", "context": context, "filename": "Dockerfile.nodejs20.x", "objects": "https://o.example/{oid}"}
}

// begin makes the server anew, in the bubble of time that it is used in.
func (s silentGit) begin(opts map[string]string) *silentGit {
	s.stub, s.asked, s.answers = newStub(opts), map[string]string{}, make(chan struct{})
	s.stub.tree["Dockerfile.nodejs20.x"] = stubFile{data: "FROM scratch\nCOPY x86_64/a.tar.xz /\n"}
	return &s
}

func TestARepositoryThatSaysNothingHoldsNoBuildForEver(t *testing.T) {
	const (
		branch  = "branch nodejs20.x of https://github.com/aws/aws-lambda-base-images.git: "
		commit  = "commit " + stubCommit + " of https://github.com/aws/aws-lambda-base-images.git: "
		context = "build context from git: "
		silent  = "not done in 1m0s: no answer in time"
		unknown = "not done in 10m0s: no answer in time"
		slow    = "not done in 30m0s: the server is there, but too slow, or too many builds wait at once"
		ever    = 1000
		head    = "#refs/heads/"
		tree    = "source git://"
	)
	ssh := map[string]string{"repository": "git@github.com:aws/aws-lambda-base-images.git"}
	for name, tc := range map[string]struct {
		opts   map[string]string
		server silentGit
		want   string
	}{
		"head":                              {nil, silentGit{metadata: head}, branch + silent},
		"head, from a server that is there": {nil, silentGit{metadata: head, there: ever}, branch + slow},
		"head, from one that was there":     {nil, silentGit{metadata: head, there: 2}, branch + "not done in 3m0s: no answer in time"},
		"head over SSH":                     {ssh, silentGit{metadata: head}, unknown},
		"head, from no such host":           {nil, silentGit{metadata: head, says: "dial tcp: lookup h.example: no such host"}, branch + unknown},
		"head, from one that asks who":      {nil, silentGit{metadata: head, says: "invalid response status 401"}, branch + slow},
		"tree":                              {nil, silentGit{solves: tree}, commit + silent},
		"tree, on a busy daemon":            {nil, silentGit{solves: tree, there: ever}, commit + slow},
		"tree, from one that was there":     {nil, silentGit{solves: tree, there: 1}, commit + "not done in 2m0s: no answer in time"},
		"plan":                              {map[string]string{"requestid": "lambda.plan"}, silentGit{metadata: head}, branch + silent},
		"context":                           {contextOf(aContext), silentGit{solves: tree}, context + silent},
		"a large context":                   {contextOf(aContext), silentGit{solves: tree, there: ever}, context + slow},
		"a context that was there":          {contextOf(aContext), silentGit{solves: tree, there: 3}, context + "not done in 4m0s: no answer in time"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, err := Frontend{}.Build(t.Context(), tc.server.begin(tc.opts))
				require.ErrorContains(t, err, tc.want)
			})
		})
	}
}

func TestADaemonThatHasNoMetadataAsksForAFile(t *testing.T) {
	for name, tc := range map[string]struct {
		server silentGit
		want   string
	}{
		"silent":    {silentGit{}, "not done in 1m0s: no answer in time"},
		"was there": {silentGit{there: 2}, "not done in 3m0s: no answer in time"},
		"is there":  {silentGit{there: 1000}, "not done in 30m0s: the server is there"},
		"no host":   {silentGit{says: "dial tcp: lookup h.example: no such host"}, "not done in 10m0s: no answer in time"},
		"asks who":  {silentGit{says: "invalid response status 401"}, "not done in 30m0s: the server is there"},
		"at last":   {silentGit{there: 3, answersAfter: 3}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tc.server.solves = "source git://"
				s := tc.server.begin(map[string]string{"commit": stubCommit})
				s.noGit = true
				_, err := Frontend{}.Build(t.Context(), s)
				if tc.want == "" {
					require.NoError(t, err)
					return
				}
				require.ErrorContains(t, err, tc.want)
			})
		})
	}
}

// gitAt is what git does at a time since it began.
type gitAt func(since time.Duration) (silent, worked time.Duration, known bool)

func TestTheGitInTheProcessIsLookedAt(t *testing.T) {
	const slow = ": the server is there, but too slow, or too many builds wait at once"
	ssh := map[string]string{"repository": "git@GitHub.com:aws/aws-lambda-base-images.git"}
	https := map[string]string{"repository": "https://github.com:8443/o/r.git"}
	since := func(begun, now time.Duration) time.Duration { return max(0, now-begun) }
	for name, tc := range map[string]struct {
		opts map[string]string
		git  gitAt
		want string
	}{
		"silent":           {https, func(now time.Duration) (time.Duration, time.Duration, bool) { return now, now / 1000, true }, "not done in 1m0s: no answer in time"},
		"silent, over SSH": {ssh, func(now time.Duration) (time.Duration, time.Duration, bool) { return now, 0, true }, "not done in 1m0s: no answer in time"},
		"begun late": {ssh, func(now time.Duration) (time.Duration, time.Duration, bool) {
			return since(50*time.Second, now), 0, true
		}, "not done in 1m45s: no answer in time"},
		"stalled in a pack": {https, func(now time.Duration) (time.Duration, time.Duration, bool) {
			return since(5*time.Minute+20*time.Second, now), min(now, 5*time.Minute) / 4, true
		}, "not done in 6m15s: no answer in time"},
		"slow":          {ssh, func(time.Duration) (time.Duration, time.Duration, bool) { return 20 * time.Second, 0, true }, slow},
		"unpacking":     {ssh, func(now time.Duration) (time.Duration, time.Duration, bool) { return now, now / 10, true }, slow},
		"no connection": {ssh, func(time.Duration) (time.Duration, time.Duration, bool) { return 0, 0, false }, "not done in 10m0s: no answer in time"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				begun := time.Now()
				f := Frontend{GitActivity: func(host string) (silent, worked time.Duration, known bool) {
					require.Equal(t, "github.com", strings.ToLower(host))
					return tc.git(time.Since(begun))
				}}
				_, err := f.Build(t.Context(), silentGit{metadata: "#refs/heads/", there: 1000}.begin(tc.opts))
				require.ErrorContains(t, err, tc.want)
			})
		})
	}
}

func TestAServerThatIsThereIsWaitedFor(t *testing.T) {
	const remote = "https://h.example/o/r.git"
	opts := map[string]string{"repository": remote, "objects": "https://o.example/{oid}"}
	for name, tc := range map[string]struct {
		opts   map[string]string
		server silentGit
	}{
		"head": {opts, silentGit{metadata: "#refs/heads/"}},
		"tree": {opts, silentGit{solves: "source git://"}},
		// With a token in it, which the server is not asked with.
		"context": {contextOf("https://u:hunter2@h.example/o/r.git#refs/heads/nodejs20.x"), silentGit{solves: "source git://"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tc.server.there, tc.server.answersAfter = 20, 20
				s := tc.server.begin(tc.opts)
				_, err := Frontend{}.Build(t.Context(), s)
				require.NoError(t, err)
				require.Len(t, s.asked, 20, "each time anew")
				for _, asked := range s.asked {
					require.Equal(t, remote+"/HEAD", asked)
				}
			})
		})
	}
}

func TestABuildThatIsEndedIsNotCalledSilent(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := Frontend{}.Build(ctx, silentGit{metadata: "#refs/heads/"}.begin(nil))
	require.ErrorContains(t, err, "context canceled")
	require.NotContains(t, err.Error(), "no answer in time")
}
