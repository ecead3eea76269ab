package embedded

import (
	"io"
	"net/http"
	"sync"

	"lambdabase/internal/httpclient"

	httpsource "github.com/moby/buildkit/source/http"
	"github.com/moby/buildkit/worker/base"
	"github.com/pkg/errors"
)

// guardHTTP has the worker's HTTP source follow no server inward, and take no more of an object than it has.
func guardHTTP(w *base.Worker, sizes *ObjectSizes) error {
	source, err := httpsource.NewSource(httpsource.Opt{
		CacheAccessor: w.CacheMgr,
		Transport:     &objectTransport{base: httpclient.CloneDefault(), guards: map[string]*httpclient.Guard{}, sizes: sizes},
	})
	if err != nil {
		return errors.Wrap(err, "HTTP source")
	}
	w.HTTPSource = source // which is asked for metadata
	w.SourceManager.Register(source)
	return nil
}

// objectTransport is that of BuildKit's HTTP source, whose client follows redirects.
type objectTransport struct {
	base   *http.Transport
	mu     sync.Mutex
	guards map[string]*httpclient.Guard // by the host that the user named
	sizes  *ObjectSizes
}

func (t *objectTransport) guard(host string) *httpclient.Guard {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.guards[host] == nil {
		t.guards[host] = httpclient.NewGuard(t.base, host)
	}
	return t.guards[host]
}

func (t *objectTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	first := req
	for first.Response != nil && first.Response.Request != nil { // what led to it
		first = first.Response.Request
	}
	res, err := t.guard(first.URL.Hostname()).RoundTrip(req)
	if err != nil {
		return nil, err
	}
	size, known := t.sizes.lookup(first.URL)
	if !known {
		return res, nil
	}
	return boundResponse(res, size)
}

// maxExcess is how much more than the object is taken: of a page in its place it is told what it is.
const maxExcess = 1 << 20

func boundResponse(res *http.Response, size int64) (*http.Response, error) {
	if res.ContentLength > size+maxExcess {
		res.Body.Close()
		return nil, errors.Errorf("the server would send %d bytes, the object has %d", res.ContentLength, size)
	}
	res.Body = &boundedBody{ReadCloser: res.Body, size: size, left: size + maxExcess}
	return res, nil
}

// boundedBody is the body of a response that fails where it is longer than it may be.
type boundedBody struct {
	io.ReadCloser
	size, left int64
}

func (b *boundedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, errors.Errorf("the server sends more than the object's %d bytes", b.size)
	}
	return n, err
}
