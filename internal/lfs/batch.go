package lfs

import (
	"context"
	"encoding/json"
	"io"
	"maps"
	"net/http"

	"github.com/pkg/errors"
)

const (
	mediaType = "application/vnd.git-lfs+json"
	pageSize  = 100 // objects in a request, as git-lfs asks for
	// maxAnswer is beyond what anybody answers: a signed URL has a kilobyte or two.
	maxAnswer = pageSize*64<<10 + 1<<20
)

type batchRequest struct {
	Operation string    `json:"operation"`
	Transfers []string  `json:"transfers"`
	Objects   []Pointer `json:"objects"`
	HashAlgo  string    `json:"hash_algo"`
}

// ask has the server say where each of the objects is, a page of them at most.
func (s *session) ask(ctx context.Context, objects []Object) (map[string]offer, *failure) {
	p, forgot := s.patience(), false
	for {
		at, f := s.server(ctx)
		if f != nil {
			if f.fate == again {
				f = p.wait(ctx, f, 0)
			}
			if f != nil {
				return nil, f
			}
			continue
		}
		offers, f := s.batch(ctx, at, objects)
		switch {
		case f == nil:
			s.barren.Store(0)
			return offers, nil
		case f.Status == http.StatusRequestEntityTooLarge && len(objects) > 1:
			return s.askHalves(ctx, objects)
		case f.Kind == Unauthorized && at.lent && !forgot:
			forgot = true
			s.forget(at)
			continue
		case f.fate != again:
			return nil, f
		}
		if f := p.wait(ctx, f, 0); f != nil {
			return nil, f
		}
	}
}

// askHalves asks a server that doesn't take so many objects at once.
func (s *session) askHalves(ctx context.Context, objects []Object) (map[string]offer, *failure) {
	offers, f := s.ask(ctx, objects[:len(objects)/2])
	if f != nil {
		return nil, f
	}
	others, f := s.ask(ctx, objects[len(objects)/2:])
	if f != nil {
		return nil, f
	}
	maps.Copy(offers, others)
	return offers, nil
}

// batch is one attempt to ask.
func (s *session) batch(ctx context.Context, at *server, objects []Object) (map[string]offer, *failure) {
	request := batchRequest{Operation: "download", Transfers: []string{"basic"}, HashAlgo: "sha256"}
	for _, o := range objects {
		request.Objects = append(request.Objects, o.Pointer)
	}
	body, err := json.Marshal(request)
	if err != nil {
		return nil, s.fail(Protocol, at.batch, err)
	}
	header := http.Header{"Accept": {mediaType}, "Content-Type": {mediaType}, "Accept-Encoding": {"identity"}}
	a, f := s.do(ctx, call{http.MethodPost, at.batch, header, at.private, at.carried, body})
	if f != nil {
		return nil, f
	}
	defer a.close()
	dt, f := s.whole(ctx, a)
	if f != nil {
		return nil, f
	}
	offers, err := readBatch(dt, objects, a.call.url, s.clock.Now())
	if err != nil {
		f := s.fail(Protocol, a.call.url, err)
		if form(dt) == "an HTML page" {
			f.Message, f.Hint = s.message(excerpt(dt)), s.advice(a.call.url)
		}
		return nil, f
	}
	for oid, o := range offers {
		o.from = at
		offers[oid] = o
	}
	return offers, nil
}

// whole is the body of a good answer, all of which must arrive before it counts as stalled.
func (s *session) whole(ctx context.Context, a *answer) ([]byte, *failure) {
	if a.StatusCode != http.StatusOK {
		return nil, s.hiding(s.refusedAnswer(a), a)
	}
	if f := s.encoded(a); f != nil {
		return nil, f
	}
	dt, err := io.ReadAll(io.LimitReader(a.Body, maxAnswer+1))
	switch {
	case len(dt) > maxAnswer:
		a.abandon()
		return nil, s.fail(Protocol, a.call.url, errors.Errorf("an answer of more than %d bytes", maxAnswer))
	case err != nil:
		return nil, s.broken(ctx, a, err)
	}
	return dt, nil
}

// refusedAnswer is an answer that is not what was asked for.
func (s *session) refusedAnswer(a *answer) *failure {
	message := messageOf(a.begin(maxPage))
	return s.refused(refusal{a.StatusCode, message}, a.Header, a.call.url, a.call.carried)
}

// hiding is a refusal of the batch API, which may say of what is private that it isn't there.
func (s *session) hiding(f *failure, a *answer) *failure {
	if f.Kind != NotFound {
		return f
	}
	if name := a.call.carried.name; name != "" && f.Status == http.StatusNotFound {
		f.Err = errors.Errorf("not found, or not for the credential (%s)", name)
	}
	if a.call.carried.sent {
		return f
	}
	if f.Hint = s.advice(a.call.url); f.Hint != "" {
		f.Err = errors.New("not found, or private")
	}
	return f
}

// encoded refuses what the request said it doesn't take: it would have to be unpacked without knowing how large it gets.
func (s *session) encoded(a *answer) *failure {
	switch encoding := a.Header.Get("Content-Encoding"); encoding {
	case "", "identity":
		return nil
	default:
		a.abandon()
		return s.fail(Protocol, a.call.url, errors.Errorf("content encoding %q, which was not asked for", s.message(encoding)))
	}
}
