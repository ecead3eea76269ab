package test

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"lambdabase/internal/sample/githost"
	"lambdabase/test/sandbox"

	"github.com/containerd/containerd/v2/pkg/archive/compression"
	"github.com/moby/buildkit/client/llb/sourceresolver"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/solver/pb"
	"github.com/moby/buildkit/util/grpcerrors"
	"github.com/stretchr/testify/assert"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// Credentials of the user. They look like nothing that is taken out of a text by its form.
const (
	canaryToken  = "wren7Qx2Ptoken"  // secret GIT_AUTH_TOKEN
	canaryHeader = "finch5Rk8header" // in the secret GIT_AUTH_HEADER
	canaryHTTP   = "robin3Yd6http"   // secret HTTP_AUTH_TOKEN_127.0.0.1
	canaryUser   = "siskin9Wb4user"  // user information of a URL
)

// canaries are texts that must be found nowhere, by what they are.
type canaries map[string]string

// newCanaries are the user's credentials, the further ones, and those that the sample server gives: signatures and tokens.
// Each is looked for as it is, and as base64 has it wherever it stands in what is encoded.
func newCanaries(more ...string) canaries {
	c := canaries{}
	for _, secret := range append(more, canaryToken, canaryHeader, canaryHTTP, canaryUser, githost.Signature, githost.Token) {
		c[secret] = secret
		for before := range 3 {
			encoded := base64.RawStdEncoding.EncodeToString([]byte(strings.Repeat("x", before) + secret))
			begin, end := (before*8+5)/6, (before+len(secret))*8/6 // what depends on nothing around it
			c[fmt.Sprintf("%s in base64, behind %d bytes", secret, before)] = encoded[begin:end]
		}
	}
	return c
}

// assertNoneIn looks into a text. A test goes on, so that all places are told.
func (c canaries) assertNoneIn(t testing.TB, where string, dt []byte) {
	t.Helper()
	for name, text := range c {
		if at := bytes.Index(dt, []byte(text)); at >= 0 {
			assert.Fail(t, "a credential is in "+where, "%s in %q", name, dt[max(0, at-200):min(len(dt), at+200)])
		}
	}
}

// assertNoneBelow looks into all files of a folder; what should be there by all means tells whether it has looked at all.
func (c canaries) assertNoneBelow(t testing.TB, where, dir string, want ...string) {
	t.Helper()
	for file, dt := range filesBelow(dir) {
		c.assertNoneIn(t, where+", "+file, dt)
		for i, text := range want {
			if text != "" && bytes.Contains(dt, []byte(text)) {
				want[i] = ""
			}
		}
	}
	assert.Empty(t, strings.Join(want, ""), "%s: looked at", where)
}

// assertNoneInError looks into an error, and into all that crosses to a client with it.
func (c canaries) assertNoneInError(t testing.TB, err error) {
	t.Helper()
	c.assertNoneIn(t, "the error", fmt.Appendf(nil, "%+v", err))
	crossing, merr := proto.Marshal(status.Convert(grpcerrors.ToGRPC(t.Context(), err)).Proto())
	assert.NoError(t, merr)
	c.assertNoneIn(t, "the error's details", crossing)
}

// filesBelow are the files below a folder, and what gzip or zstd packed in them. Those of a running daemon come and go.
func filesBelow(dir string) iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		_ = filepath.WalkDir(dir, func(file string, e fs.DirEntry, err error) error {
			if err != nil || !e.Type().IsRegular() {
				return nil
			}
			dt, err := os.ReadFile(file)
			if err != nil {
				return nil
			}
			if plain := decompress(dt); !yield(file, dt) || plain != nil && !yield(file+", unpacked", plain) {
				return fs.SkipAll
			}
			return nil
		})
	}
}

// decompress is nil for what is not packed.
func decompress(dt []byte) []byte {
	r, err := compression.DecompressStream(bytes.NewReader(dt))
	if err != nil || r.GetCompression() == compression.Uncompressed {
		return nil
	}
	defer r.Close()
	plain, _ := io.ReadAll(r)
	return plain
}

// recorder is a gateway client that keeps the LLB that goes through it.
type recorder struct {
	gateway.Client
	mu  sync.Mutex
	llb []byte
}

// recordLLB is a request whose frontend runs inside the test, with its LLB kept.
func recordLLB(req sandbox.Request) (sandbox.Request, *recorder) {
	r, build := &recorder{}, req.Func
	if build != nil {
		req.Func = func(ctx context.Context, c gateway.Client) (*gateway.Result, error) {
			r.Client = c
			return build(ctx, r)
		}
	}
	return req, r
}

func (r *recorder) record(m proto.Message) {
	r.mu.Lock()
	defer r.mu.Unlock()
	dt, _ := proto.Marshal(m)
	r.llb = append(r.llb, dt...)
}

func (r *recorder) Solve(ctx context.Context, req gateway.SolveRequest) (*gateway.Result, error) {
	if req.Definition != nil {
		r.record(req.Definition)
	}
	return r.Client.Solve(ctx, req)
}

func (r *recorder) ResolveSourceMetadata(ctx context.Context, op *pb.SourceOp, opt sourceresolver.Opt) (*sourceresolver.MetaResponse, error) {
	r.record(op)
	return r.Client.ResolveSourceMetadata(ctx, op, opt)
}
