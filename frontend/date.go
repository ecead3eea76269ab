package frontend

import (
	"bytes"
	"context"
	"io"
	"path"
	"strings"
	"time"

	"lambdabase/internal/catalog"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/objfile"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/util/gitutil/gitobject"
	"github.com/pkg/errors"
)

// createdAt returns the date of a base image: SOURCE_DATE_EPOCH, or that of the commit.
func (r *request) createdAt(ctx context.Context, commitDate func(context.Context) (time.Time, error)) (time.Time, error) {
	if r.epoch != nil {
		return *r.epoch, nil
	}
	return commitDate(ctx)
}

// commitDate returns the date of the commit whose tree it is.
func (t *tree) commitDate(ctx context.Context, commit string) (time.Time, error) {
	dt, err := t.commitObject(ctx, commit)
	if err != nil {
		return time.Time{}, errors.Wrapf(err, "date of commit %s", commit)
	}
	date, err := commitDate(dt)
	return date, errors.Wrapf(err, "date of commit %s", commit)
}

// maxCommitHead is more than what stands before the message of a commit, packed.
const maxCommitHead = 64 << 10

// maxTags is more than tags of tags that anybody has.
const maxTags = 8

// commitObject is the commit as git has it in the .git of its tree, without the end of a long message. The id may be that of
// an annotated tag. Only the daemon's own git wrote there. Asking the daemon for it (ResolveSourceMetadata) takes BuildKit 0.26,
// and fails where it has the tree from another repository: it then asks the repository for the commit, without the secrets
// (v0.33.1).
func (t *tree) commitObject(ctx context.Context, id string) ([]byte, error) {
	for range maxTags {
		text, err := t.gitObject(ctx, id)
		if err != nil {
			return nil, err
		}
		tagged, isTag := strings.CutPrefix(string(text), "object ")
		if !isTag {
			return text, nil
		}
		id, _, _ = strings.Cut(tagged, "\n")
		if !catalog.IsCommit(id) {
			return nil, errors.New("git object: a tag that names no object")
		}
	}
	return nil, errors.New("git object: a tag of too many tags")
}

// gitObject is a commit or a tag; where git packed it, the commit.
func (t *tree) gitObject(ctx context.Context, id string) ([]byte, error) {
	names, err := t.readDirNames(ctx, ".git/objects")
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if name == id[:2] {
			dt, err := t.readPrefix(ctx, path.Join(".git/objects", name, id[2:]))
			if err != nil {
				return nil, err
			}
			return looseObject(dt)
		}
	}
	// git leaves more than 100 objects (transfer.unpackLimit) in the pack that they came in, which begins with the commit, or
	// with its tags.
	names, err = t.readDirNames(ctx, ".git/objects/pack")
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if strings.HasSuffix(name, ".pack") {
			dt, err := t.readPrefix(ctx, path.Join(".git/objects/pack", name))
			if err != nil {
				return nil, err
			}
			return packedCommit(dt)
		}
	}
	return nil, errors.New("its object is not in .git")
}

func (t *tree) readDirNames(ctx context.Context, dir string) ([]string, error) {
	list, err := t.ref.ReadDir(ctx, gateway.ReadDirRequest{Path: dir})
	var names []string
	for _, e := range list {
		names = append(names, path.Base(e.Path))
	}
	return names, errors.Wrap(err, dir)
}

func (t *tree) readPrefix(ctx context.Context, name string) ([]byte, error) {
	dt, err := t.ref.ReadFile(ctx, gateway.ReadRequest{Filename: name, Range: &gateway.FileRange{Length: maxCommitHead}})
	return dt, errors.Wrap(err, name)
}

func looseObject(dt []byte) ([]byte, error) {
	r, err := objfile.NewReader(bytes.NewReader(dt))
	if err != nil {
		return nil, errors.Wrap(err, "git object")
	}
	kind, _, err := r.Header()
	if err != nil || kind != plumbing.CommitObject && kind != plumbing.TagObject {
		return nil, errors.Errorf("git object: no commit (%v)", err)
	}
	text, err := io.ReadAll(r)
	return text, ignoreTruncation(err)
}

func packedCommit(dt []byte) ([]byte, error) {
	s := packfile.NewScanner(bytes.NewReader(dt))
	if _, _, err := s.Header(); err != nil {
		return nil, errors.Wrap(err, "git pack")
	}
	for range maxTags {
		h, err := s.NextObjectHeader()
		if err != nil || h.Type != plumbing.CommitObject && h.Type != plumbing.TagObject {
			return nil, errors.Errorf("git pack: it doesn't begin with the commit (%v)", err)
		}
		var text bytes.Buffer
		_, _, err = s.NextObject(&text)
		if h.Type == plumbing.CommitObject {
			return text.Bytes(), ignoreTruncation(err)
		}
		if err != nil {
			return nil, errors.Wrap(err, "git pack")
		}
	}
	return nil, errors.New("git pack: it begins with too many tags")
}

// ignoreTruncation lets pass that the end is missing.
func ignoreTruncation(err error) error {
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
