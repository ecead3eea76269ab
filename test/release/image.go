package main

import (
	"context"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/containerd/platforms"
	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/exporter/containerimage/exptypes"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	gatewaypb "github.com/moby/buildkit/frontend/gateway/pb"
	"github.com/moby/buildkit/solver/result"
	"github.com/moby/buildkit/util/progress/progressui"
	"github.com/pkg/errors"
	"github.com/tonistiigi/fsutil"
)

// predicateSPDX is the type of a bill of materials among attestations.
const predicateSPDX = "https://spdx.dev/Document"

// certificates are what the frontend's steps trust.
const certificates = "/etc/ssl/certs/ca-certificates.crt"

// buildImage makes the frontend's image as an OCI layout with attestations, and of that an archive.
func (r *release) buildImage(ctx context.Context) error {
	if r.addr == "" {
		return errors.New("BUILDKIT_HOST names no daemon; make release starts one")
	}
	for _, platform := range r.platforms {
		if err := r.fillImageDir(platform); err != nil {
			return errors.Wrap(err, platform)
		}
	}
	layout := filepath.Join(r.stage, "layout")
	if err := r.solveImage(ctx, layout); err != nil {
		return err
	}
	if err := settleProvenance(layout, r.time); err != nil {
		return errors.Wrap(err, "provenance")
	}
	return writeFile(filepath.Join(r.out, frontend+"-"+r.version+".oci.tar"), func(w io.Writer) error { return writeTar(w, layout, r.time) })
}

func (r *release) fillImageDir(platform string) error {
	dir := r.imageDir(platform)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, name := range []string{frontend, checkLayers} {
		if err := copyFile(r.program(name, platform), filepath.Join(dir, name), 0o755); err != nil {
			return err
		}
	}
	return copyFile(certificates, filepath.Join(dir, filepath.Base(certificates)), 0o644)
}

func (r *release) solveImage(ctx context.Context, layout string) error {
	c, err := client.New(ctx, r.addr)
	if err != nil {
		return errors.Wrap(err, "BuildKit")
	}
	defer c.Close()
	mounts, err := r.mounts()
	if err != nil {
		return err
	}
	opt := client.SolveOpt{
		FrontendAttrs: r.imageOpts(),
		LocalMounts:   mounts,
		Exports:       []client.ExportEntry{{Type: client.ExporterOCI, OutputDir: layout, Attrs: r.imageAttrs()}},
	}
	statuses, shown := make(chan *client.SolveStatus), make(chan error, 1)
	go func() { shown <- r.showProgress(statuses) }()
	_, err = c.Build(ctx, opt, "", r.solveFrontend, statuses)
	if shown := <-shown; err == nil {
		err = shown
	}
	return err
}

func (r *release) showProgress(statuses chan *client.SolveStatus) error {
	display, err := progressui.NewDisplay(r.log, progressui.PlainMode)
	if err != nil {
		return err
	}
	_, err = display.UpdateFrom(context.Background(), statuses)
	return err
}

// local is the mount that takes the place of the stage "build".
func local(platform string) string { return "build-" + strings.ReplaceAll(platform, "/", "-") }

func (r *release) mounts() (map[string]fsutil.FS, error) {
	dirs := map[string]string{"context": r.dir, "dockerfile": r.dir}
	for _, platform := range r.platforms {
		dirs[local(platform)] = r.imageDir(platform)
	}
	mounts := map[string]fsutil.FS{}
	for name, dir := range dirs {
		mount, err := fsutil.NewFS(dir)
		if err != nil {
			return nil, errors.Wrapf(err, "folder %s", name)
		}
		mounts[name] = mount
	}
	return mounts, nil
}

// imageOpts are those of make image, and what BuildKit's provenance is to say.
func (r *release) imageOpts() map[string]string {
	opts := map[string]string{
		"platform": strings.Join(r.platforms, ","), "build-arg:SOURCE_DATE_EPOCH": r.epoch(),
		"vcs:revision": r.commit, "attest:provenance": "mode=max,version=v1",
	}
	for _, platform := range r.platforms {
		opts["context:build::"+platform] = "local:" + local(platform)
	}
	return opts
}

func (r *release) imageAttrs() map[string]string {
	attrs := map[string]string{
		"tar": "false", "name": frontend + ":" + r.version, "rewrite-timestamp": "true",
		string(exptypes.OptKeySourceDateEpoch): r.epoch(),
	}
	for name, value := range map[string]string{
		"title": frontend, "version": r.version, "revision": r.commit, "created": r.time.Format(time.RFC3339), "licenses": "Apache-2.0",
	} {
		attrs["annotation.org.opencontainers.image."+name] = value
	}
	return attrs
}

// solveFrontend runs the Dockerfile, and adds to the image of each platform its bill of materials.
func (r *release) solveFrontend(ctx context.Context, c gateway.Client) (*gateway.Result, error) {
	opts := maps.Clone(r.imageOpts())
	delete(opts, "attest:provenance") // which is the whole build's, and not a part's
	res, err := c.Solve(ctx, gateway.SolveRequest{Frontend: "dockerfile.v0", FrontendOpt: opts})
	if err != nil {
		return nil, err
	}
	of, err := exptypes.ParsePlatforms(res.Metadata)
	if err != nil {
		return nil, errors.Wrap(err, "platforms")
	}
	for _, platform := range of.Platforms {
		att, err := r.solveSBOM(ctx, c, platforms.Format(platform.Platform))
		if err != nil {
			return nil, errors.Wrapf(err, "bill of materials of %s", platform.ID)
		}
		res.AddAttestation(platform.ID, *att)
	}
	return res, nil
}

func (r *release) solveSBOM(ctx context.Context, c gateway.Client, platform string) (*gateway.Attestation, error) {
	dir := r.imageDir(platform)
	dt, err := r.newSBOM(filepath.Base(r.name(frontend, platform, "")), []string{
		filepath.Join(dir, frontend), filepath.Join(dir, checkLayers), filepath.Join(dir, filepath.Base(certificates)),
	})
	if err != nil {
		return nil, err
	}
	const name = "/sbom.spdx.json"
	def, err := llb.Scratch().File(llb.Mkfile(name, 0o644, dt), llb.WithCustomName("bill of materials of "+platform)).Marshal(ctx)
	if err != nil {
		return nil, err
	}
	res, err := c.Solve(ctx, gateway.SolveRequest{Definition: def.ToPB()})
	if err != nil {
		return nil, err
	}
	ref, err := res.SingleRef()
	return &gateway.Attestation{
		Kind: gatewaypb.AttestationKind_InToto, Ref: ref, Path: name, InToto: result.InTotoAttestation{PredicateType: predicateSPDX},
	}, err
}
