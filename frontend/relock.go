package frontend

import (
	"context"
	"encoding/json"
	"slices"

	"lambdabase/frontend/subrequests/lock"
	"lambdabase/internal/catalog"
	"lambdabase/internal/document"

	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/frontend/subrequests/lint"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/pkg/errors"
)

// lockSubrequest answers lambda.lock. It asks the repository, whatever is locked today.
func (r *request) lockSubrequest(ctx context.Context) (*gateway.Result, error) {
	bases := []baseImage{{Image: catalog.Image{Runtime: r.Runtime, Commit: r.Commit}}}
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

// lockBases makes a lock file of base images.
func (r *request) lockBases(ctx context.Context, bases []baseImage) (*document.Lock, error) {
	file := document.NewLock()
	for _, base := range bases {
		snap, err := r.loadSnapshot(ctx, r.remote, base.Runtime, base.Commit)
		if err != nil {
			return nil, err
		}
		targets, err := r.lockedPlatforms(ctx, snap, bases)
		if err != nil {
			return nil, err
		}
		d, err := snap.document(ctx, targets...)
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

// lockedPlatforms are those that are asked for, and those of the runtime that the Dockerfile names besides: a stage may be for the
// platform that builds. None are asked for: all that the runtime has.
func (r *request) lockedPlatforms(ctx context.Context, snap *snapshot, bases []baseImage) ([]ocispecs.Platform, error) {
	targets := slices.Clone(r.bc.TargetPlatforms)
	if len(targets) == 0 {
		return nil, nil
	}
	names, err := snap.platformNames(ctx)
	for _, base := range bases {
		if base.Runtime == snap.runtime && slices.Contains(names, document.PlatformName(base.platform)) {
			targets = append(targets, base.platform)
		}
	}
	return targets, err
}

// findBases finds the base images that the Dockerfile names.
func (r *request) findBases(ctx context.Context) ([]baseImage, error) {
	unlocked := *r
	unlocked.Lock = LockNone
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
