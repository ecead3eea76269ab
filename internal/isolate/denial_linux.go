package isolate

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/pkg/errors"
)

// sysctls of Linux distributions that keep users from having user namespaces.
var sysctls = []struct{ file, closed, advice string }{
	{"kernel/unprivileged_userns_clone", "0", "root can allow it with sysctl kernel.unprivileged_userns_clone=1"},
	{"kernel/apparmor_restrict_unprivileged_userns", "1",
		"AppArmor keeps it to programs with a profile; root can allow it with sysctl kernel.apparmor_restrict_unprivileged_userns=0"},
	{"user/max_user_namespaces", "0", "root can allow it with sysctl user.max_user_namespaces=15000"},
}

const noMountNS = "no mount namespace, which root may have but in a container without the capability SYS_ADMIN " +
	"(docker run --privileged has it)"

// namespaceError adds to an error of the kernel about namespaces what to do about it.
func namespaceError(err error, inUserNS bool) error {
	switch {
	case !inUserNS:
		return errors.Wrap(err, noMountNS)
	case isRootOutside():
		return errors.Wrap(err, noMountNS+", and no user namespace in its place: "+denialHint("/proc/sys"))
	}
	return errors.Wrap(err, "no user namespace, without which only root can build: "+denialHint("/proc/sys"))
}

// isRootOutside reports whether this process is root of the machine or its container, be it in a user namespace or not.
func isRootOutside() bool {
	ids, err := os.ReadFile("/proc/self/uid_map")
	return err == nil && os.Geteuid() == 0 && strings.HasPrefix(strings.Join(strings.Fields(string(ids)), " "), "0 0 ")
}

func denialHint(sysctl string) string {
	for _, s := range sysctls {
		value, err := os.ReadFile(filepath.Join(sysctl, s.file))
		if err == nil && strings.TrimSpace(string(value)) == s.closed {
			return s.advice
		}
	}
	return "the kernel refuses it, as it does in many containers"
}
