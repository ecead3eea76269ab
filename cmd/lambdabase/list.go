package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"lambdabase/frontend"
	"lambdabase/internal/branches"
	"lambdabase/internal/catalog"
	"lambdabase/internal/gitssh"
	"lambdabase/internal/lfsstore"
	"lambdabase/internal/mirror"
	"lambdabase/internal/mirror/store"
	"lambdabase/internal/printable"

	"github.com/docker/go-units"
	"github.com/pkg/errors"
	"github.com/spf13/cobra"
)

type listCommand struct {
	backend    backend
	repository string
	knownHosts string
	secrets    []string
	json       bool
	sample     bool
}

func newList() *cobra.Command {
	l := &listCommand{}
	c := &cobra.Command{
		Use:   "list",
		Short: "List the runtimes that the repository has",
		Example: `  lambdabase list
  lambdabase list --repository oci://registry.example/lambda
  lambdabase list --json | jq -r '.[] | select(.endOfSupport > "2027") | .name'`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return l.run(c) },
	}
	f := c.Flags()
	f.StringVar(&l.repository, "repository", frontend.Upstream, "Git URL of the snapshots; or a mirror, oci://registry/name or oci-layout:DIR")
	f.StringVar(&l.knownHosts, "known-hosts", "", "host keys of an SSH repository, as ssh-keyscan prints them")
	f.StringArrayVar(&l.secrets, "secret", nil, "secret, as in 'id=GIT_AUTH_TOKEN.git.example,env=TOKEN'")
	f.StringVar(&l.backend.root, "root", "", "folder of the cache (LAMBDABASE_ROOT; the user's cache folder)")
	f.BoolVar(&l.json, "json", false, "print JSON")
	f.BoolVar(&l.sample, "sample", false, "list a sample of AWS's repository, made on the spot")
	return c
}

func (l *listCommand) run(c *cobra.Command) error {
	if err := l.check(); err != nil {
		return &usageError{err, c.CommandPath()}
	}
	context.AfterFunc(c.Context(), l.backend.exitSoon)
	if mirror.IsLocation(l.repository) {
		found, commits, err := l.listMirror(c.Context())
		if err != nil {
			return err
		}
		return l.print(c, found, commits)
	}
	key := l.repository
	if l.sample {
		stop, url, _, err := l.backend.serveSample()
		if err != nil {
			return err
		}
		defer stop()
		l.repository, key = url, sampleKey // which has another port every time
	}
	found, err := l.list(c.Context(), key)
	if err != nil {
		return err
	}
	return l.print(c, found, nil)
}

// list lists the repository, whose list is kept by a key.
func (l *listCommand) list(ctx context.Context, key string) ([]catalog.Runtime, error) {
	if _, err := l.backend.ensureCacheDir(listDir); err != nil {
		return nil, err
	}
	found, err := l.listBranches(ctx, l.backend.listFile(key))
	if err != nil {
		return nil, fmt.Errorf("branches of %s: %w", l.repository, err)
	}
	return found, nil
}

// listMirror lists what a mirror has, by its tags, and keeps the latest for names to be completed.
func (l *listCommand) listMirror(ctx context.Context) (found []catalog.Runtime, commits map[string][]string, err error) {
	location, err := mirror.ParseLocation(l.repository)
	if err != nil {
		return nil, nil, err
	}
	secrets, err := newSecretStore(l.secrets)
	if err != nil {
		return nil, nil, err
	}
	m, err := store.Open(ctx, location, store.Options{CABundle: secrets.caPEM})
	if err != nil {
		return nil, nil, err
	}
	defer m.Close()
	if found, commits, err = m.List(ctx); err != nil {
		return nil, nil, err
	}
	if _, err := l.backend.ensureCacheDir(listDir); err != nil {
		return nil, nil, err
	}
	return found, commits, branches.Keep(found, l.backend.listFile(l.repository))
}

// listedRuntime is a runtime, and all commits that a mirror has of it.
type listedRuntime struct {
	catalog.Runtime
	Commits []string `json:"commits,omitempty"`
}

// print prints the list; commits are those of a mirror, nil for a repository of git.
func (l *listCommand) print(c *cobra.Command, found []catalog.Runtime, commits map[string][]string) error {
	list := []listedRuntime{}
	for _, r := range catalog.WithEndOfSupport(found) {
		list = append(list, listedRuntime{r, commits[r.Name]})
	}
	if l.json {
		return printJSON(c, list)
	}
	return printRuntimes(c, list, commits != nil)
}

func printJSON(c *cobra.Command, list []listedRuntime) error {
	dt, err := json.MarshalIndent(list, "", "  ")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(c.OutOrStdout(), "%s\n", printable.JSON(dt))
	return err
}

const (
	listDir = "list"
	// sampleKey stands for the sample's repository.
	sampleKey = "sample"
)

// listFile returns the file that a repository's list is kept in. The folder it is in may not be there.
func (b *backend) listFile(repository string) string {
	name := sha256.Sum256([]byte(repository))
	dir, err := b.cachePath(listDir)
	if err != nil {
		return ""
	}
	return filepath.Join(dir, hex.EncodeToString(name[:])+".json")
}

// check finds what makes no sense, as the commands that ask the frontend have it found.
func (l *listCommand) check() error {
	if _, err := newSecretStore(l.secrets); err != nil {
		return err
	}
	if mirror.IsLocation(l.repository) {
		_, err := mirror.ParseLocation(l.repository)
		return errors.Wrap(err, "--repository")
	}
	_, err := frontend.ParseOptions(map[string]string{"repository": l.repository, "known-hosts": l.knownHosts})
	return err
}

// printRuntimes prints a row for each runtime; of a mirror, also how many commits it has of it.
func printRuntimes(c *cobra.Command, list []listedRuntime, isMirror bool) error {
	w := tabwriter.NewWriter(c.OutOrStdout(), 0, 0, 2, ' ', 0)
	header := "RUNTIME\tPLATFORMS\tCOMMIT\tAGE\tSIZE\tEND OF SUPPORT"
	if isMirror {
		header += "\tCOMMITS KEPT"
	}
	fmt.Fprintln(w, header)
	for _, r := range list {
		fmt.Fprintf(w, "%s\t%s\t%.12s\t%s\t%s\t%s", printable.Name(r.Name), printable.Name(strings.Join(r.Platforms, ",")), printable.Name(r.Commit),
			age(r.Date), units.HumanSize(float64(r.Size)), r.EndOfSupport)
		if isMirror {
			fmt.Fprintf(w, "\t%d", len(r.Commits))
		}
		fmt.Fprintln(w)
	}
	return w.Flush()
}

// age is how long ago a date is; a branch may have none that makes sense.
func age(date time.Time) string {
	if date.IsZero() {
		return "?"
	}
	return units.HumanDuration(time.Since(date))
}

// listBranches lists where the user's git would, and with what it knows only where it has to: to find that out by itself is a
// request more.
func (l *listCommand) listBranches(ctx context.Context, file string) ([]catalog.Runtime, error) {
	store, err := newSecretStore(l.secrets)
	if err != nil {
		return nil, err
	}
	git := loadGit(ctx)
	resolved, err := resolveRemote(ctx, git, l.repository)
	if err != nil {
		return nil, err
	}
	store.addGitCredentials(ctx, git, resolved, "")
	remote, err := l.remote(resolved.URL)
	if err != nil {
		return nil, err
	}
	remote.Credentials, remote.CABundle = lfsstore.Credentials(resolved.URL, store.namedSource), store.caPEM
	found, err := branches.ListCached(ctx, remote, file)
	if err == nil || !store.hasGitCredentials() {
		return found, err
	}
	remote.Credentials = lfsstore.Credentials(resolved.URL, store.source)
	remote.Credentials.Describe = store.describe
	return branches.ListCached(ctx, remote, file)
}

// remote returns the repository, with nobody's credentials but those of the SSH agent.
func (l *listCommand) remote(repository string) (branches.Remote, error) {
	remote := branches.Remote{URL: repository, Agent: os.Getenv("SSH_AUTH_SOCK")}
	ssh, isSSH, err := gitssh.ParseRemote(repository)
	if err != nil || !isSSH {
		return remote, err
	}
	remote.KnownHosts, err = gitssh.KnownHosts(l.knownHosts, ssh.Host)
	return remote, err
}
