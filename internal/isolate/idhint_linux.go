package isolate

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"

	sysuser "github.com/moby/sys/user"
	"github.com/moby/sys/userns"
)

// badOwnerRE matches what moby/go-archive (v0.2.0, archive.go) says of a file whose owner or group isn't in the user namespace.
var badOwnerRE = regexp.MustCompile(`failed to Lchown "(.*)" for UID (\d+), GID (\d+)[^:]*: .*invalid argument`)

// IDHint says which id a failed build lacks, and what to do about it; of any other error it says nothing.
func IDHint(err error) string {
	found := badOwnerRE.FindStringSubmatch(err.Error())
	if found == nil || !userns.RunningInUserNS() {
		return ""
	}
	for i, kind := range []string{"uid", "gid"} {
		id, _ := strconv.ParseInt(found[2+i], 10, 64)
		own, _ := os.ReadFile("/proc/self/" + kind + "_map")
		if hint := idHint(kind, id, string(own), hasSubIDs.Load()); hint != "" {
			return found[1] + " has " + hint
		}
	}
	return ""
}

// idHint returns nothing for an id that the map of this process has. That of a container is as its maker wants it.
func idHint(kind string, id int64, own string, hasSubIDs bool) string {
	user, ids := countIDs(own)
	switch {
	case id < ids:
		return ""
	case !hasSubIDs:
		return fmt.Sprintf("the %s %d, and this container has the ids below %d: give it more, or build outside of it", kind, id, ids)
	}
	file := "/etc/sub" + kind
	all, _ := sysuser.ParseSubIDFile(file)
	return fmt.Sprintf("the %s %d, and you have %d subordinate ids: add the line %d:%d:%d to %s",
		kind, id, ids-1, user, nextFreeSubID(all), max(minSubIDs, id+1-ids), file)
}

// countIDs reads the map of a user namespace: the user's own id, and how many ids there are, from 0 on.
func countIDs(idMap string) (user, count int64) {
	for line := range strings.Lines(idMap) {
		var inside, outside, n int64
		if _, err := fmt.Sscan(line, &inside, &outside, &n); err != nil {
			continue
		}
		if inside == 0 {
			user = outside
		}
		count = max(count, inside+n)
	}
	return user, count
}

// nextFreeSubID returns the first id that nobody has.
func nextFreeSubID(all []sysuser.SubID) int64 {
	free := int64(firstSubID)
	for _, r := range all {
		free = max(free, r.SubID+r.Count)
	}
	return free
}
