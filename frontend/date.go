package frontend

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"fmt"
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
	date, err := commitDate(ctx)
	if err != nil {
		err = &withMessage{cause: err, msg: err.Error() + " (an image can be built all the same: give its date as the build argument SOURCE_DATE_EPOCH)"}
	}
	return date, err
}

// commitDate returns the date of the commit whose tree it is.
func (t *tree) commitDate(ctx context.Context, commit string) (time.Time, error) {
	_, dt, err := t.commitObject(ctx, commit)
	if err != nil {
		return time.Time{}, errors.Wrapf(err, "date of commit %s", commit)
	}
	date, err := commitDate(dt)
	return date, errors.Wrapf(err, "date of commit %s", commit)
}

// resolveTag returns the commit that an id names, which may be that of an annotated tag. Where that can't be told, it is the id.
func (t *tree) resolveTag(ctx context.Context, id string) string {
	commit, _, err := t.commitObject(ctx, id)
	if err != nil {
		return id
	}
	return commit
}

// maxCommitHead is more than what stands before the message of a commit, packed.
const maxCommitHead = 64 << 10

// maxTags is more than tags of tags that anybody has.
const maxTags = 8

// commitObject is a commit, and its id, as git has it in the .git of its tree, without the end of a long message. The id that is
// asked for may be that of an annotated tag. Only the daemon's own git wrote there. Asking the daemon for it
// (ResolveSourceMetadata) takes BuildKit 0.26, and fails where it has the tree from another repository: it then asks the
// repository for the commit, without the secrets (v0.33.1).
func (t *tree) commitObject(ctx context.Context, id string) (string, []byte, error) {
	if commit, known := t.commits.Load(id); known {
		return id, commit.([]byte), nil
	}
	for range maxTags {
		o, err := t.gitObject(ctx, id)
		if err != nil {
			return id, nil, err
		}
		id = cmp.Or(o.id, id)
		if o.commit != nil {
			t.commits.Store(id, o.commit)
			return id, o.commit, nil
		}
	}
	return "", nil, errors.New("git object: a tag of too many tags")
}

// gitObject is a commit, or a tag of what has the id.
type gitObject struct {
	id     string // empty: the one that was asked for
	commit []byte
}

// gitObject reads a commit or a tag; where git packed it, the commit. It is asked for where it is nearly always, and not looked for.
func (t *tree) gitObject(ctx context.Context, id string) (gitObject, error) {
	if dt, err := t.readPrefix(ctx, path.Join(".git/objects", id[:2], id[2:])); err == nil {
		return looseObject(dt)
	}
	// git leaves more than 100 objects (transfer.unpackLimit) in the pack that they came in, which begins with the commit, or
	// with its tags.
	names, err := t.readDirNames(ctx, ".git/objects/pack")
	if err != nil {
		return gitObject{}, err
	}
	for _, name := range names {
		if strings.HasSuffix(name, ".pack") {
			dt, err := t.readPrefix(ctx, path.Join(".git/objects/pack", name))
			if err != nil {
				return gitObject{}, err
			}
			return packedCommit(dt, len(id))
		}
	}
	return gitObject{}, errors.New("its object is not in .git")
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

func looseObject(dt []byte) (gitObject, error) {
	r, err := objfile.NewReader(bytes.NewReader(dt))
	if err != nil {
		return gitObject{}, errors.Wrap(err, "git object")
	}
	kind, _, err := r.Header()
	if err != nil || kind != plumbing.CommitObject && kind != plumbing.TagObject {
		return gitObject{}, errors.Errorf("git object: no commit (%v)", err)
	}
	text, err := io.ReadAll(r)
	if kind == plumbing.CommitObject {
		return gitObject{commit: text}, ignoreTruncation(err)
	}
	tagged, _ := strings.CutPrefix(string(text), "object ")
	tagged, _, _ = strings.Cut(tagged, "\n")
	if !catalog.IsCommit(tagged) {
		return gitObject{}, errors.New("git object: a tag that names no object")
	}
	return gitObject{id: tagged}, nil
}

// packedCommit finds the commit at the beginning of a pack, and makes its id, unless it goes on beyond what was read.
func packedCommit(dt []byte, idLength int) (gitObject, error) {
	s := packfile.NewScanner(bytes.NewReader(dt))
	if _, _, err := s.Header(); err != nil {
		return gitObject{}, errors.Wrap(err, "git pack")
	}
	for range maxTags {
		h, err := s.NextObjectHeader()
		if err != nil || h.Type != plumbing.CommitObject && h.Type != plumbing.TagObject {
			return gitObject{}, errors.Errorf("git pack: it doesn't begin with the commit (%v)", err)
		}
		var text bytes.Buffer
		_, _, err = s.NextObject(&text)
		switch {
		case h.Type == plumbing.CommitObject && err == nil:
			return gitObject{commitID(text.Bytes(), idLength), text.Bytes()}, nil
		case h.Type == plumbing.CommitObject && text.Len() > 0:
			return gitObject{commit: text.Bytes()}, ignoreTruncation(err)
		case err != nil:
			return gitObject{}, errors.Wrap(err, "git pack")
		}
	}
	return gitObject{}, errors.New("git pack: it begins with too many tags")
}

// commitID returns that of a commit, by SHA-1 or, where ids are longer, by SHA-256.
func commitID(commit []byte, length int) string {
	object := append(fmt.Appendf(nil, "commit %d\x00", len(commit)), commit...)
	if length > 2*sha1.Size {
		return fmt.Sprintf("%x", sha256.Sum256(object))
	}
	return fmt.Sprintf("%x", sha1.Sum(object))
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
	if seconds := c.Committer.When.Unix(); seconds < 0 || seconds > maxEpoch {
		return time.Time{}, errors.Errorf("%d seconds since 1970, an image's date is up to the year 9999", seconds)
	}
	return c.Committer.When.UTC(), nil
}
