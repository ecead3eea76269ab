package usergit

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
	"time"

	"github.com/pkg/errors"
)

const (
	// configTimeout is how long git may take to read its configuration.
	configTimeout = 30 * time.Second
	// helperTimeout is how long a credential helper may take, which asks the user perhaps, and helperNoticeDelay how long that
	// is nothing to speak of.
	helperTimeout     = 2 * time.Minute
	helperNoticeDelay = 5 * time.Second
	// pipeGrace is how long what git started may keep its output open when git has ended: a daemon of a helper, or a helper
	// that hangs.
	pipeGrace = 300 * time.Millisecond
)

// helperTimes are the times of a helper.
type helperTimes struct{ noticeAfter, timeout time.Duration }

// run runs git, and gives what it prints.
func run(ctx context.Context, timeout time.Duration, input string, env []string, args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Env, cmd.WaitDelay = env, pipeGrace
	if input != "" {
		cmd.Stdin = strings.NewReader(input)
	}
	out, err := cmd.Output()
	if errors.Is(err, exec.ErrWaitDelay) && ctx.Err() == nil { // git itself went well
		err = nil
	}
	return out, err
}

// config asks git about its configuration.
func config(ctx context.Context, input string, args ...string) ([]byte, error) {
	return run(ctx, configTimeout, input, nil, append([]string{"config"}, args...)...)
}

// runHelper has git's credential helpers answer for a host, and says so if they take long.
func (g Git) runHelper(ctx context.Context, host, question string, env []string) ([]byte, error) {
	notify := func(what string) {
		if g.Notice != nil && ctx.Err() == nil {
			g.Notice(fmt.Sprintf("the credential helper of your git (credential.helper) doesn't answer for %s: %s", host, what))
		}
	}
	long := time.AfterFunc(g.helperTimes.noticeAfter, func() { notify(fmt.Sprintf("waiting for it, at most %s", g.helperTimes.timeout)) })
	defer long.Stop()
	begun := time.Now()
	out, err := run(ctx, g.helperTimes.timeout, question, env, "credential", "fill")
	if err != nil && time.Since(begun) >= g.helperTimes.timeout {
		notify("going on without it")
	}
	return out, err
}
