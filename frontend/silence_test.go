package frontend

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
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
	metadata, solves string       // what of a source has it wait
	there            int64        // how many times the server answers that it is there
	answersAfter     int64        // the git that waits, too
	asked            atomic.Int64 // whether the server is there
	answers          chan struct{}
}

func (s *silentGit) wait(ctx context.Context) error {
	select {
	case <-s.answers:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *silentGit) ResolveSourceMetadata(ctx context.Context, op *pb.SourceOp, opt sourceresolver.Opt) (*sourceresolver.MetaResponse, error) {
	if s.metadata != "" && strings.Contains(op.Identifier, s.metadata) {
		if err := s.wait(ctx); err != nil {
			return nil, err
		}
	}
	return s.stub.ResolveSourceMetadata(ctx, op, opt)
}

func (s *silentGit) Solve(ctx context.Context, req gateway.SolveRequest) (*gateway.Result, error) {
	text, err := llbtext.Format(req.Definition)
	if err != nil {
		return nil, err
	}
	if strings.Contains(text, "/info/refs?service=git-upload-pack") {
		n := s.asked.Add(1)
		if n == s.answersAfter {
			close(s.answers)
		}
		if n <= s.there {
			return nil, errors.New("invalid response status 401")
		}
		<-ctx.Done()
		return nil, ctx.Err()
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

func TestARepositoryThatSaysNothingHoldsNoBuildForEver(t *testing.T) {
	const (
		timeout = 200 * time.Millisecond
		branch  = "branch nodejs20.x of https://github.com/aws/aws-lambda-base-images.git: "
		commit  = "commit " + stubCommit + " of https://github.com/aws/aws-lambda-base-images.git: "
		ever    = 1000
	)
	ssh := map[string]string{"repository": "git@github.com:aws/aws-lambda-base-images.git"}
	for name, tc := range map[string]struct {
		opts             map[string]string
		metadata, solves string
		there            int64
		want             string
	}{
		"head":                              {nil, "#refs/heads/", "", 0, branch + "not done in 200ms: no answer in time"},
		"head, from a server that is there": {nil, "#refs/heads/", "", ever, branch + "not done in 1s: no answer in time"},
		"head, from one that was there":     {nil, "#refs/heads/", "", 2, branch + "not done in 600ms: no answer in time"},
		"head over SSH":                     {ssh, "#refs/heads/", "", 0, "not done in 1s: no answer in time"},
		"tree":                              {nil, "", "source git://", 0, commit + "not done in 200ms: no answer in time"},
		"plan":                              {map[string]string{"requestid": "lambda.plan"}, "#refs/heads/", "", 0, branch + "not done in 200ms: no answer in time"},
		"commit of a context":               {contextOf(aContext), "#refs/heads/", "", 0, "build context from git: not done in 200ms: no answer in time"},
		"context":                           {contextOf(aContext), "", "source git://", 0, "build context from git: not done in 200ms: no answer in time"},
		"a large context":                   {contextOf(aContext), "", "source git://", ever, "build context from git: not done in 6s: no answer in time"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &silentGit{stub: newStub(tc.opts), metadata: tc.metadata, solves: tc.solves, there: tc.there, answers: make(chan struct{})}
			_, err := Frontend{GitTimeout: timeout}.Build(t.Context(), s)
			require.ErrorContains(t, err, tc.want)
		})
	}
}

func TestAServerThatIsThereIsWaitedFor(t *testing.T) {
	for name, s := range map[string]*silentGit{
		"head": {stub: newStub(nil), metadata: "#refs/heads/"},
		"tree": {stub: newStub(nil), solves: "source git://"},
		// With a token in it, which the server is not asked with.
		"context": {stub: newStub(contextOf("https://u:hunter2@h.example/o/r.git#refs/heads/nodejs20.x")), solves: "source git://"},
	} {
		s.stub.tree["Dockerfile.nodejs20.x"] = stubFile{data: "FROM scratch\nCOPY x86_64/a.tar.xz /\n"}
		s.there, s.answersAfter, s.answers = 2, 2, make(chan struct{})
		_, err := Frontend{GitTimeout: 200 * time.Millisecond}.Build(t.Context(), s)
		require.NoError(t, err, name)
		require.GreaterOrEqual(t, s.asked.Load(), int64(2), name)
	}
}

func TestABuildThatIsEndedIsNotCalledSilent(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := Frontend{}.Build(ctx, &silentGit{stub: newStub(nil), metadata: "#refs/heads/", answers: make(chan struct{})})
	require.ErrorContains(t, err, "context canceled")
	require.NotContains(t, err.Error(), "no answer in time")
}
