package embedded

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/pkg/errors"
)

// switches of Linux distributions that keep users from having user namespaces.
var switches = []struct{ file, closed, advice string }{
	{"kernel/unprivileged_userns_clone", "0", "root can allow it with sysctl kernel.unprivileged_userns_clone=1"},
	{"kernel/apparmor_restrict_unprivileged_userns", "1",
		"AppArmor keeps it to programs with a profile; root can allow it with sysctl kernel.apparmor_restrict_unprivileged_userns=0"},
	{"user/max_user_namespaces", "0", "root can allow it with sysctl user.max_user_namespaces=15000"},
}

// refusal is an error of the kernel about namespaces, with what to do about it.
func refusal(err error, rootless bool) error {
	if !rootless {
		return errors.Wrap(err, "no mount namespace, which root may have but in a container without the capability SYS_ADMIN "+
			"(docker run --privileged has it)")
	}
	return errors.Wrap(err, "no user namespace, without which only root can build: "+refusedBy("/proc/sys"))
}

func refusedBy(sysctl string) string {
	for _, s := range switches {
		value, err := os.ReadFile(filepath.Join(sysctl, s.file))
		if err == nil && strings.TrimSpace(string(value)) == s.closed {
			return s.advice
		}
	}
	return "the kernel refuses it, as it does in many containers"
}
