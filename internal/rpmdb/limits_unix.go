//go:build linux || darwin

package rpmdb

import (
	"fmt"
	"os"
	"os/signal"

	"github.com/pkg/errors"
	"golang.org/x/sys/unix"
)

// set limits this process. Of its time it is told, so that it can say why it ends; if it doesn't, it is killed.
func (l limits) set() error {
	cpu, memory := uint64(l.cpu), uint64(l.memory)
	over := make(chan os.Signal, 1)
	signal.Notify(over, unix.SIGXCPU)
	go func() {
		<-over
		fmt.Fprintf(os.Stderr, "that takes more than %d seconds\n", l.cpu)
		os.Exit(exitBroken)
	}()
	if err := unix.Setrlimit(unix.RLIMIT_CPU, &unix.Rlimit{Cur: cpu, Max: cpu + 5}); err != nil {
		return errors.Wrap(err, "limit of time")
	}
	return errors.Wrap(unix.Setrlimit(unix.RLIMIT_DATA, &unix.Rlimit{Cur: memory, Max: memory}), "limit of memory")
}
