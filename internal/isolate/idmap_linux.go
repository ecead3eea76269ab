package isolate

import (
	"fmt"
	"os"
	"strings"

	"github.com/pkg/errors"
	"golang.org/x/sys/unix"
)

// idMapper maps users and groups in the user namespace of a process.
type idMapper interface {
	apply(pid int) error
}

// findIDMapper returns those that this process may map: all that it has if it is root, else its own and the subordinate ones.
func findIDMapper() (idMapper, error) {
	if os.Geteuid() != 0 {
		return findSubIDs()
	}
	for _, capability := range []uint{unix.CAP_SETUID, unix.CAP_SETGID} {
		may, err := hasCapability(capability)
		if err != nil {
			return nil, err
		}
		if !may {
			return findSubIDs()
		}
	}
	return identityIDs{}, nil
}

// identityIDs maps every id to itself, as root may: the files of an image have the same owners as without a user namespace.
type identityIDs struct{}

func (identityIDs) apply(pid int) error {
	for _, kind := range []string{"uid_map", "gid_map"} {
		own, err := os.ReadFile("/proc/self/" + kind)
		if err != nil {
			return errors.Wrap(err, "ids")
		}
		// Written at once, as Linux wants it.
		if err := os.WriteFile(fmt.Sprintf("/proc/%d/%s", pid, kind), []byte(identityMap(string(own))), 0); err != nil {
			return namespaceError(errors.Wrap(err, "ids"), true)
		}
	}
	return nil
}

// identityMap makes the map of a user namespace inside the one with this map. A line has an id inside, the id that it is
// outside, and how many follow one another. The first id has a line of its own: a map that is that of the machine to the
// letter is taken for it by runc, and by moby/sys/userns, which is asked in many places.
func identityMap(own string) string {
	var lines strings.Builder
	for line := range strings.Lines(own) {
		var first, outside, count int64
		if _, err := fmt.Sscan(line, &first, &outside, &count); err != nil {
			continue
		}
		if first == 0 && count > 1 {
			fmt.Fprintln(&lines, "0 0 1")
			first, count = 1, count-1
		}
		fmt.Fprintln(&lines, first, first, count)
	}
	return lines.String()
}
