package isolate

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
	firstSubID = 100000
	minSubIDs  = 65536 // subordinate ids: as many as an image may use
)

// subIDs are the ids that a user may have besides the own one. In the user namespace they are 1 and up: files of
// images belong to many users.
type subIDs struct {
	uids, gids idRanges
}

// idRanges are ids of one kind.
type idRanges struct {
	helper string // the setuid program that maps them
	own    int
	ranges []sysuser.SubID
}

func findSubIDs() (*subIDs, error) {
	name := userName()
	uids, err := findRanges("newuidmap", "/etc/subuid", name, os.Getuid())
	if err != nil {
		return nil, err
	}
	gids, err := findRanges("newgidmap", "/etc/subgid", name, os.Getgid())
	if err != nil {
		return nil, err
	}
	return &subIDs{uids: uids, gids: gids}, nil
}

// userName returns nothing for a user who has none, as in a container that runs as any number.
func userName() string {
	if u, err := user.LookupId(strconv.Itoa(os.Getuid())); err == nil {
		return u.Username
	}
	out, err := exec.Command("id", "-un").Output() // which asks directories too, as Go without C doesn't
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}

func findRanges(helper, file, name string, own int) (idRanges, error) {
	found := idRanges{own: own}
	var err error
	if found.helper, err = LookPath(helper); err != nil {
		return found, errors.Errorf("%s is missing, without which only root can build: "+
			"install package uidmap (Debian, Ubuntu), shadow-utils (Fedora), or shadow-uidmap (Alpine)", helper)
	}
	all, err := sysuser.ParseSubIDFile(file)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return found, errors.Wrapf(err, "subordinate ids in %s", file)
	}
	for _, r := range all {
		if r.Name == strconv.Itoa(os.Getuid()) || name != "" && r.Name == name {
			found.ranges = append(found.ranges, r)
		}
	}
	return found, checkRanges(found, name, fmt.Sprintf("%d:%d to %s", nextFreeSubID(all), minSubIDs, file))
}

// checkRanges tells who has no subordinate ids what to add. newuidmap wants a user to have a name, even where the ids are
// given to a number.
func checkRanges(found idRanges, name, line string) error {
	var missing, add []string
	owner := name
	if name == "" {
		owner = strconv.Itoa(os.Getuid())
		missing = append(missing, "no name")
		add = append(add, fmt.Sprintf("user%d:x:%[1]d:%d::/:/bin/sh to /etc/passwd", os.Getuid(), os.Getgid()))
	}
	if len(found.ranges) == 0 {
		missing = append(missing, "no subordinate ids")
		add = append(add, owner+":"+line)
	}
	if len(missing) == 0 {
		return nil
	}
	return errors.Errorf("user %s has %s, without which only root can build: add the line %s",
		owner, strings.Join(missing, " and "), strings.Join(add, ", and the line "))
}

// apply maps the ids in the user namespace of a process.
func (s *subIDs) apply(pid int) error {
	if err := s.uids.apply(pid); err != nil {
		return err
	}
	return s.gids.apply(pid)
}

func (r idRanges) apply(pid int) error {
	args := append([]string{strconv.Itoa(pid)}, r.mapping()...)
	cmd := exec.Command(r.helper, args...)
	cmd.Env = []string{"LC_ALL=C"}
	if out, err := cmd.CombinedOutput(); err != nil {
		return namespaceError(errors.Wrapf(err, "%s %s: %s", r.helper, strings.Join(args, " "), strings.TrimSpace(string(out))), true)
	}
	return nil
}

// mapping returns triples: an id inside, the id that it is outside, and how many follow one another.
func (r idRanges) mapping() []string {
	triples := []string{"0", strconv.Itoa(r.own), "1"}
	inside := int64(1)
	for _, sub := range r.ranges {
		triples = append(triples, strings.Fields(fmt.Sprint(inside, sub.SubID, sub.Count))...)
		inside += sub.Count
	}
	return triples
}
