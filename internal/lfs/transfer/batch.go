package transfer

import (
	"context"
	"encoding/json"
	"io"
	"maps"
	"net/http"

	"lambdabase/internal/lfs"

	"github.com/pkg/errors"
)

const (
	mediaType = "application/vnd.git-lfs+json"
	batchSize = 100 // objects in a request, as git-lfs asks for
	// maxBatchResponse is beyond what anybody answers: a signed URL has a kilobyte or two.
	maxBatchResponse = batchSize*64<<10 + 1<<20
)

type batchRequest struct {
	Operation string        `json:"operation"`
	Transfers []string      `json:"transfers"`
	Objects   []lfs.Pointer `json:"objects"`
	HashAlgo  string        `json:"hash_algo"`
}

// batchWithRetry has the server say where each of the objects is, a batch of them at most.
func (s *session) batchWithRetry(ctx context.Context, objects []lfs.Object) (map[string]transfer, *failure) {
	if s.ObjectURL != nil {
		return s.ownURLs(objects), nil
	}
	retries, refreshed := s.newRetryCounter(), false
	for {
		srv, f := s.currentServer(ctx)
		if f != nil {
			if f.retry == retryLater {
				f = retries.wait(ctx, f, 0)
			}
			if f != nil {
				return nil, f
			}
			continue
		}
		transfers, f := s.batch(ctx, srv, objects)
		switch {
		case f == nil:
			s.stalledAttempts.Store(0)
			return transfers, nil
		case f.Status == http.StatusRequestEntityTooLarge && len(objects) > 1:
			return s.batchHalves(ctx, objects)
		case f.Kind == Unauthorized && srv.fromSSH && !refreshed:
			refreshed = true
			s.forget(srv)
			continue
		case f.retry != retryLater:
			return nil, f
		}
		if f := retries.wait(ctx, f, 0); f != nil {
			return nil, f
		}
	}
}

// batchHalves asks a server that doesn't take so many objects at once.
func (s *session) batchHalves(ctx context.Context, objects []lfs.Object) (map[string]transfer, *failure) {
	transfers, f := s.batchWithRetry(ctx, objects[:len(objects)/2])
	if f != nil {
		return nil, f
	}
	others, f := s.batchWithRetry(ctx, objects[len(objects)/2:])
	if f != nil {
		return nil, f
	}
	maps.Copy(transfers, others)
	return transfers, nil
}

// batch is one attempt to ask.
func (s *session) batch(ctx context.Context, srv *server, objects []lfs.Object) (map[string]transfer, *failure) {
	request := batchRequest{Operation: "download", Transfers: []string{"basic"}, HashAlgo: "sha256"}
	for _, o := range objects {
		request.Objects = append(request.Objects, o.Pointer)
	}
	body, err := json.Marshal(request)
	if err != nil {
		return nil, s.newFailure(Protocol, srv.batchURL, err)
	}
	header := http.Header{"Accept": {mediaType}, "Content-Type": {mediaType}, "Accept-Encoding": {"identity"}}
	res, f := s.doWithRedirects(ctx, httpRequest{http.MethodPost, srv.batchURL, srv.namedHost, header, srv.authHeader, srv.credential, body})
	if f != nil {
		return nil, f
	}
	defer res.close()
	dt, f := s.readBody(ctx, res)
	if f != nil {
		return nil, f
	}
	transfers, err := parseBatch(dt, objects, res.request.url, s.clock.Now())
	if err != nil {
		f := s.newFailure(Protocol, res.request.url, err)
		if sniffFormat(dt) == "an HTML page" {
			f.Message, f.Hint = s.sanitize(excerpt(dt)), s.hint(res.request.url)
		}
		return nil, f
	}
	for oid, o := range transfers {
		o.server = srv
		transfers[oid] = o
	}
	return transfers, nil
}

// readBody returns the body of a good response, all of which must arrive before it counts as stalled.
func (s *session) readBody(ctx context.Context, res *httpResponse) ([]byte, *failure) {
	if res.StatusCode != http.StatusOK {
		return nil, s.explainNotFound(s.statusFailure(res), res)
	}
	if f := s.checkEncoding(res); f != nil {
		return nil, f
	}
	dt, err := io.ReadAll(io.LimitReader(res.Body, maxBatchResponse+1))
	switch {
	case len(dt) > maxBatchResponse:
		res.discard()
		return nil, s.newFailure(Protocol, res.request.url, errors.Errorf("an answer of more than %d bytes", maxBatchResponse))
	case err != nil:
		return nil, s.networkFailure(ctx, res, err)
	}
	return dt, nil
}

// statusFailure is that of a response that is not what was asked for.
func (s *session) statusFailure(res *httpResponse) *failure {
	message := messageOf(res.peek(maxErrorBody))
	return s.classify(objectError{res.StatusCode, message}, res.Header, res.request.url, res.request.credential)
}

// explainNotFound is for the batch API, which may say of what is private that it isn't there.
func (s *session) explainNotFound(f *failure, res *httpResponse) *failure {
	if f.Kind != NotFound {
		return f
	}
	if name := res.request.credential.name; name != "" && f.Status == http.StatusNotFound {
		f.Err = errors.Errorf("not found, or not for the credential (%s)", name)
	}
	if res.request.credential.sent {
		return f
	}
	if f.Hint = s.hint(res.request.url); f.Hint != "" {
		f.Err = errors.New("not found, or private")
	}
	return f
}

// checkEncoding refuses what the request said it doesn't take: it would have to be unpacked without knowing how large it gets.
func (s *session) checkEncoding(res *httpResponse) *failure {
	switch encoding := res.Header.Get("Content-Encoding"); encoding {
	case "", "identity":
		return nil
	default:
		res.discard()
		return s.newFailure(Protocol, res.request.url, errors.Errorf("content encoding %q, which was not asked for", s.sanitize(encoding)))
	}
}
