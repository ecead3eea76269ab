package frontend

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"lambdabase/internal/printable"

	"github.com/moby/buildkit/client/llb/sourceresolver"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/solver/pb"
	"github.com/opencontainers/go-digest"
	"github.com/pkg/errors"
	"github.com/stretchr/testify/require"
	fstypes "github.com/tonistiigi/fsutil/types"
)

// troubled is a daemon with which something happens at one of the calls that the frontend makes.
type troubled struct {
	*stub
	calls atomic.Int32
	at    int32
	what  func()
}

func (d *troubled) call(ctx context.Context) error {
	if d.calls.Add(1) == d.at {
		d.what()
	}
	return context.Cause(ctx)
}

func (d *troubled) Solve(ctx context.Context, req gateway.SolveRequest) (*gateway.Result, error) {
	if err := d.call(ctx); err != nil {
		return nil, err
	}
	res, err := d.stub.Solve(ctx, req)
	if err == nil {
		res.SetRef(troubledRef{res.Ref, d})
	}
	return res, err
}

func (d *troubled) ResolveSourceMetadata(ctx context.Context, op *pb.SourceOp, opt sourceresolver.Opt) (*sourceresolver.MetaResponse, error) {
	if err := d.call(ctx); err != nil {
		return nil, err
	}
	return d.stub.ResolveSourceMetadata(ctx, op, opt)
}

func (d *troubled) Warn(ctx context.Context, dgst digest.Digest, msg string, opts gateway.WarnOpts) error {
	if err := d.call(ctx); err != nil {
		return err
	}
	return d.stub.Warn(ctx, dgst, msg, opts)
}

type troubledRef struct {
	gateway.Reference
	daemon *troubled
}

func (r troubledRef) ReadDir(ctx context.Context, req gateway.ReadDirRequest) ([]*fstypes.Stat, error) {
	if err := r.daemon.call(ctx); err != nil {
		return nil, err
	}
	return r.Reference.ReadDir(ctx, req)
}

func (r troubledRef) StatFile(ctx context.Context, req gateway.StatRequest) (*fstypes.Stat, error) {
	if err := r.daemon.call(ctx); err != nil {
		return nil, err
	}
	return r.Reference.StatFile(ctx, req)
}

func (r troubledRef) ReadFile(ctx context.Context, req gateway.ReadRequest) ([]byte, error) {
	if err := r.daemon.call(ctx); err != nil {
		return nil, err
	}
	return r.Reference.ReadFile(ctx, req)
}

// requestsInTrouble are requests that take each way through the frontend.
var requestsInTrouble = map[string]map[string]string{
	"merged":        nil,
	"chained":       {"layers": "chain"},
	"two platforms": {"platform": "linux/amd64,linux/arm64"},
	"with less":     {"exclude": "/etc/a", "layers": "merge"},
	"annotated":     {"annotations": "manifest"},
	"a plan":        {"requestid": "lambda.plan"},
	"a lock":        {"requestid": "lambda.lock"},
	"a Dockerfile":  {"runtime": "", "requestid": "frontend.lint"},
}

// inTrouble has a thing happen at each call in turn, and looks at what becomes of the build.
func inTrouble(t *testing.T, opts map[string]string, happens func(context.CancelCauseFunc), check func(t *testing.T, err error)) {
	for at := int32(1); ; at++ {
		ctx, cancel := context.WithCancelCause(t.Context())
		d := &troubled{stub: newStub(opts), at: at, what: func() { happens(cancel) }}
		d.layers[stubOID("b")]["etc/c"] = stubFile{}
		_, err := quick.Build(ctx, d)
		cancel(nil)
		if d.calls.Load() < at {
			require.Greater(t, at, int32(1), "nothing was asked for at all")
			return
		}
		check(t, err)
	}
}

func TestAPanicAtAnyCallIsAnError(t *testing.T) {
	for name, opts := range requestsInTrouble {
		t.Run(name, func(t *testing.T) {
			inTrouble(t, opts, func(context.CancelCauseFunc) { panic("boom") }, func(t *testing.T, err error) {
				require.ErrorContains(t, err, "internal error: boom, please report it")
			})
		})
	}
}

func TestARequestThatIsEndedAtAnyCallEndsWithItsReason(t *testing.T) {
	for name, opts := range requestsInTrouble {
		t.Run(name, func(t *testing.T) {
			inTrouble(t, opts, func(cancel context.CancelCauseFunc) { cancel(errors.New("the user has left")) }, func(t *testing.T, err error) {
				if err != nil { // at the last call all is done
					require.ErrorContains(t, err, "the user has left")
				}
			})
		})
	}
}

// hostileValues are what nobody is called, but git, a shell or a terminal would take for something.
var hostileValues = []string{
	"-x", "--upload-pack=touch /tmp/x", "--", "..", "../x", "a/../b", ".git", "@", "@{-1}", "x@{1}", "a\nb", "a\rb", "a\x00b", "a\tb", "a\x1b[31mb", "a\u009bb",
	"exe.\u202egpj", "\ufeffx", "\xff", "$(id)", "`id`", "a;id", "a|id", "a b", "a:b", "+a:b", "*", "%2e%2e", "%00", "~", "~root", "a^{}", "a~1", "a\\b", "a.lock", "a/", "/a", "a//b",
	"refs/heads/x:refs/y", strings.Repeat("a", 4<<10), strings.Repeat("\u202e", 2<<10), "ノード20", "nodejs２0.x", "поdejs20.x", "ext::sh -c id", "fd::0", "file:///etc", "/etc", "git://h/x",
}

func TestNoOptionTakesAHostileName(t *testing.T) {
	for _, o := range AllOptions() {
		for _, value := range hostileValues {
			s := newStub(map[string]string{o.Name: value})
			_, err := quick.Build(t.Context(), s)
			if o.Name == "exclude" && (value == "/a" || value == "/etc") { // which are paths
				require.NoError(t, err)
				continue
			}
			require.Error(t, err, "%s=%q", o.Name, value)
			require.Contains(t, err.Error(), o.Name, "the error names the option")
			require.LessOrEqual(t, len(err.Error()), 2<<10, "%s=%.40q", o.Name, value)
			require.Equal(t, err.Error(), printable.Text(err.Error()))
			require.Empty(t, s.resolved, "%s=%q: nobody is asked", o.Name, value)
		}
	}
}

// What a repository may be is decided here, and not by git, which knows many more forms.
func TestARepositoryIsOfAFormThatIsKnown(t *testing.T) {
	for repository, want := range map[string]string{
		"https://h/x": "", "http://h/x": "", "https://[::1]:8443/x": "", "ssh://git@h:22/x": "", "git+ssh://h/x": "", "git@h:x": "", "h.example:x": "",
		"git://h/x": "want an https", "file:///x": "want an https", "ftp://h/x": "want an https", "ftps://h/x": "want an https", "rsync://h/x": "want an https",
		"x": "want an https", "./x": "want an https", "/x": "want an https", "~/x": "want an https", "//h/x": "want an https", "https:h/x": "want an https", "https:///x": "want an https",
		"ext::sh -c id": "want a path", "https::https://h/x": "want", "testgit::x": "want", "-oProxyCommand=id:x": "BuildKit does not read", "--upload-pack=id": "want an https",
		"ssh://-oProxyCommand=id/x": "odd user or host", "ssh://-l@h/x": "odd user or host", "git@h:-x": "want a path", "git@-h:x": "BuildKit does not read",
		"https://h/x\x00": "want an https", "https://h/x\ny": "want an https", "https://h/\x1b[31m": "want an https", "https://h/x#y": "without query and fragment", "https://h/x?y=z": "without query and fragment",
	} {
		_, err := ParseOptions(map[string]string{"runtime": "x", "repository": repository})
		if want == "" {
			require.NoError(t, err, repository)
			continue
		}
		require.ErrorContains(t, err, want, "%q", repository)
	}
}

func TestOddPlatformsAreBuiltOrTold(t *testing.T) {
	const missing = "at commit " + stubCommit + ", it has linux/amd64, linux/arm64"
	for platform, want := range map[string]string{
		"linux/amd64,linux/amd64": "", "linux/x86_64": "", "linux/aarch64": "", "linux/arm64/v8": "", "LINUX/AMD64": "", "linux": "",
		"linux/s390x": "no platform linux/s390x " + missing, "linux/arm/v7": "no platform linux/arm/v7 " + missing, "windows/amd64": "no platform windows/amd64 " + missing,
		"-/-": "no platform -/- " + missing, "a/b/c/d": "cannot parse platform", ",": "failed to parse target platform", "linux/": "failed to parse target platform",
		"linux/amd64\x1b[31m": `amd64\x1b[31m`, "../..": "failed to parse target platform", "*": "wildcards", strings.Repeat("a/", 2000): "bytes left out",
	} {
		_, err := quick.Build(t.Context(), newStub(map[string]string{"platform": platform}))
		if want == "" {
			require.NoError(t, err, platform)
			continue
		}
		require.ErrorContains(t, err, want, "%q", platform)
		require.Equal(t, err.Error(), printable.Text(err.Error()))
	}
}

func TestTwoHundredPlatformsAreOneCommit(t *testing.T) {
	var variants []string
	for i := range 200 {
		variants = append(variants, fmt.Sprintf("linux/arm64/v8.%d", i))
	}
	s := newStub(map[string]string{"platform": strings.Join(variants, ",")})
	require.Len(t, built(t, s).Refs, 200)
	require.Equal(t, 1, count(s.resolved, "refs/heads/"))
	require.Equal(t, 1, count(s.solved, "source git://"))
}
