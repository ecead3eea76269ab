package embedded

import (
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"strings"

	sysuser "github.com/moby/sys/user"
	"github.com/pkg/errors"
)

const (
	firstSubordinate = 100000
	enough           = 65536 // subordinate ids: as many as an image may use
)

// subordinates are the ids that a user may have besides the own one. In the user namespace they are 1 and up: files of
// images belong to many users.
type subordinates struct {
	uids, gids idRanges
}

// idRanges are ids of one kind.
type idRanges struct {
	helper string // the setuid program that maps them
	own    int
	ranges []sysuser.SubID
}

func findSubordinates() (*subordinates, error) {
	name := strconv.Itoa(os.Getuid())
	if u, err := user.LookupId(name); err == nil {
		name = u.Username
	}
	uids, err := findRanges("newuidmap", "/etc/subuid", name, os.Getuid())
	if err != nil {
		return nil, err
	}
	gids, err := findRanges("newgidmap", "/etc/subgid", name, os.Getgid())
	if err != nil {
		return nil, err
	}
	return &subordinates{uids: uids, gids: gids}, nil
}

func findRanges(helper, file, name string, own int) (idRanges, error) {
	found := idRanges{own: own}
	var err error
	if found.helper, err = lookPath(helper); err != nil {
		return found, errors.Errorf("%s is missing, without which only root can build: "+
			"install package uidmap (Debian, Ubuntu), shadow-utils (Fedora), or shadow-uidmap (Alpine)", helper)
	}
	free := int64(firstSubordinate)
	all, err := sysuser.ParseSubIDFile(file)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return found, errors.Wrapf(err, "subordinate ids in %s", file)
	}
	for _, r := range all {
		free = max(free, r.SubID+r.Count)
		if r.Name == name || r.Name == strconv.Itoa(os.Getuid()) {
			found.ranges = append(found.ranges, r)
		}
	}
	if len(found.ranges) == 0 {
		return found, errors.Errorf("user %s has no subordinate ids, without which only root can build: add the line %s:%d:%d to %s",
			name, name, free, enough, file)
	}
	return found, nil
}

// mapTo maps the ids in the user namespace of a process.
func (s *subordinates) mapTo(pid int) error {
	if err := s.uids.mapTo(pid); err != nil {
		return err
	}
	return s.gids.mapTo(pid)
}

func (r idRanges) mapTo(pid int) error {
	args := append([]string{strconv.Itoa(pid)}, r.mapping()...)
	if out, err := exec.Command(r.helper, args...).CombinedOutput(); err != nil {
		return refusal(errors.Wrapf(err, "%s %s: %s", r.helper, strings.Join(args, " "), strings.TrimSpace(string(out))), true)
	}
	return nil
}

// mapping is made of triples: an id inside, the id that it is outside, and how many follow one another.
func (r idRanges) mapping() []string {
	triples := []string{"0", strconv.Itoa(r.own), "1"}
	inside := int64(1)
	for _, sub := range r.ranges {
		triples = append(triples, strings.Fields(fmt.Sprint(inside, sub.SubID, sub.Count))...)
		inside += sub.Count
	}
	return triples
}
