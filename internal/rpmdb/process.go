package rpmdb

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/moby/sys/reexec"
	"github.com/pkg/errors"
)

// childName is the program's name in a process that reads a database.
const childName = "lambdabase-rpmdb"

// limits of a process that reads a database. One of 33 MB takes less than 1 s and 256 MB.
type limits struct {
	cpu    int // seconds
	memory int // bytes
}

var defaultLimits = limits{cpu: 30, memory: 1 << 30}

const (
	// timeout bounds a child that Linux doesn't.
	timeout = 10 * time.Minute
	// maxOutput is more bytes than any list of packages has.
	maxOutput = 32 << 20
)

// parse has another process read a database from a file in a folder of its own.
func (l limits) parse(ctx context.Context, file string) ([]Package, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	stdout, stderr := &limitedBuffer{left: maxOutput}, &limitedBuffer{left: maxOutput}
	cmd := exec.CommandContext(ctx, reexec.Self())
	cmd.Args = []string{childName, filepath.Base(file), strconv.Itoa(l.cpu), strconv.Itoa(l.memory)}
	cmd.Dir = filepath.Dir(file)
	cmd.Env = []string{"GOTRACEBACK=none"} // and nothing that is the user's
	cmd.Stdout, cmd.Stderr = stdout, stderr
	if err := cmd.Run(); err != nil {
		return nil, l.explain(ctx, err, stderr.buf.String())
	}
	var packages []Package
	return packages, errors.Wrap(json.Unmarshal(stdout.buf.Bytes(), &packages), "list of packages")
}

// explain says why a process has failed.
func (l limits) explain(ctx context.Context, err error, stderr string) error {
	var exit *exec.ExitError
	text, _, _ := strings.Cut(strings.TrimSpace(stderr), "\n")
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case !errors.As(err, &exit):
		return err
	case exit.ExitCode() == exitBroken:
		return errors.Errorf("it can't be read: %s", text)
	}
	return errors.Errorf("it is broken, or takes more than %d MB of memory: what reads it has ended with %v: %s", l.memory>>20, err, text)
}

// RunChild reads a database and returns true, if that is what this process was started for.
func RunChild() bool {
	if os.Args[0] != childName {
		return false
	}
	os.Exit(runChild(os.Args[1:]))
	return true
}

// limitedBuffer takes so many bytes, and fails for more.
type limitedBuffer struct {
	buf  bytes.Buffer
	left int
}

func (b *limitedBuffer) Write(p []byte) (int, error) {
	if b.left -= len(p); b.left < 0 {
		return 0, errors.Errorf("it has too much to say: over %d bytes", maxOutput)
	}
	return b.buf.Write(p)
}
