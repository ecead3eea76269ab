package frontend

import (
	"context"
	"encoding/json"
	"strings"

	"lambdabase/internal/document"
	"lambdabase/internal/panics"
	"lambdabase/internal/rootfs"
	"lambdabase/llb/lambda2llb"

	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/client/llb/sourceresolver"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/pkg/errors"
)

// ImageSpec names an image to compare: a runtime, or an image of a registry or of a client's store.
type ImageSpec struct {
	Name string // as the user gave it

	Runtime  string
	Commit   string             // empty: the branch's head
	Snapshot *document.Snapshot // of a lock file, whose name is Name; nil: the repository is asked

	Locked []*document.Snapshot // of a lock file of several runtimes: the other image's label says which one it is

	Reference string        // of a registry
	Store     string        // of the client, that has the image
	Digest    digest.Digest // of the image in the store
}

// storedReference is what an image of the client's store is asked for as.
func (s ImageSpec) storedReference() string { return "lambdabase.local/image@" + s.Digest.String() }

// ComparedImage is one of two images that are compared.
type ComparedImage struct {
	Spec   ImageSpec
	Plan   *lambda2llb.Plan // of a runtime; nil for any other image
	Config dockerspec.DockerOCIImageConfig
	Root   rootfs.Reader // what it has; of two runtimes without the layers that both have
}

// Compare is like Build, but unpacks two images as far as they may differ, and answers what look makes of them.
func (f Frontend) Compare(specs [2]ImageSpec, look func(context.Context, [2]*ComparedImage) (*gateway.Result, error)) gateway.BuildFunc {
	return f.answer(func(r *request, ctx context.Context) (*gateway.Result, error) {
		images, err := r.openImages(ctx, specs)
		if err != nil {
			return nil, err
		}
		return look(ctx, images)
	})
}

func (r *request) openImages(ctx context.Context, specs [2]ImageSpec) (images [2]*ComparedImage, err error) {
	targets := r.targetPlatforms()
	if len(targets) > 1 {
		return images, errors.Errorf("one platform is compared at a time, not %d", len(targets))
	}
	if specs, err = r.chooseLocked(ctx, specs, targets[0]); err != nil {
		return images, err
	}
	eg, planCtx := panics.WithContext(ctx)
	for i, spec := range specs {
		images[i] = &ComparedImage{Spec: spec}
		eg.Go(func() (err error) {
			return errors.Wrap(r.describe(planCtx, images[i], targets[0]), spec.Name)
		})
	}
	if err := eg.Wait(); err != nil {
		return images, err
	}
	unpacked := [2]*lambda2llb.Plan{images[0].Plan, images[1].Plan}
	if unpacked[0] != nil && unpacked[1] != nil {
		unpacked = [2]*lambda2llb.Plan{withoutObjectsOf(unpacked[0], unpacked[1]), withoutObjectsOf(unpacked[1], unpacked[0])}
	}
	eg, rootCtx := panics.WithContext(ctx)
	for i, image := range images {
		eg.Go(func() (err error) {
			image.Root, err = r.openRoot(rootCtx, image.Spec, unpacked[i], targets[0])
			return errors.Wrap(err, image.Spec.Name)
		})
	}
	return images, eg.Wait()
}

// chooseLocked finds of a lock file of several runtimes the one that the other image is of, as that says itself.
func (r *request) chooseLocked(ctx context.Context, specs [2]ImageSpec, platform ocispecs.Platform) ([2]ImageSpec, error) {
	for i, spec := range specs {
		if len(spec.Locked) == 0 {
			continue
		}
		other := &ComparedImage{Spec: specs[1-i]}
		if err := r.readConfig(ctx, other, platform); err != nil {
			return specs, errors.Wrap(err, other.Spec.Name)
		}
		lock := document.NewLock(spec.Locked...)
		locked := lock.Find(other.Config.Labels[lambda2llb.LabelRuntime])
		if locked == nil {
			return specs, errors.Errorf("%s locks %s, and %s has no label %s that names one of them: name the runtime (RUNTIME@COMMIT) in place of the file",
				spec.Name, strings.Join(lock.Runtimes(), ", "), other.Spec.Name, lambda2llb.LabelRuntime)
		}
		specs[i].Runtime, specs[i].Commit, specs[i].Snapshot = locked.Runtime, locked.Commit, locked
	}
	return specs, nil
}

// describe says what is known of an image before it is unpacked: the plan of a runtime, and the config.
func (r *request) describe(ctx context.Context, image *ComparedImage, platform ocispecs.Platform) error {
	if image.Spec.Runtime == "" {
		return r.readConfig(ctx, image, platform)
	}
	snap, err := r.snapshotOfSpec(ctx, image.Spec)
	if err != nil {
		return err
	}
	if image.Plan, err = snap.plan(ctx, platform); err == nil {
		image.Config = image.Plan.Config.Config
	}
	return err
}

// readConfig reads the config of an image that is no runtime's.
func (r *request) readConfig(ctx context.Context, image *ComparedImage, platform ocispecs.Platform) error {
	ref, opt := image.Spec.Reference, sourceresolver.Opt{}
	if image.Spec.Store != "" {
		ref = image.Spec.storedReference()
		opt.OCILayoutOpt = &sourceresolver.ResolveOCILayoutOpt{Platform: &platform, Store: sourceresolver.ResolveImageConfigOptStore{StoreID: image.Spec.Store}}
	} else {
		opt.ImageOpt = &sourceresolver.ResolveImageOpt{Platform: &platform, ResolveMode: r.bc.ImageResolveMode.String()}
	}
	_, _, dt, err := r.client.ResolveImageConfig(ctx, ref, opt)
	if err != nil {
		return withImageHint(err, image.Spec.Reference)
	}
	var config dockerspec.DockerOCIImage
	err = json.Unmarshal(dt, &config)
	image.Config = config.Config
	return errors.Wrap(err, "image config")
}

// snapshotOfSpec obeys no lock file but the one that is named.
func (r *request) snapshotOfSpec(ctx context.Context, spec ImageSpec) (*snapshot, error) {
	if spec.Snapshot == nil {
		return r.loadSnapshot(ctx, r.remote, spec.Runtime, spec.Commit)
	}
	repo, err := r.lockedRemote(spec.Snapshot)
	if err != nil {
		return nil, err
	}
	return r.openSnapshot(ctx, repo, spec.Runtime, spec.Snapshot.Commit, documentContents{spec.Snapshot, spec.Name})
}

// withoutObjectsOf returns the plan without the layers whose objects another one has, too: what they have needn't be fetched.
func withoutObjectsOf(p, other *lambda2llb.Plan) *lambda2llb.Plan {
	has := map[string]bool{}
	for _, l := range other.Layers {
		has[l.OID] = true
	}
	rest := *p
	rest.Layers = nil
	for _, l := range p.Layers {
		if !has[l.OID] {
			rest.Layers = append(rest.Layers, l)
		}
	}
	return &rest
}

// openRoot opens the layers of a plan, or another image.
func (r *request) openRoot(ctx context.Context, spec ImageSpec, p *lambda2llb.Plan, platform ocispecs.Platform) (rootfs.Reader, error) {
	if p != nil {
		layers, err := r.unpackLayers(ctx, p)
		return rootfs.NewLayers(layers), err
	}
	st := llb.Image(spec.Reference, llb.Platform(platform))
	if spec.Store != "" {
		st = llb.OCILayout(spec.storedReference(), llb.OCIStore("", spec.Store), llb.Platform(platform))
	}
	ref, err := r.solve(ctx, st, platform, true)
	if err != nil {
		return nil, withImageHint(err, spec.Reference)
	}
	if ref == nil {
		return rootfs.Empty{}, nil
	}
	return ref, nil
}
