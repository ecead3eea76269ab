package frontend

import (
	"context"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"lambdabase/internal/gitssh"
	"lambdabase/test/readme"

	"github.com/moby/buildkit/client/llb/sourceresolver"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/solver/errdefs"
	"github.com/moby/buildkit/solver/pb"
	"github.com/moby/buildkit/util/apicaps"
	"github.com/opencontainers/go-digest"
	"github.com/pkg/errors"
	"github.com/stretchr/testify/require"
)

// watched is a daemon that keeps the operations it is sent.
type watched struct {
	*stub
	lacks []apicaps.CapID
	held  int // attempts at a step that fail, as a client that hangs has begun them

	mu   sync.Mutex
	git  []*pb.SourceOp
	exec []*pb.ExecOp
}

func (w *watched) BuildOpts() gateway.BuildOpts {
	opts := w.stub.BuildOpts()
	var caps []*apicaps.PBCap
	for _, c := range pb.Caps.All() {
		lacks := false
		for _, l := range w.lacks {
			lacks = lacks || c.ID == string(l)
		}
		if !lacks {
			caps = append(caps, c)
		}
	}
	opts.LLBCaps = pb.Caps.CapSet(caps)
	return opts
}

func (w *watched) ResolveSourceMetadata(ctx context.Context, op *pb.SourceOp, opt sourceresolver.Opt) (*sourceresolver.MetaResponse, error) {
	w.keep(&pb.Op{Op: &pb.Op_Source{Source: op}})
	return w.stub.ResolveSourceMetadata(ctx, op, opt)
}

func (w *watched) Solve(ctx context.Context, req gateway.SolveRequest) (*gateway.Result, error) {
	for _, dt := range req.Definition.Def {
		var op pb.Op
		if err := op.UnmarshalVT(dt); err != nil {
			return nil, err
		}
		if w.keep(&op) && attemptOf(op.GetExec()) <= w.held {
			return nil, errdefs.WrapVertex(errors.New("no active session for q2w3: context deadline exceeded"), digest.FromBytes(dt))
		}
	}
	return w.stub.Solve(ctx, req)
}

// keep tells whether it is a step.
func (w *watched) keep(op *pb.Op) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if src := op.GetSource(); src != nil && strings.HasPrefix(src.Identifier, "git://") {
		w.git = append(w.git, src)
	}
	if exec := op.GetExec(); exec != nil {
		w.exec = append(w.exec, exec)
	}
	return op.GetExec() != nil
}

func attemptOf(exec *pb.ExecOp) int {
	for _, env := range exec.Meta.Env {
		if value, ok := strings.CutPrefix(env, "LAMBDABASE_ATTEMPT="); ok {
			attempt, _, _ := strings.Cut(value, " of ")
			n, _ := strconv.Atoi(attempt)
			return n
		}
	}
	return 1
}

// secretIDs are those that the last step names.
func (w *watched) secretIDs() (ids []string) {
	for _, m := range w.exec[len(w.exec)-1].Mounts {
		if m.SecretOpt != nil {
			ids = append(ids, m.SecretOpt.ID)
		}
	}
	return ids
}

const private = "https://git.example/o/r.git"

func TestOnlyOwnSourcesAndStepsNameWhatNobodyNamed(t *testing.T) {
	f := quick
	f.Session = Session{GitSecret: "lambdabase-git-X", SSHAgent: "lambdabase-ssh-Y"}
	for name, tc := range map[string]struct {
		opts   map[string]string
		noGit  bool
		lacks  []apicaps.CapID
		header string // that every git source names
		agent  string
	}{
		"a base image":            {opts: map[string]string{"repository": private}, header: "lambdabase-git-X"},
		"a daemon before v0.26":   {opts: map[string]string{"repository": private}, noGit: true, header: "lambdabase-git-X"},
		"an SSH repository":       {opts: map[string]string{"repository": "git@github.com:o/r.git"}, header: "lambdabase-git-X", agent: "lambdabase-ssh-Y"},
		"a daemon without it":     {opts: map[string]string{"repository": private}, lacks: []apicaps.CapID{pb.CapSourceGitHTTPAuth}, header: "GIT_AUTH_HEADER"},
		"an agent, without it":    {opts: map[string]string{"repository": "git@github.com:o/r.git"}, lacks: []apicaps.CapID{pb.CapSourceGitMountSSHSock}, header: "lambdabase-git-X", agent: "default"},
		"the plan of a base":      {opts: map[string]string{"repository": private, "requestid": "lambda.plan"}, header: "lambdabase-git-X"},
		"a commit that is pinned": {opts: map[string]string{"repository": private, "commit": stubCommit}, header: "lambdabase-git-X"},
	} {
		t.Run(name, func(t *testing.T) {
			tc.opts["source"] = "reg/lambda-frontend"
			w := &watched{stub: newStub(tc.opts), lacks: tc.lacks}
			w.noGit = tc.noGit
			w.tree[".git/HEAD"] = stubFile{data: stubCommit + "\n"}
			_, err := f.Build(context.Background(), w)
			require.NoError(t, err)
			require.NotEmpty(t, w.git)
			for _, src := range w.git {
				require.Equal(t, tc.header, src.Attrs[pb.AttrAuthHeaderSecret])
				require.Equal(t, "GIT_AUTH_TOKEN", src.Attrs[pb.AttrAuthTokenSecret])
				require.Equal(t, tc.agent, src.Attrs[pb.AttrMountSSHSock])
			}
			if tc.opts["requestid"] != "" {
				return
			}
			for _, exec := range w.exec {
				for _, m := range exec.Mounts {
					require.False(t, m.SecretOpt != nil && strings.HasPrefix(m.SecretOpt.ID, "GIT_AUTH_HEADER") && tc.header != "GIT_AUTH_HEADER", "%s", m.GetSecretOpt())
					require.False(t, m.SSHOpt != nil && tc.agent != "default" && m.SSHOpt.ID != tc.agent)
				}
			}
			require.Contains(t, w.secretIDs(), tc.header+"."+gitHost(t, tc.opts["repository"]))
		})
	}
}

func gitHost(t *testing.T, repository string) string {
	if remote, isSSH, err := gitssh.ParseRemote(repository); isSSH {
		require.NoError(t, err)
		return remote.Hostname()
	}
	return hostOf(repository)
}

func TestOfSecretsAStepNamesThoseThatTheClientHas(t *testing.T) {
	w := &watched{stub: newStub(map[string]string{"repository": private, "source": "reg/lambda-frontend"})}
	f := quick
	f.Session.HasSecret = func(id string) bool { return id == "GIT_AUTH_TOKEN" || id == "LAMBDABASE_CA" }
	_, err := f.Build(context.Background(), w)
	require.NoError(t, err)
	require.Equal(t, []string{"LAMBDABASE_CA", "GIT_AUTH_TOKEN"}, w.secretIDs())

	w = &watched{stub: newStub(map[string]string{"repository": private, "source": "reg/lambda-frontend"})}
	_, err = quick.Build(context.Background(), w)
	require.NoError(t, err)
	require.Equal(t, []string{
		"LAMBDABASE_CA", "GIT_AUTH_HEADER.git.example", "GIT_AUTH_TOKEN.git.example", "GIT_AUTH_HEADER", "GIT_AUTH_TOKEN",
		"HTTP_AUTH_TOKEN_git.example", "HTTP_AUTH_HEADER_git.example", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY",
	}, w.secretIDs(), "of another client nobody knows")
}

// What a client that hangs has begun fails for all: as another step it doesn't.
func TestAStepThatIsHeldIsRunAsAnother(t *testing.T) {
	for _, layers := range []string{"auto", "chain"} {
		opts := map[string]string{"repository": private, "source": "reg/lambda-frontend", "layers": layers}
		w := &watched{stub: newStub(opts), held: 1}
		_, err := quick.Build(context.Background(), w)
		require.NoError(t, err, layers)
		require.Equal(t, 2, attemptOf(w.exec[len(w.exec)-1]), layers)

		w = &watched{stub: newStub(opts), held: 1000}
		_, err = quick.Build(context.Background(), w)
		require.ErrorContains(t, err, "no active session for q2w3: context deadline exceeded: another client of the BuildKit daemon hangs", layers)
		readme.Explains(t, err.Error(), "no active session for ...: another client of the BuildKit daemon hangs")
		require.ErrorContains(t, err, "end that build, or try again later")
	}
	for held, want := range map[int]string{2: "no such file", 1000: "end that build, or try again later"} {
		w := &watched{stub: newStub(map[string]string{"repository": private, "source": "reg/lambda-frontend", "requestid": "lambda.runtimes"}), held: held}
		_, err := quick.Build(context.Background(), w)
		require.ErrorContains(t, err, want)
		require.Len(t, w.exec, 3)
	}
}

func TestTheClientsGitSaysWhereTheRepositoryIs(t *testing.T) {
	f := Frontend{retryDelay: time.Nanosecond}
	f.Session.Remote = func(repository string) (string, error) {
		require.Equal(t, Upstream, repository)
		return "https://mirror.example/o/r.git", nil
	}
	w := &watched{stub: newStub(map[string]string{"source": "reg/lambda-frontend"})}
	_, err := f.Build(context.Background(), w)
	require.NoError(t, err)
	for _, src := range w.git {
		require.Equal(t, "https://mirror.example/o/r.git", src.Attrs[pb.AttrFullRemoteURL])
	}
	require.Contains(t, w.exec[0].Meta.Args, "--repository=https://mirror.example/o/r.git")

	f.Session.Remote = func(string) (string, error) { return "file:///srv", nil }
	_, err = f.Build(context.Background(), w)
	require.ErrorContains(t, err, "want an https, http or SSH URL")
}
