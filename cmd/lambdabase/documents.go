package main

import (
	"context"
	"encoding/json"
	"sync"

	"lambdabase/frontend/subrequests/lock"
	"lambdabase/internal/document"

	gateway "github.com/moby/buildkit/frontend/gateway/client"
)

// askDocuments asks for what commits say of runtimes. add adds to the options of each.
func (s *session) askDocuments(ctx context.Context, runtimes []string, add func(runtime string, attrs map[string]string)) (*document.Lock, error) {
	found := document.NewLock()
	var mu sync.Mutex
	var targets []target
	for _, runtime := range runtimes {
		t := target{name: runtime, build: buildFunc}
		var err error
		if t.attrs, err = s.attrs(); err != nil {
			return nil, err
		}
		t.attrs["runtime"], t.attrs["requestid"] = runtime, lock.Name
		add(runtime, t.attrs)
		t.onResult = func(res *gateway.Result) {
			var answer document.Lock
			if json.Unmarshal(res.Metadata["result.json"], &answer) != nil {
				return
			}
			mu.Lock()
			defer mu.Unlock()
			for _, snapshot := range answer.Snapshots {
				found.Set(snapshot)
			}
		}
		targets = append(targets, t)
	}
	_, err := s.solve(ctx, targets...)
	return found, err
}
