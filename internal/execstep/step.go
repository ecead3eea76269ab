package execstep

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"lambdabase/internal/execstep/contract"
	"lambdabase/internal/httpclient"
	"lambdabase/internal/panics"
	"lambdabase/internal/redact"
	"lambdabase/internal/secrets"

	"github.com/pkg/errors"
)

// Run runs the step that the arguments name. Its output is for the progress of the build.
func Run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	s := &step{out: contract.OutDir, cache: contract.CacheDir, secrets: contract.SecretsDir, stdout: stdout, progress: stderr}
	if err := setProxies(secrets.Dir(s.secrets)); err != nil {
		return s.recordFailure(err)
	}
	return s.run(ctx, args)
}

// setProxies takes proxies with a password from secrets, and ALL_PROXY, which net/http doesn't know, for those that are not
// given. It comes before anything asks net/http, which looks but once.
func setProxies(secret secrets.Source) error {
	for _, name := range contract.Proxies {
		value, ok := secret(name)
		if !ok {
			continue
		}
		// net/http ignores what it can't read, and asks without a proxy.
		if !isProxyURL(strings.TrimSpace(value)) {
			return errors.Errorf("secret %s is no URL, want http://user:password@host:port with what is special in the password escaped (%%40 for @)", name)
		}
		os.Setenv(name, strings.TrimSpace(value))
	}
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY"} {
		if os.Getenv(name) == "" && os.Getenv(strings.ToLower(name)) == "" {
			os.Setenv(name, cmp.Or(os.Getenv("ALL_PROXY"), os.Getenv("all_proxy")))
		}
	}
	return nil
}

// isProxyURL refuses an "@" behind the host: a "/" of the password that isn't escaped would have its beginning taken for
// the port, and another host be asked.
func isProxyURL(value string) bool {
	u, err := url.Parse(value)
	return err == nil && u.Host != "" && !strings.Contains(u.Path+u.RawQuery+u.Fragment, "@")
}

func (s *step) run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet(args[0], flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&s.repository, "repository", "", "Git URL")
	flags.StringVar(&s.server, "server", "", "URL of the LFS batch API, where it is not the repository's own")
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	switch {
	case args[0] == "fetch" && flags.NArg() == 2:
		return s.recordFailure(panics.Do(func() error { return s.fetch(ctx, flags.Arg(0), flags.Arg(1)) }))
	case args[0] == "branches" && flags.NArg() == 0:
		return s.recordFailure(panics.Do(func() error { return s.listBranches(ctx) }))
	case args[0] == "failure" && flags.NArg() == 0:
		return s.printFailure()
	}
	return errors.Errorf("unknown step %q, want fetch OID SIZE, branches or failure", args)
}

type step struct {
	repository, server  string
	out, cache, secrets string // directories
	stdout, progress    io.Writer
}

// recordFailure leaves the reason of a failure where the frontend finds it: an exit code is all that a step tells otherwise.
func (s *step) recordFailure(err error) error {
	if err == nil {
		return nil
	}
	text := redact.Text(err.Error()) + httpclient.CAHint(err)
	if werr := os.WriteFile(filepath.Join(s.out, contract.FailureFile), []byte(text), 0o600); werr != nil {
		text += fmt.Sprintf(" (and the reason can't be told: %v)", werr)
	}
	return errors.New(text)
}

func (s *step) printFailure() error {
	dt, err := os.ReadFile(filepath.Join(s.out, contract.FailureFile))
	if err != nil {
		return errors.Wrap(err, "reason")
	}
	_, err = s.stdout.Write(dt)
	return err
}
