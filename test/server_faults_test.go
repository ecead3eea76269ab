package test

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"lambdabase/internal/sample"
	"lambdabase/internal/sample/faults"
	"lambdabase/internal/sample/githost"
	"lambdabase/test/fstree"
	"lambdabase/test/sandbox"

	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/session"
	"github.com/moby/buildkit/session/secrets/secretsprovider"
	"github.com/opencontainers/go-digest"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
)

// faultCase is a build whose servers don't do what they should, and what must come of it: the right image all the same, or
// one error that says why there is none.
type faultCase struct {
	name        string
	via         buildVia            // that of the table if nil
	faults      []targetedFault     // in the order in which they come
	setUp       func(h *repoServer) // what can't be said beforehand
	access      githost.Access      // who is let in
	secret      string              // id of the one that holds the user's token
	twoTarballs bool                // tarballs in place of one: a.tar.xz and b.tar.xz
	chain       bool                // layers=chain

	wantErr       phrases       // of the error; none: the image is built
	limit         time.Duration // of a build on a machine that isn't busy; a minute if 0
	checkRequests func(t *testing.T, requests []githost.Request)
}

type phrases []string

// targetedFault goes wrong with answers of a kind; with a path, with those about that tarball.
type targetedFault struct {
	faults.Fault
	kind githost.Kind
	path string
}

// buildVia is a build of the runtime "case": where its objects come from. The steps are of the image, and the frontend runs
// inside the test: an image that starts for each took a third of the time.
type buildVia func(h *repoServer, image string) sandbox.Request

func byURL(h *repoServer, image string) sandbox.Request {
	return h.request("case", "source", image)
}

func byBatch(h *repoServer, image string) sandbox.Request {
	return h.byStep(image, "case")
}

// slowEnv is the variable that has a test wait for servers that are waited for five times.
const slowEnv = "LAMBDABASE_SLOW"

const (
	// parallelCases is how many builds go on at once. Some wait for a server, and none may keep frontends of other tests from
	// starting in time (see TestAFrontendThatStartsTooLateIsExplained).
	parallelCases = 8
	// busyFactor is how many times as long a build may take on a busy machine.
	busyFactor = 4
	// userToken is the user's. No server may say it, and no error.
	userToken = githost.Token + "user"
	// secondHost is another name of this machine, and so another host.
	secondHost = "localhost"
)

// userBasic is how the token goes out, and userAccess lets in whoever has it.
var (
	userBasic  = base64.StdEncoding.EncodeToString([]byte("x-access-token:" + userToken))
	userAccess = githost.Access{Accept: []string{"Basic " + userBasic}}
)

func TestEveryFaultIsMendedOrTold(t *testing.T) {
	t.Parallel()
	d := sandbox.Start(t)
	image, _ := frontendImage(t, d)
	var all errgroup.Group // t.Parallel has as many at once as there are processors
	all.SetLimit(parallelCases)
	for _, tr := range faultCases(t) {
		all.Go(func() error {
			t.Run(tr.name, func(t *testing.T) { tr.run(t, d, image) })
			return nil
		})
	}
	require.NoError(t, all.Wait())
}

// faultCases are those of all tables, the longest first.
func faultCases(t *testing.T) []faultCase {
	var all []faultCase
	names := map[string]bool{} // of which the content is made
	for _, table := range []struct {
		name     string
		way      buildVia
		troubles []faultCase
	}{{"git", byURL, gitFaults}, {"url", byURL, urlFaults}, {"batch", byBatch, batchFaults}, {"object", byBatch, objectFaults}} {
		for _, tr := range table.troubles {
			if tr.via == nil {
				tr.via = table.way
			}
			tr.name, tr.limit = table.name+" "+tr.name, cmp.Or(tr.limit, time.Minute)
			require.False(t, names[tr.name], "twice: %s", tr.name)
			names[tr.name], all = true, append(all, tr)
		}
	}
	slices.SortStableFunc(all, func(a, b faultCase) int { return cmp.Compare(b.limit, a.limit) })
	return all
}

// run builds while there is trouble, and where that fails once more when it is over.
func (tr faultCase) run(t *testing.T, d *sandbox.Daemon, image string) {
	if tr.limit > stallLimit && os.Getenv(slowEnv) == "" {
		t.Skipf("takes minutes: make test-full sets %s", slowEnv)
	}
	b, want := tr.branch(t)
	h := tr.serve(t, b)
	req := tr.request(h, image)
	got, err := tr.build(t, d, req)
	if tr.checkRequests != nil {
		tr.checkRequests(t, h.Requests())
	}
	if len(tr.wantErr) > 0 {
		tr.requireError(t, err, b)
		h.ClearFaults()
		if tr.secret == "" {
			h.SetAccess(githost.Access{})
		}
		got, err = tr.build(t, d, req)
	}
	require.NoError(t, err)
	require.Empty(t, fstree.Diff(want, got), "root filesystem")
}

// branch has content of its own, as the daemon keeps what it has once seen; want is what an image of it holds.
func (tr faultCase) branch(t *testing.T) (_ sample.Branch, want fstree.Tree) {
	t.Helper()
	tarballs := [][]byte{packTar(t, append(slices.Clone(taskDirs), file("a", randomText(tr.name+" a")))...)}
	if tr.twoTarballs {
		tarballs = append(tarballs, packTar(t, file("b", randomText(tr.name+" b"))))
	}
	var packed [][]byte
	var readers []io.Reader
	for _, tarball := range tarballs {
		packed, readers = append(packed, compress(t, tarball)), append(readers, bytes.NewReader(tarball))
	}
	want, err := fstree.FromTar(readers...)
	require.NoError(t, err)
	return newBranch("case", packed...), want
}

// randomText is text that packs to about half its size: 2.5 kB.
func randomText(seed string) string {
	var text strings.Builder
	for i := range 64 {
		fmt.Fprintf(&text, "%x", sha256.Sum256(fmt.Append(nil, seed, i)))
	}
	return text.String()
}

// serve serves the branch, on a second host too, with all that goes wrong.
func (tr faultCase) serve(t *testing.T, b sample.Branch) *repoServer {
	t.Helper()
	h := serve(t, []sample.Branch{b})
	second := httptest.NewServer(h.Server)
	t.Cleanup(second.Close)
	h.SetSecondHost(strings.Replace(second.URL, "127.0.0.1", secondHost, 1))
	h.SetAccess(tr.access)
	for _, f := range slices.Backward(tr.faults) { // the latest goes first
		target := faults.Target{Kind: f.kind}
		if f.path != "" {
			target.OID = digest.FromBytes(b.LFS[f.path]).Encoded()
		}
		h.Inject(target, f.Fault)
	}
	if tr.setUp != nil {
		tr.setUp(h)
	}
	return h
}

func (tr faultCase) request(h *repoServer, image string) sandbox.Request {
	req := tr.via(h, image)
	if tr.chain {
		req.Attrs["layers"] = "chain"
	}
	if tr.secret != "" {
		req.Session = []session.Attachable{secretsprovider.FromMap(map[string][]byte{tr.secret: []byte(userToken)})}
	}
	return req
}

// build gives the root filesystem or an error, within the limit.
func (tr faultCase) build(t *testing.T, d *sandbox.Daemon, req sandbox.Request) (fstree.Tree, error) {
	t.Helper()
	limit := busyFactor * tr.limit
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	dir := t.TempDir()
	result, err := d.Solve(ctx, t, req, client.ExportEntry{Type: client.ExporterLocal, OutputDir: dir})
	require.NoError(t, ctx.Err(), "not over within %s", limit)
	output := fmt.Sprint(err)
	if req.Attrs["objects"] == "lfs" {
		output += result.Progress // of steps of our own; BuildKit's HTTP source tells where it was led
	}
	for _, secret := range []string{githost.Signature, githost.Token, userBasic} {
		require.NotContains(t, output, secret)
	}
	if err != nil {
		return nil, err
	}
	return fstree.FromDir(dir)
}

// requireError wants an error that says what it should, and names the objects that it is about and no other.
func (tr faultCase) requireError(t *testing.T, err error, b sample.Branch) {
	t.Helper()
	require.Error(t, err)
	for _, text := range tr.wantErr {
		require.ErrorContains(t, err, text)
	}
	for path, object := range b.LFS {
		if slices.ContainsFunc(tr.faults, func(f targetedFault) bool { return f.kind != githost.Git && (f.path == "" || f.path == path) }) {
			require.ErrorContains(t, err, fmt.Sprintf("%s (object %s, ", path, digest.FromBytes(object)))
		} else {
			require.NotContains(t, err.Error(), path)
		}
	}
	require.NotContains(t, err.Error(), "digest mismatch", "which says nothing")
}

func faultsOf(kind githost.Kind, list []faults.Fault) []targetedFault {
	var all []targetedFault
	for _, f := range list {
		all = append(all, targetedFault{kind: kind, Fault: f})
	}
	return all
}

// ofGit, ofBatch and ofObject are faults of those requests, and inBatch is one inside an answer of the batch API.
func ofGit(all ...faults.Fault) []targetedFault { return faultsOf(githost.Git, all) }

func ofBatch(all ...faults.Fault) []targetedFault { return faultsOf(githost.Batch, all) }

func ofObject(all ...faults.Fault) []targetedFault { return faultsOf(githost.Object, all) }

func inBatch(f faults.BatchFault) []targetedFault { return ofBatch(faults.Fault{Batch: f}) }

// inBatchOnce is inBatch, of the first answer only.
func inBatchOnce(f faults.BatchFault) []targetedFault { return ofBatch(once(faults.Fault{Batch: f})) }

// once is a fault that is over after the first time.
func once(f faults.Fault) faults.Fault {
	f.Times = 1
	return f
}

// forPath makes faults those of one tarball.
func forPath(path string, all []targetedFault) []targetedFault {
	for i := range all {
		all[i].path = path
	}
	return all
}

// redirectTo is a redirect to an address.
func redirectTo(location string) faults.Fault {
	return faults.Fault{Status: 302, Header: http.Header{"Location": {location}}}
}

// wantRequests wants so many requests of a kind.
func wantRequests(times int, kind githost.Kind) func(*testing.T, []githost.Request) {
	return func(t *testing.T, requests []githost.Request) {
		found := slices.DeleteFunc(requests, func(r githost.Request) bool { return r.Kind != kind })
		require.Len(t, found, times, kind)
	}
}

// wantRanges wants the object to have been asked for with these, one after the other; an empty one is for all of it.
func wantRanges(want ...string) func(*testing.T, []githost.Request) {
	return func(t *testing.T, requests []githost.Request) {
		var got []string
		for _, r := range requests {
			if r.Kind == githost.Object {
				got = append(got, r.Header.Get("Range"))
			}
		}
		require.Equal(t, want, got)
	}
}

// wantNoHeaders wants no request for an object to have had one of the headers.
func wantNoHeaders(names ...string) func(*testing.T, []githost.Request) {
	return func(t *testing.T, requests []githost.Request) {
		for _, r := range requests {
			for _, name := range names {
				require.True(t, r.Kind != githost.Object || r.Header.Get(name) == "", "%s: %s", name, r.Header.Get(name))
			}
		}
	}
}

// noCredentialLeak wants the second host to have been asked, and never with a credential.
func noCredentialLeak(t *testing.T, requests []githost.Request) {
	there := 0
	for _, r := range requests {
		if strings.HasPrefix(r.Host, secondHost) {
			there++
			require.Empty(t, r.Header.Get("Authorization"), r.Path)
		}
	}
	require.NotZero(t, there)
}
