package frontend

import (
	"context"
	"encoding/json"

	"lambdabase/frontend/subrequests/lock"
	"lambdabase/internal/catalog"
	"lambdabase/internal/document"

	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/frontend/subrequests/lint"
	"github.com/pkg/errors"
)

// lockSubrequest answers lambda.lock. It asks the repository, whatever is locked today.
func (r *request) lockSubrequest(ctx context.Context) (*gateway.Result, error) {
	bases := []catalog.Image{{Runtime: r.Runtime, Commit: r.Commit}}
	if r.Runtime == "" {
		var err error
		if bases, err = r.findBases(ctx); err != nil {
			return nil, err
		}
	}
	file, err := r.lockBases(ctx, bases)
	if err != nil {
		return nil, err
	}
	return lock.Result(file)
}

// lockBases makes a lock file of base images: of the platforms that are asked for, or else of all that each has.
func (r *request) lockBases(ctx context.Context, bases []catalog.Image) (*document.Lock, error) {
	file := document.NewLock()
	for _, base := range bases {
		snap, err := r.loadSnapshot(ctx, r.remote, base.Runtime, base.Commit)
		if err != nil {
			return nil, err
		}
		d, err := snap.document(ctx, r.bc.TargetPlatforms...)
		if err != nil {
			return nil, err
		}
		if err := d.Validate(); err != nil {
			return nil, errors.Wrapf(err, "runtime %s at commit %s", d.Runtime, d.Commit)
		}
		if other := file.Find(d.Runtime); other != nil && other.Commit != d.Commit {
			return nil, errors.Errorf("the Dockerfile names %s at two commits, %s and %s: a lock file has one of each runtime", d.Runtime, other.Commit, d.Commit)
		}
		file.Set(d)
	}
	return file, nil
}

// findBases finds the base images that the Dockerfile names.
func (r *request) findBases(ctx context.Context) ([]catalog.Image, error) {
	unlocked := *r
	unlocked.Lock = lockNone
	b := &baseImages{request: &unlocked, call: lint.SubrequestLintDefinition.Name}
	res, err := r.callDockerfileFrontend(ctx, b)
	if err != nil {
		return nil, err
	}
	if found := b.asked(); len(found) > 0 {
		return found, nil
	}
	var checked lint.LintResults
	if err := json.Unmarshal(res.Metadata["result.json"], &checked); err == nil && checked.Error != nil {
		return nil, errors.New(checked.Error.Message)
	}
	return nil, errors.New("call lambda.lock found no runtime that the Dockerfile is built on: give option runtime (build argument LAMBDABASE_RUNTIME)")
}
