package frontend

import (
	"bytes"
	"context"
	"maps"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"lambdabase/internal/execstep/contract"

	"github.com/moby/buildkit/client/llb/sourceresolver"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/solver/pb"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
)

// sent is a daemon of which all that is sent to it is kept.
type sent struct {
	gateway.Client
	mu   sync.Mutex
	all  [][]byte
	ops  map[string]bool // as docs/security.md names them
	exec []*pb.ExecOp
}

func (s *sent) keep(m proto.Message, ops ...*pb.Op) error {
	dt, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = append(s.all, dt)
	for _, op := range ops {
		for _, name := range operations(op) {
			s.ops[name] = true
		}
		if exec := op.GetExec(); exec != nil {
			s.exec = append(s.exec, exec)
		}
	}
	return err
}

func (s *sent) Solve(ctx context.Context, req gateway.SolveRequest) (*gateway.Result, error) {
	var ops []*pb.Op
	for _, dt := range req.Definition.Def {
		op := &pb.Op{}
		if err := op.UnmarshalVT(dt); err != nil {
			return nil, err
		}
		ops = append(ops, op)
	}
	if err := s.keep(req.Definition, ops...); err != nil {
		return nil, err
	}
	return s.Client.Solve(ctx, req)
}

func (s *sent) ResolveSourceMetadata(ctx context.Context, op *pb.SourceOp, opt sourceresolver.Opt) (*sourceresolver.MetaResponse, error) {
	if err := s.keep(op, &pb.Op{Op: &pb.Op_Source{Source: op}}); err != nil {
		return nil, err
	}
	return s.Client.ResolveSourceMetadata(ctx, op, opt)
}

// operations are what an operation does, in the words of docs/security.md.
func operations(op *pb.Op) (names []string) {
	switch o := op.Op.(type) {
	case nil: // the result
	case *pb.Op_Source:
		scheme, _, _ := strings.Cut(o.Source.Identifier, "://")
		names = append(names, "source "+scheme)
	case *pb.Op_Exec:
		args := o.Exec.Meta.Args
		names = append(names, "exec "+path.Base(args[0])+" "+args[1])
	case *pb.Op_File:
		for _, a := range o.File.Actions {
			names = append(names, "file "+fileAction(a))
		}
	case *pb.Op_Merge:
		names = append(names, "merge")
	default:
		names = append(names, "an operation of another kind")
	}
	return names
}

func fileAction(a *pb.FileAction) string {
	switch a.Action.(type) {
	case *pb.FileAction_Copy:
		return "copy"
	case *pb.FileAction_Rm:
		return "rm"
	case *pb.FileAction_Mkdir:
		return "mkdir"
	case *pb.FileAction_Mkfile:
		return "mkfile"
	}
	return "of another kind"
}

// documentedOperations are those of the list in docs/security.md.
func documentedOperations(t *testing.T) []string {
	t.Helper()
	dt, err := os.ReadFile("../docs/security.md")
	require.NoError(t, err)
	_, section, ok := strings.Cut(string(dt), "\n## What the definition of a base image holds\n")
	require.True(t, ok)
	section, _, _ = strings.Cut(section, "\n## ")
	var names []string
	for _, line := range regexp.MustCompile("(?m)^- (`.*?):").FindAllStringSubmatch(section, -1) {
		for _, name := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(line[1], -1) {
			names = append(names, name[1])
		}
	}
	require.Greater(t, len(names), 5)
	return names
}

// checkoutStub is a daemon whose client's folder is a checkout.
type checkoutStub struct{ *stub }

func (c checkoutStub) Solve(ctx context.Context, req gateway.SolveRequest) (*gateway.Result, error) {
	res, err := c.stub.Solve(ctx, req)
	for _, dt := range req.Definition.Def {
		var op pb.Op
		if uerr := op.UnmarshalVT(dt); uerr != nil {
			return nil, uerr
		}
		if strings.HasPrefix(op.GetSource().GetIdentifier(), "local://") && len(req.Definition.Def) == 2 && err == nil {
			res.SetRef(c.tree)
		}
	}
	return res, err
}

const canary = "wren7Qx2Pcanary"

// waysToABaseImage are all ways that a base image is built in, with what must not be in a definition all around.
func waysToABaseImage(t *testing.T) map[string]func() gateway.Client {
	locked := lockText(t, map[string]string{"platform": "linux/amd64,linux/arm64"})
	with := func(more map[string]string) map[string]string {
		opts := map[string]string{"build-arg:TOKEN": canary, "label:token": canary}
		maps.Copy(opts, more)
		return opts
	}
	of := func(opts map[string]string) func() gateway.Client {
		return func() gateway.Client { return newStub(with(opts)) }
	}
	batch := map[string]string{"objects": "lfs", "source": "registry.example/lambda-frontend", "repository": private}
	return map[string]func() gateway.Client{
		"URLs":                   of(nil),
		"URLs, both platforms":   of(map[string]string{"platform": "linux/amd64,linux/arm64"}),
		"URLs without TLS":       of(map[string]string{"objects": "http://objects.example/{oid}"}),
		"chained":                of(map[string]string{"layers": "chain"}),
		"without a path":         of(map[string]string{"exclude": "/etc/a"}),
		"a chain without a path": of(map[string]string{"exclude": "/etc/a", "layers": "chain"}),
		"the batch API":          of(batch),
		"the batch API over SSH": of(map[string]string{"objects": "lfs", "source": "registry.example/lambda-frontend", "repository": "git@github.com:o/r.git"}),
		"an old daemon": func() gateway.Client {
			s := newStub(with(nil))
			s.noGit, s.tree[".git/HEAD"] = true, stubFile{data: stubCommit + "\n"}
			return s
		},
		"a mirror": func() gateway.Client { return mirroredStub(t, with(nil)) },
		"a mirror of an OCI layout": func() gateway.Client {
			return mirroredStub(t, with(map[string]string{"repository": "oci-layout:" + t.TempDir()}))
		},
		"a checkout": func() gateway.Client {
			return checkoutStub{newStub(with(map[string]string{"runtime": "", "filename": "Dockerfile.nodejs20.x", "objects": "https://objects.example/{oid}"}))}
		},
		"a checkout by its URL": func() gateway.Client {
			return contextStub("https://git.example/o/r.git#refs/heads/main", with(map[string]string{"objects": "https://objects.example/{oid}"}))
		},
		"locked": func() gateway.Client {
			s := newStub(with(nil))
			s.lock, s.branches, s.tree = locked, nil, nil
			return s
		},
	}
}

// What is sent to BuildKit for a base image is the same each time, holds what docs/security.md lists, and nothing of the
// machine or of its user.
func TestABaseImageHoldsWhatIsDocumentedAndIsStable(t *testing.T) {
	home, err := os.UserHomeDir()
	require.NoError(t, err)
	wd, err := os.Getwd()
	require.NoError(t, err)
	t.Setenv("GIT_AUTH_TOKEN", canary)
	f := quick
	f.Session.OpenLayout = func(context.Context, string) (Layout, error) { return layoutStub{stubDocument(t)}, nil }
	documented, used := documentedOperations(t), map[string]bool{}
	for name, client := range waysToABaseImage(t) {
		t.Run(name, func(t *testing.T) {
			var first [][]byte
			for range 25 {
				s := &sent{Client: client(), ops: map[string]bool{}}
				_, err := f.Build(t.Context(), s)
				require.NoError(t, err)
				slices.SortFunc(s.all, bytes.Compare) // layers and platforms are solved in parallel
				s.all = slices.CompactFunc(s.all, bytes.Equal)
				if first == nil {
					first = s.all
				}
				require.Equal(t, first, s.all)
				requireDocumented(t, s, documented)
				maps.Copy(used, s.ops)
			}
			for _, dt := range first {
				for _, own := range []string{canary, home + "/", wd, os.TempDir() + "/"} {
					require.NotContains(t, string(dt), own)
				}
			}
		})
	}
	for _, op := range documented {
		require.True(t, used[op], "%s is documented, and no way has it", op)
	}
}

// requireDocumented looks at the operations, and at what steps are given.
func requireDocumented(t *testing.T, s *sent, documented []string) {
	t.Helper()
	for op := range s.ops {
		require.Contains(t, documented, op)
	}
	for _, step := range s.exec {
		for _, env := range step.Meta.Env {
			name, _, _ := strings.Cut(env, "=")
			require.Contains(t, []string{contract.KnownHostsEnv, "SSH_AUTH_SOCK"}, name)
		}
		for _, m := range step.Mounts {
			require.True(t, m.SecretOpt == nil || m.SecretOpt.Optional, "a step that wants a secret")
			require.True(t, m.SSHOpt == nil || m.SSHOpt.Optional, "a step that wants an agent")
		}
		require.Empty(t, step.Meta.GetProxyEnv())
	}
}
