package rootfs

import (
	"context"
	"fmt"
	"os"
	"path"
	"strings"
	"unicode/utf8"

	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/pkg/errors"
	fstypes "github.com/tonistiigi/fsutil/types"
)

// Unknown is the name of the entry that stands for all in a directory that BuildKit can't tell of.
const Unknown = "\ufffd"

// maxParts bounds how often a directory is asked for part of it.
const maxParts = 1000

// IsUnlistable tells the errors of a directory that is there, and whose listing has no room in a message of BuildKit's: it has
// a name, a symlink's target or an attribute's name that is no UTF-8, or too many entries.
func IsUnlistable(err error) bool {
	return err != nil && (strings.Contains(err.Error(), "invalid UTF-8") || strings.Contains(err.Error(), "message larger than max"))
}

// List lists a directory. One that can't be listed whole is listed in parts, by patterns for names. Then an entry of which nothing
// but its name can be told is irregular, and so is one named Unknown, which stands for any whose name is no UTF-8.
func List(ctx context.Context, root DirReader, dir string) ([]*fstypes.Stat, error) {
	entries, err := root.ReadDir(ctx, gateway.ReadDirRequest{Path: dir})
	if !IsUnlistable(err) {
		return entries, errors.Wrapf(err, "directory %s", dir)
	}
	l := &partLister{root: root, dir: dir, found: map[string]*fstypes.Stat{}}
	err = l.listAfter(ctx, "")
	all := make([]*fstypes.Stat, 0, len(l.found))
	for _, st := range l.found {
		all = append(all, st)
	}
	return all, errors.Wrapf(err, "directory %s", dir)
}

// find returns an entry of a directory; nil says that there is none.
func find(ctx context.Context, root DirReader, dir, name string) (*fstypes.Stat, error) {
	entries, err := root.ReadDir(ctx, gateway.ReadDirRequest{Path: dir})
	if IsUnlistable(err) {
		entries, err = findAlone(ctx, root, dir, name)
	}
	for _, e := range entries {
		if path.Base(e.Path) == name {
			return e, nil
		}
	}
	return nil, errors.Wrapf(err, "directory %s", dir)
}

// findAlone lists no other entry of a directory than one.
func findAlone(ctx context.Context, root DirReader, dir, name string) ([]*fstypes.Stat, error) {
	entries, err := root.ReadDir(ctx, gateway.ReadDirRequest{Path: dir, IncludePattern: exactly(name)})
	if IsUnlistable(err) {
		return []*fstypes.Stat{irregular(name)}, nil
	}
	return entries, err
}

func irregular(name string) *fstypes.Stat {
	return &fstypes.Stat{Path: name, Mode: uint32(os.ModeIrregular)}
}

// partLister lists a directory in parts, as small as they have to be.
type partLister struct {
	root  DirReader
	dir   string
	parts int
	found map[string]*fstypes.Stat
}

// runeRange are the runes that a part's names have next.
type runeRange struct{ from, to rune }

// nextRunes are all that can be in a name. A byte that is no UTF-8 is read as U+FFFD by regexp, which BuildKit makes of a pattern.
var nextRunes = []runeRange{{1, '/' - 1}, {'/' + 1, 0x7f}, {0x80, 0xd7ff}, {0xe000, 0xfffc}, {utf8.RuneError, utf8.RuneError}, {0xfffe, utf8.MaxRune}}

// listAfter lists what begins with a text and is longer.
func (l *partLister) listAfter(ctx context.Context, prefix string) error {
	for _, next := range nextRunes {
		if err := l.listPart(ctx, prefix, next); err != nil {
			return err
		}
	}
	return nil
}

// listPart lists what begins with a text and goes on with one of the runes, in ever smaller parts if it must.
func (l *partLister) listPart(ctx context.Context, prefix string, next runeRange) error {
	if l.parts++; l.parts > maxParts {
		l.add(irregular(Unknown))
		return nil
	}
	entries, err := l.root.ReadDir(ctx, gateway.ReadDirRequest{Path: l.dir, IncludePattern: quote(prefix) + next.class() + "*"})
	switch {
	case err == nil:
		l.add(entries...)
		return nil
	case !IsUnlistable(err):
		return err
	case next.from == utf8.RuneError:
		l.add(irregular(Unknown))
		return nil
	case next.from < next.to:
		middle := next.from + (next.to-next.from)/2
		if err := l.listPart(ctx, prefix, runeRange{next.from, middle}); err != nil {
			return err
		}
		return l.listPart(ctx, prefix, runeRange{middle + 1, next.to})
	}
	name := prefix + string(next.from)
	if entries, err = findAlone(ctx, l.root, l.dir, name); err != nil {
		return err
	}
	l.add(entries...)
	return l.listAfter(ctx, name)
}

func (l *partLister) add(entries ...*fstypes.Stat) {
	for _, e := range entries {
		l.found[path.Base(e.Path)] = e
	}
}

// exactly is the pattern of a name. BuildKit looks into no other directory for one without special characters.
func exactly(name string) string {
	if strings.ContainsAny(name, `*[]?^\!`) || strings.TrimSpace(name) != name {
		return quote(name)
	}
	return name
}

// quote is the pattern of a text, whatever is in it.
func quote(text string) string {
	var pattern strings.Builder
	for _, r := range text {
		pattern.WriteString(runeRange{r, r}.class())
	}
	return pattern.String()
}

// class is a pattern of one rune. BuildKit takes a class as regexp does, but for special characters that aren't ASCII's numbers.
func (r runeRange) class() string { return "[" + runePattern(r.from) + "-" + runePattern(r.to) + "]" }

func runePattern(r rune) string {
	if r < utf8.RuneSelf {
		return fmt.Sprintf(`\x%02x`, r)
	}
	return string(r)
}
