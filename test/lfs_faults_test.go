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
	"lambdabase/test/fstree"
	"lambdabase/test/sandbox"

	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/session"
	"github.com/moby/buildkit/session/secrets/secretsprovider"
	"github.com/opencontainers/go-digest"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
)

// trouble is a build whose servers don't do what they should, and what must come of it: the right image all the same, or
// one error that says why there is none.
type trouble struct {
	name    string
	way     way           // that of the table if nil
	faults  []fault       // in the order in which they come
	before  func(h *host) // what can't be said beforehand
	private sample.Access // who is let in
	secret  string        // id of the one that holds the user's token
	two     bool          // tarballs in place of one: a.tar.xz and b.tar.xz
	chain   bool          // layers=chain

	says  phrases       // of the error; none: the image is built
	limit time.Duration // of a build on a machine that isn't busy; a minute if 0
	seen  func(t *testing.T, requests []sample.Request)
}

type phrases []string

// fault goes wrong with answers of a kind; with a path, with those about that tarball.
type fault struct {
	sample.Fault
	kind sample.Kind
	path string
}

// way is a build of the runtime "case": by which frontend, and where its objects come from.
type way func(h *host, image string) sandbox.Request

func byURL(h *host, image string) sandbox.Request {
	return sandbox.Request{Frontend: "gateway.v0", Attrs: h.options("case", "source", image)}
}

func byBatch(h *host, image string) sandbox.Request { return h.byImage(image, "case") }

// slow is the variable that has a test wait for servers that are waited for five times.
const slow = "LAMBDABASE_SLOW"

const (
	// troubled is how many builds go on at once. Most of them wait for a server.
	troubled = 16
	// busy is how many times as long a build may take on a busy machine.
	busy = 4
	// userToken is the user's. No server may say it, and no error.
	userToken = sample.Token + "user"
	// secondHost is another name of this machine, and so another host.
	secondHost = "localhost"
)

// userBasic is how the token goes out, and userAccess lets in whoever has it.
var (
	userBasic  = base64.StdEncoding.EncodeToString([]byte("x-access-token:" + userToken))
	userAccess = sample.Access{Accept: []string{"Basic " + userBasic}}
)

func TestEveryFaultIsMendedOrTold(t *testing.T) {
	d := sandbox.Start(t)
	image, _ := frontendImage(t, d)
	var all errgroup.Group // t.Parallel has as many at once as there are processors
	all.SetLimit(troubled)
	for _, tr := range troubles(t) {
		all.Go(func() error {
			t.Run(tr.name, func(t *testing.T) { tr.run(t, d, image) })
			return nil
		})
	}
	require.NoError(t, all.Wait())
}

// troubles are those of all tables, the longest first.
func troubles(t *testing.T) []trouble {
	var all []trouble
	names := map[string]bool{} // of which the content is made
	for _, table := range []struct {
		name     string
		way      way
		troubles []trouble
	}{{"git", byURL, gitTroubles}, {"url", byURL, urlTroubles}, {"batch", byBatch, batchTroubles}, {"object", byBatch, objectTroubles}} {
		for _, tr := range table.troubles {
			if tr.way == nil {
				tr.way = table.way
			}
			tr.name, tr.limit = table.name+" "+tr.name, cmp.Or(tr.limit, time.Minute)
			require.False(t, names[tr.name], "twice: %s", tr.name)
			names[tr.name], all = true, append(all, tr)
		}
	}
	slices.SortStableFunc(all, func(a, b trouble) int { return cmp.Compare(b.limit, a.limit) })
	return all
}

// run builds while there is trouble, and where that fails once more when it is over.
func (tr trouble) run(t *testing.T, d *sandbox.Daemon, image string) {
	if tr.limit > stalled && os.Getenv(slow) == "" {
		t.Skipf("takes minutes: make test-full sets %s", slow)
	}
	b, want := tr.branch(t)
	h := tr.serve(t, b)
	req := tr.request(h, image)
	got, err := tr.build(t, d, req)
	if tr.seen != nil {
		tr.seen(t, h.Requests())
	}
	if len(tr.says) > 0 {
		tr.requireTold(t, err, b)
		h.Heal()
		if tr.secret == "" {
			h.Private(sample.Access{})
		}
		got, err = tr.build(t, d, req)
	}
	require.NoError(t, err)
	require.Empty(t, fstree.Diff(want, got), "root filesystem")
}

// branch has content of its own, as the daemon keeps what it has once seen; want is what an image of it holds.
func (tr trouble) branch(t *testing.T) (_ sample.Branch, want fstree.Tree) {
	t.Helper()
	tarballs := [][]byte{plain(t, append(slices.Clone(task), file("a", noise(tr.name+" a")))...)}
	if tr.two {
		tarballs = append(tarballs, plain(t, file("b", noise(tr.name+" b"))))
	}
	var packed [][]byte
	var readers []io.Reader
	for _, tarball := range tarballs {
		packed, readers = append(packed, compress(t, tarball)), append(readers, bytes.NewReader(tarball))
	}
	want, err := fstree.FromTar(readers...)
	require.NoError(t, err)
	return branch("case", packed...), want
}

// noise is text that packs to about half its size: 2.5 kB.
func noise(seed string) string {
	var text strings.Builder
	for i := range 64 {
		fmt.Fprintf(&text, "%x", sha256.Sum256(fmt.Append(nil, seed, i)))
	}
	return text.String()
}

// serve serves the branch, on a second host too, with all that goes wrong.
func (tr trouble) serve(t *testing.T, b sample.Branch) *host {
	t.Helper()
	h := serve(t, []sample.Branch{b})
	second := httptest.NewServer(h.Server)
	t.Cleanup(second.Close)
	h.Second(strings.Replace(second.URL, "127.0.0.1", secondHost, 1))
	h.Private(tr.private)
	for _, f := range slices.Backward(tr.faults) { // the latest goes first
		target := sample.Target{Kind: f.kind}
		if f.path != "" {
			target.OID = digest.FromBytes(b.LFS[f.path]).Encoded()
		}
		h.Inject(target, f.Fault)
	}
	if tr.before != nil {
		tr.before(h)
	}
	return h
}

func (tr trouble) request(h *host, image string) sandbox.Request {
	req := tr.way(h, image)
	if tr.chain {
		req.Attrs["layers"] = "chain"
	}
	if tr.secret != "" {
		req.Session = []session.Attachable{secretsprovider.FromMap(map[string][]byte{tr.secret: []byte(userToken)})}
	}
	return req
}

// build gives the root filesystem or an error, within the limit.
func (tr trouble) build(t *testing.T, d *sandbox.Daemon, req sandbox.Request) (fstree.Tree, error) {
	t.Helper()
	limit := busy * tr.limit
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	dir := t.TempDir()
	result, err := d.Solve(ctx, t, req, client.ExportEntry{Type: client.ExporterLocal, OutputDir: dir})
	require.NoError(t, ctx.Err(), "not over within %s", limit)
	said := fmt.Sprint(err)
	if req.Attrs["objects"] == "lfs" {
		said += result.Progress // of steps of our own; BuildKit's HTTP source tells where it was led
	}
	for _, secret := range []string{sample.Signature, sample.Token, userBasic} {
		require.NotContains(t, said, secret)
	}
	if err != nil {
		return nil, err
	}
	return fstree.FromDir(dir)
}

// requireTold wants an error that says what it should, and names the objects that it is about and no other.
func (tr trouble) requireTold(t *testing.T, err error, b sample.Branch) {
	t.Helper()
	require.Error(t, err)
	for _, text := range tr.says {
		require.ErrorContains(t, err, text)
	}
	for path, object := range b.LFS {
		if slices.ContainsFunc(tr.faults, func(f fault) bool { return f.kind != sample.Git && (f.path == "" || f.path == path) }) {
			require.ErrorContains(t, err, fmt.Sprintf("%s (object %s, ", path, digest.FromBytes(object)))
		} else {
			require.NotContains(t, err.Error(), path)
		}
	}
	require.NotContains(t, err.Error(), "digest mismatch", "which says nothing")
}

func faultsOf(kind sample.Kind, faults []sample.Fault) []fault {
	var all []fault
	for _, f := range faults {
		all = append(all, fault{kind: kind, Fault: f})
	}
	return all
}

// gits, batches and objects are faults of those requests, and offers are faults inside an answer of the batch API.
func gits(faults ...sample.Fault) []fault { return faultsOf(sample.Git, faults) }

func batches(faults ...sample.Fault) []fault { return faultsOf(sample.Batch, faults) }

func objects(faults ...sample.Fault) []fault { return faultsOf(sample.Object, faults) }

func offers(f sample.BatchFault) []fault { return batches(sample.Fault{Batch: f}) }

// offersOnce is offers, of the first answer only.
func offersOnce(f sample.BatchFault) []fault { return batches(once(sample.Fault{Batch: f})) }

// once is a fault that is over after the first time.
func once(f sample.Fault) sample.Fault {
	f.Times = 1
	return f
}

// of makes faults those of one tarball.
func of(path string, faults []fault) []fault {
	for i := range faults {
		faults[i].path = path
	}
	return faults
}

// led is a redirect to an address.
func led(location string) sample.Fault {
	return sample.Fault{Status: 302, Header: http.Header{"Location": {location}}}
}

// asked wants so many requests of a kind.
func asked(times int, kind sample.Kind) func(*testing.T, []sample.Request) {
	return func(t *testing.T, requests []sample.Request) {
		found := slices.DeleteFunc(requests, func(r sample.Request) bool { return r.Kind != kind })
		require.Len(t, found, times, kind)
	}
}

// ranges wants the object to have been asked for with these, one after the other; an empty one is for all of it.
func ranges(want ...string) func(*testing.T, []sample.Request) {
	return func(t *testing.T, requests []sample.Request) {
		var got []string
		for _, r := range requests {
			if r.Kind == sample.Object {
				got = append(got, r.Header.Get("Range"))
			}
		}
		require.Equal(t, want, got)
	}
}

// without wants no request for an object to have had one of the headers.
func without(names ...string) func(*testing.T, []sample.Request) {
	return func(t *testing.T, requests []sample.Request) {
		for _, r := range requests {
			for _, name := range names {
				require.True(t, r.Kind != sample.Object || r.Header.Get(name) == "", "%s: %s", name, r.Header.Get(name))
			}
		}
	}
}

// discreet wants the second host to have been asked, and never with a credential.
func discreet(t *testing.T, requests []sample.Request) {
	there := 0
	for _, r := range requests {
		if strings.HasPrefix(r.Host, secondHost) {
			there++
			require.Empty(t, r.Header.Get("Authorization"), r.Path)
		}
	}
	require.NotZero(t, there)
}
