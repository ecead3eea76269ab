package frontend

import (
	"archive/tar"
	"bytes"
	"context"
	"regexp"
	"strings"

	"github.com/moby/buildkit/client/llb"
	"github.com/pkg/errors"
)

// noParentRE is how a directory fails whose parent isn't there.
var noParentRE = regexp.MustCompile(`\bmkdir(at)? .*: no such file or directory$`)

func isMissingParent(err error) bool { return noParentRE.MatchString(strings.TrimSpace(err.Error())) }

// parentlessName is the archive that a daemon is tried with.
const parentlessName = "parentless.tar"

// refusesImpliedParents tells whether a layer failed as the daemon doesn't make a directory's parent that has no header in the
// archive: BuildKit v0.32.0 doesn't (https://github.com/moby/buildkit/pull/7005), nor does Docker Engine 29.7.0
// (https://github.com/moby/moby/issues/53257). A symlink to nowhere fails in the same words on each daemon, and none tells a
// frontend its version: so it is tried with an archive that has nothing else.
func (a *assembler) refusesImpliedParents(ctx context.Context, cause error) bool {
	if !isMissingParent(cause) {
		return false
	}
	archive, err := probeArchive()
	if err != nil {
		return false
	}
	source := llb.Scratch().File(llb.Mkfile("/"+parentlessName, 0o644, archive), llb.WithCustomName("make an archive with a directory and no parent"))
	probe := llb.Scratch().File(llb.Copy(source, parentlessName, "/", &llb.CopyInfo{AttemptUnpack: true}), llb.WithCustomName("try whether this BuildKit unpacks it"))
	_, err = a.solve(ctx, probe, a.plan.Platform, true)
	return err != nil && isMissingParent(err)
}

// probeArchive is a tar with a directory, and no header for its parent.
func probeArchive() ([]byte, error) {
	var dt bytes.Buffer
	w := tar.NewWriter(&dt)
	if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: "parent/dir/", Mode: 0o755}); err != nil {
		return nil, errors.Wrap(err, "archive to try")
	}
	err := w.Close()
	return dt.Bytes(), errors.Wrap(err, "archive to try")
}
