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
	// configLimit is how long git may take to read its configuration.
	configLimit = 30 * time.Second
	// helperLimit is how long a credential helper may take, which asks the user perhaps, and helperPatience how long that
	// is nothing to speak of.
	helperLimit    = 2 * time.Minute
	helperPatience = 5 * time.Second
	// pipeGrace is how long what git started may keep its output open when git has ended: a daemon of a helper, or a helper
	// that hangs.
	pipeGrace = 300 * time.Millisecond
)

// limits are the times of a helper.
type limits struct{ patience, end time.Duration }

// run runs git, and gives what it prints.
func run(ctx context.Context, limit time.Duration, input string, env []string, args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
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
	return run(ctx, configLimit, input, nil, append([]string{"config"}, args...)...)
}

// askHelper has git's credential helpers answer for a host, and says so if they take long.
func (g Git) askHelper(ctx context.Context, host, question string, env []string) ([]byte, error) {
	say := func(what string) {
		if g.Notice != nil && ctx.Err() == nil {
			g.Notice(fmt.Sprintf("the credential helper of your git (credential.helper) doesn't answer for %s: %s", host, what))
		}
	}
	long := time.AfterFunc(g.limits.patience, func() { say(fmt.Sprintf("waiting for it, at most %s", g.limits.end)) })
	defer long.Stop()
	begun := time.Now()
	out, err := run(ctx, g.limits.end, question, env, "credential", "fill")
	if err != nil && time.Since(begun) >= g.limits.end {
		say("going on without it")
	}
	return out, err
}
