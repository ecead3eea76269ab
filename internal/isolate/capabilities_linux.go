package isolate

import (
	"os"
	"strconv"
	"strings"

	"github.com/pkg/errors"
	"golang.org/x/sys/unix"
)

// hasCapability reports whether this process has a capability, which root need not in a container.
func hasCapability(capability uint) (bool, error) {
	var sets [2]unix.CapUserData // 32 capabilities each
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	if err := unix.Capget(&header, &sets[0]); err != nil {
		return false, errors.Wrap(err, "capabilities")
	}
	return sets[capability/32].Effective&(1<<(capability%32)) != 0, nil
}

func allCapabilities() ([]uintptr, error) {
	text, err := os.ReadFile("/proc/sys/kernel/cap_last_cap")
	if err != nil {
		return nil, errors.Wrap(err, "capabilities of the kernel")
	}
	last, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return nil, errors.Wrap(err, "capabilities of the kernel")
	}
	all := make([]uintptr, last+1)
	for i := range all {
		all[i] = uintptr(i)
	}
	return all, nil
}
