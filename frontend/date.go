package frontend

import (
	"bytes"
	"context"
	"io"
	"path"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/objfile"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/util/gitutil/gitobject"
	"github.com/pkg/errors"
)

// created is the date of a base image: SOURCE_DATE_EPOCH, or that of the commit.
func (r *request) created(ctx context.Context, t *tree, commit string) (time.Time, error) {
	if r.epoch != nil {
		return *r.epoch, nil
	}
	dt, err := t.commitObject(ctx, commit)
	if err != nil {
		return time.Time{}, errors.Wrapf(err, "date of commit %s", commit)
	}
	date, err := commitDate(dt)
	return date, errors.Wrapf(err, "date of commit %s", commit)
}

// maxCommitHead is more than what stands before the message of a commit, packed.
const maxCommitHead = 64 << 10

// commitObject is the commit as git has it in the .git of its tree, without the end of a long message. Only the daemon's
// own git wrote there. Asking the daemon for it (ResolveSourceMetadata) takes BuildKit 0.26, and fails where it has the
// tree from another repository: it then asks the repository for the commit, without the secrets (v0.33.1).
func (t *tree) commitObject(ctx context.Context, commit string) ([]byte, error) {
	names, err := t.gitNames(ctx, ".git/objects")
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if name == commit[:2] {
			dt, err := t.head(ctx, path.Join(".git/objects", name, commit[2:]))
			if err != nil {
				return nil, err
			}
			return looseCommit(dt)
		}
	}
	// git leaves more than 100 objects (transfer.unpackLimit) in the pack that they came in, which begins with the commit.
	names, err = t.gitNames(ctx, ".git/objects/pack")
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if strings.HasSuffix(name, ".pack") {
			dt, err := t.head(ctx, path.Join(".git/objects/pack", name))
			if err != nil {
				return nil, err
			}
			return packedCommit(dt)
		}
	}
	return nil, errors.New("its object is not in .git")
}

func (t *tree) gitNames(ctx context.Context, dir string) ([]string, error) {
	list, err := t.ref.ReadDir(ctx, gateway.ReadDirRequest{Path: dir})
	var names []string
	for _, e := range list {
		names = append(names, path.Base(e.Path))
	}
	return names, errors.Wrap(err, dir)
}

func (t *tree) head(ctx context.Context, name string) ([]byte, error) {
	dt, err := t.ref.ReadFile(ctx, gateway.ReadRequest{Filename: name, Range: &gateway.FileRange{Length: maxCommitHead}})
	return dt, errors.Wrap(err, name)
}

func looseCommit(dt []byte) ([]byte, error) {
	r, err := objfile.NewReader(bytes.NewReader(dt))
	if err != nil {
		return nil, errors.Wrap(err, "git object")
	}
	kind, _, err := r.Header()
	if err != nil || kind != plumbing.CommitObject {
		return nil, errors.Errorf("git object: no commit (%v)", err)
	}
	text, err := io.ReadAll(r)
	return text, cutOff(err)
}

func packedCommit(dt []byte) ([]byte, error) {
	s := packfile.NewScanner(bytes.NewReader(dt))
	if _, _, err := s.Header(); err != nil {
		return nil, errors.Wrap(err, "git pack")
	}
	h, err := s.NextObjectHeader()
	if err != nil || h.Type != plumbing.CommitObject {
		return nil, errors.Errorf("git pack: it doesn't begin with the commit (%v)", err)
	}
	var text bytes.Buffer
	_, _, err = s.NextObject(&text)
	return text.Bytes(), cutOff(err)
}

// cutOff lets pass that the end is missing.
func cutOff(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return nil
	}
	return errors.Wrap(err, "git object")
}

func commitDate(object []byte) (time.Time, error) {
	o, err := gitobject.Parse(object)
	if err != nil {
		return time.Time{}, errors.Wrap(err, "commit object")
	}
	c, err := o.ToCommit()
	if err != nil {
		return time.Time{}, errors.Wrap(err, "commit object")
	}
	if c.Committer.When == nil {
		return time.Time{}, errors.New("commit object without a date")
	}
	return c.Committer.When.UTC(), nil
}
