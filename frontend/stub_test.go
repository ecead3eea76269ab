package frontend

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"lambdabase/internal/llbtext"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/objfile"
	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/client/llb/sourceresolver"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	gatewaypb "github.com/moby/buildkit/frontend/gateway/pb"
	"github.com/moby/buildkit/solver/errdefs"
	"github.com/moby/buildkit/solver/pb"
	"github.com/moby/buildkit/util/apicaps"
	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/pkg/errors"
	"github.com/stretchr/testify/require"
	fstypes "github.com/tonistiigi/fsutil/types"
)

const (
	stubCommit = "b8b153b94ac0e09eb5f2ea6d5e5d5c7a9a6d1a31"
	stubObject = "tree 0000000000000000000000000000000000000000\nauthor A <a@example.com> 1728915339 +0000\ncommitter A <a@example.com> 1728915339 +0000\n\nx\n"
)

// stub is a daemon as far as the frontend sees one: it knows one commit, and layers by their oids.
type stub struct {
	opts        map[string]string
	noMerge     bool               // as Docker's graphdriver store
	noPatterns  bool               // as BuildKit before v0.9
	noGit       bool               // as BuildKit before v0.26
	branches    map[string]string  // to commits
	tree        stubRef            // of the commit
	layers      map[string]stubRef // unpacked, by oid
	fails       map[string]string  // oid to the error of its fetch from its URL
	passing     bool               // it is one of the first attempt only
	objects     map[string]string  // what the daemon still has of them, by oid
	noVertices  bool               // named in an error of a fetch, as in Docker Engine 20.10
	chainFails  string             // error of a chain of layers
	unpackFails map[string]string  // oid to the error of its unpacking
	noParents   bool               // as BuildKit v0.32.0
	panics      bool               // where a layer is fetched
	http        digest.Digest      // of what an object URL serves when asked again
	onLayer     func()
	images      map[string]string // configs of a registry's, by their names
	image       bool              // the frontend runs from one
	noCaps      []string          // of LLB
	gateFails   string            // path whose copy fails, if any
	lock        string            // lock file of the build context; empty: there is no context

	mu       sync.Mutex
	resolved []string // sources whose metadata was asked for
	solved   []string // definitions, as text
	warned   []string
}

func (s *stub) BuildOpts() gateway.BuildOpts {
	var all []*apicaps.PBCap
	for _, c := range pb.Caps.All() {
		if slices.Contains(s.noCaps, c.ID) || s.noMerge && c.ID == string(pb.CapMergeOp) || s.noPatterns && c.ID == string(pb.CapFileCopyIncludeExcludePatterns) {
			continue
		}
		all = append(all, c)
	}
	opts := map[string]string{}
	for k, v := range s.opts {
		opts[k] = v
	}
	return gateway.BuildOpts{
		Opts: opts, SessionID: "s", Product: "stub",
		LLBCaps: pb.Caps.CapSet(all), Caps: gatewaypb.Caps.CapSet(gatewaypb.Caps.All()),
		Workers: []gateway.WorkerInfo{{Platforms: []ocispecs.Platform{{OS: "linux", Architecture: "amd64"}}}},
	}
}

func (s *stub) ResolveSourceMetadata(_ context.Context, op *pb.SourceOp, _ sourceresolver.Opt) (*sourceresolver.MetaResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.resolved = append(s.resolved, op.Identifier)
	if s.noGit {
		return &sourceresolver.MetaResponse{Op: op}, nil
	}
	if strings.HasPrefix(op.Identifier, "https://") {
		if s.http == "" {
			return nil, errors.New("invalid response status 404")
		}
		return &sourceresolver.MetaResponse{Op: op, HTTP: &sourceresolver.ResolveHTTPResponse{Digest: s.http}}, nil
	}
	_, ref, ok := strings.Cut(op.Identifier, "#")
	if !ok && len(s.branches) == 0 {
		return nil, errors.New("could not find default branch for repository")
	}
	if ref == "refs/heads/*" && len(s.branches) > 0 {
		return nil, errors.Errorf("repository does not contain ref %s, output: \"%s\\trefs/heads/x\\n\"", ref, stubCommit)
	}
	if branch, ok := strings.CutPrefix(ref, "refs/heads/"); ok {
		if s.branches[branch] == "" {
			return nil, errors.Errorf("repository does not contain ref %s, output: \"\"", ref)
		}
		ref = s.branches[branch]
	}
	return &sourceresolver.MetaResponse{Op: op, Git: &sourceresolver.ResolveGitResponse{Checksum: ref}}, nil
}

func (s *stub) Solve(_ context.Context, req gateway.SolveRequest) (*gateway.Result, error) {
	text, err := llbtext.Format(req.Definition)
	if err != nil {
		return nil, err
	}
	if isLock(text) {
		return s.readLock()
	}
	s.mu.Lock()
	s.solved = append(s.solved, text)
	s.mu.Unlock()
	ref, err := s.result(req.Definition)
	if err != nil {
		return nil, err
	}
	res := gateway.NewResult()
	res.SetRef(ref)
	return res, nil
}

// isLock tells the definition that a lock file is looked for with.
func isLock(definition string) bool {
	return strings.Contains(definition, "local.sharedkeyhint: lambdabase-lock")
}

func (s *stub) readLock() (*gateway.Result, error) {
	if s.lock == "" {
		return nil, errors.New("no local sources enabled")
	}
	res := gateway.NewResult()
	res.SetRef(stubRef{"lambda.lock.json": {data: s.lock}})
	return res, nil
}

// result is what the definition would give: the tree, a layer, or layers together.
func (s *stub) result(def *pb.Definition) (gateway.Reference, error) {
	ref := stubRef{}
	if text, err := llbtext.Format(def); err == nil && s.chainFails != "" && strings.Contains(text, "file <- 1 <- 2") {
		return nil, errors.New(s.chainFails)
	}
	for _, dt := range def.Def {
		var op pb.Op
		if err := op.UnmarshalVT(dt); err != nil {
			return nil, err
		}
		for _, a := range op.GetFile().GetActions() {
			if s.noParents && a.GetCopy().GetSrc() == "/"+parentlessName {
				return nil, errors.New("mkdir /parent/dir: no such file or directory")
			}
			if msg := s.unpackFails[strings.TrimPrefix(a.GetCopy().GetSrc(), "/")]; msg != "" {
				return nil, errdefs.WrapVertex(errors.New(msg), digest.FromBytes(dt))
			}
			if s.gateFails != "" && a.GetCopy().GetSrc() == s.gateFails {
				return nil, errdefs.WrapVertex(errors.Errorf("%q: not found", s.gateFails), digest.FromBytes(dt))
			}
		}
		src := op.GetSource()
		if args := op.GetExec().GetMeta().GetArgs(); len(args) > 3 && args[1] == "fetch" {
			for p, f := range s.layers[args[len(args)-2]] {
				ref[p] = f
			}
		}
		switch {
		case src == nil || strings.HasPrefix(src.Identifier, "docker-image://"):
		case strings.HasPrefix(src.Identifier, "git://"):
			if strings.HasSuffix(src.Identifier, strings.Repeat("0", 40)) {
				return nil, errors.New("failed to checkout: fatal: reference is not a tree: 0000")
			}
			_, commit, _ := strings.Cut(src.Identifier, "#")
			return withCommit(s.tree, commit), nil
		default:
			oid := src.Attrs[pb.AttrHTTPFilename]
			if s.panics {
				panic("boom")
			}
			if s.onLayer != nil {
				s.onLayer()
			}
			pinned := src.Attrs[pb.AttrHTTPChecksum] != ""
			if msg := s.fails[oid]; msg != "" && (pinned || !strings.HasPrefix(msg, "digest mismatch")) && (!s.passing || src.Attrs[pb.AttrHTTPHeaderPrefix+"user-agent"] == "") {
				if s.noVertices {
					return nil, errors.New(msg)
				}
				return nil, errdefs.WrapVertex(errors.New(msg), digest.FromBytes(dt))
			}
			if object, ok := s.objects[oid]; ok && len(def.Def) == 2 { // nothing but the object
				return stubRef{oid: {data: object}}, nil
			}
			for p, f := range s.layers[oid] {
				ref[p] = f
			}
		}
	}
	return ref, nil
}

func (s *stub) ResolveImageConfig(_ context.Context, ref string, _ sourceresolver.Opt) (string, digest.Digest, []byte, error) {
	config, ok := s.images[ref]
	if !ok {
		return "", "", nil, errors.Errorf("image %s is not needed", ref)
	}
	return ref, digest.FromString(ref), []byte(config), nil
}
func (s *stub) CurrentFrontend() (*llb.State, error) {
	if !s.image {
		return nil, nil
	}
	st := llb.Image("reg/lambda-frontend@" + digest.FromString("1").String())
	return &st, nil
}
func (s *stub) Inputs(context.Context) (map[string]llb.State, error) { return nil, nil }
func (s *stub) NewContainer(context.Context, gateway.NewContainerRequest) (gateway.Container, error) {
	return nil, errors.New("no container is needed")
}
func (s *stub) Warn(_ context.Context, _ digest.Digest, msg string, _ gateway.WarnOpts) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.warned = append(s.warned, msg)
	return nil
}

// withCommit is the tree with the commit's object, as git keeps it.
func withCommit(tree stubRef, commit string) stubRef {
	if len(commit) != 40 {
		return tree
	}
	var packed bytes.Buffer
	w := objfile.NewWriter(&packed)
	for _, err := range []error{w.WriteHeader(plumbing.CommitObject, int64(len(stubObject))), second(w.Write([]byte(stubObject))), w.Close()} {
		if err != nil {
			panic(err)
		}
	}
	tree = maps.Clone(tree)
	for _, dir := range []string{".git", ".git/objects", ".git/objects/" + commit[:2]} {
		tree[dir] = stubDir
	}
	tree[".git/objects/"+commit[:2]+"/"+commit[2:]] = stubFile{data: packed.String()}
	return tree
}

func second(_ int, err error) error { return err }

// stubFile is a file of a stubRef: its content, or what it is.
type stubFile struct {
	data string
	mode os.FileMode
}

// stubRef is a file system by its paths, without the leading slash.
type stubRef map[string]stubFile

func (r stubRef) stat(p string) *fstypes.Stat {
	f := r[p]
	if f.mode == 0 {
		f.mode = 0o644
	}
	return &fstypes.Stat{Path: path.Base(p), Mode: uint32(f.mode), Size: int64(len(f.data))}
}

func (r stubRef) ReadDir(_ context.Context, req gateway.ReadDirRequest) ([]*fstypes.Stat, error) {
	if req.IncludePattern != "" { // looks for what is deep, and nothing is
		return nil, nil
	}
	dir := strings.TrimPrefix(path.Join("/", req.Path), "/")
	var list []*fstypes.Stat
	for p := range r {
		if parent := path.Dir(p); parent == dir || dir == "" && parent == "." {
			list = append(list, r.stat(p))
		}
	}
	return list, nil
}

func (r stubRef) StatFile(_ context.Context, req gateway.StatRequest) (*fstypes.Stat, error) {
	p := strings.TrimPrefix(req.Path, "/")
	if _, ok := r[p]; !ok {
		return nil, errors.Errorf("lstat %s: no such file or directory", p)
	}
	return r.stat(p), nil
}

func (r stubRef) ReadFile(_ context.Context, req gateway.ReadRequest) ([]byte, error) {
	f, ok := r[strings.TrimPrefix(req.Filename, "/")]
	if !ok {
		return nil, errors.Errorf("open %s: no such file or directory", req.Filename)
	}
	return []byte(f.data), nil
}
func (r stubRef) ToState() (llb.State, error)    { return llb.Scratch(), nil }
func (r stubRef) Evaluate(context.Context) error { return nil }

func stubOID(digit string) string { return strings.Repeat(digit, 64) }

func stubPointer(digit string) stubFile {
	return stubFile{data: fmt.Sprintf("version https://git-lfs.github.com/spec/v1\noid sha256:%s\nsize 5\n", stubOID(digit))}
}

var stubDir = stubFile{mode: os.ModeDir | 0o755}

// newStub has a runtime nodejs20.x with two layers for each of two platforms.
func newStub(opts map[string]string) *stub {
	recipe := stubFile{data: "FROM scratch\nADD a.tar.xz /\nADD b.tar.xz /\nENV A=b\nWORKDIR /var/task\nENTRYPOINT [\"/e\"]\n"}
	s := &stub{
		opts:     map[string]string{"runtime": "nodejs20.x"},
		branches: map[string]string{"nodejs20.x": stubCommit},
		tree: stubRef{
			"x86_64": stubDir, "x86_64/Dockerfile.nodejs20.x": recipe, "x86_64/a.tar.xz": stubPointer("a"), "x86_64/b.tar.xz": stubPointer("b"),
			"arm64": stubDir, "arm64/Dockerfile.nodejs20.x": recipe, "arm64/a.tar.xz": stubPointer("c"), "arm64/b.tar.xz": stubPointer("b"),
			"Dockerfile.nodejs20.x": {data: "FROM scratch\nADD x86_64/a.tar.xz /\nADD x86_64/b.tar.xz /\n"},
		},
		layers: map[string]stubRef{
			stubOID("a"): {"etc": stubDir, "etc/a": {}},
			stubOID("b"): {"etc": stubDir, "etc/b": {}},
			stubOID("c"): {"var": stubDir, "var/task": stubDir},
		},
	}
	for k, v := range opts {
		s.opts[k] = v
	}
	return s
}

// quick tries again at once.
var quick = Frontend{retryDelay: time.Nanosecond}

func built(t *testing.T, s *stub) *gateway.Result {
	t.Helper()
	res, err := quick.Build(context.Background(), s)
	require.NoError(t, err)
	return res
}

func buildError(t *testing.T, s *stub) error {
	t.Helper()
	_, err := quick.Build(context.Background(), s)
	require.Error(t, err)
	return err
}
