package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"lambdabase/frontend"
	"lambdabase/internal/mirror"
	"lambdabase/internal/mirror/store"
	"lambdabase/internal/printable"

	"github.com/pkg/errors"
	"github.com/spf13/cobra"
)

type mirrorCommand struct {
	request
	to, from string
	all      bool
	keep     int

	target, source mirror.Location // source is empty for a git repository
}

func newMirror() *cobra.Command {
	m := &mirrorCommand{}
	c := &cobra.Command{
		Use:   "mirror RUNTIME... --to LOCATION | mirror --all --to LOCATION",
		Short: "Keep runtimes in a registry, or in a folder to carry, to build from for ever",
		Long: `Bring runtimes, with the objects of their layers, into a mirror: a repository of a registry (oci://registry/name), or an OCI layout
(oci-layout:DIR). What is there already isn't moved again, and a run that was interrupted goes on. Commits stay side by side: a
snapshot has the tag RUNTIME-COMMIT, and the latest also RUNTIME. Credentials are those of docker login.`,
		Example: `  lambdabase mirror nodejs20.x python3.12 --to oci://registry.example/lambda
  lambdabase mirror --all --to oci://registry.example/lambda --keep 3
  lambdabase mirror nodejs20.x --from oci://registry.example/lambda --to oci-layout:mirror
  lambdabase mirror --all --from oci-layout:mirror --to oci://registry.inside/lambda`,
		ValidArgsFunction: completeRuntimes,
		RunE: func(c *cobra.Command, args []string) error {
			m.noRun = true
			if err := m.checkArgs(args); err != nil {
				return &usageError{err, c.CommandPath()}
			}
			return m.run(c.Context(), c.OutOrStdout(), args)
		},
	}
	f := c.Flags()
	f.StringVar(&m.to, "to", "", "the mirror: oci://registry/name or oci-layout:DIR")
	f.StringVar(&m.from, "from", "", "another mirror to take all from, in place of the repository")
	f.BoolVar(&m.all, "all", false, "all runtimes that the repository has, or all that the other mirror has, with all commits")
	f.IntVar(&m.keep, "keep", 0, "how many commits of each runtime to keep, the newest: older tags go, and in a layout what they held; all")
	m.addFlags(f, "auto")
	for name, usage := range map[string]string{
		"platform":   "platforms to mirror; all that a runtime has",
		"commit":     "full id of the commit to mirror; the tag RUNTIME names it unless that names one with a later date",
		"repository": "Git URL of the snapshots: https, http, or SSH",
		"objects":    "where their Git LFS objects come from: 'lfs', 'lfs+https://host/path', a URL template, or 'auto', as for a build",
	} {
		f.Lookup(name).Usage = usage
	}
	for _, name := range m.foreignOptions() {
		_ = f.MarkHidden(name)
	}
	return c
}

// foreignOptions returns the options that are about images.
func (m *mirrorCommand) foreignOptions() (names []string) {
	for _, o := range frontend.AllOptions() {
		if o.Name != "runtime" && !slices.Contains([]string{"repository", "commit", "objects", "known-hosts"}, o.Name) {
			names = append(names, o.Name)
		}
	}
	return names
}

// commit returns the one that is named; empty for the latest.
func (m *mirrorCommand) commit() string {
	if !m.flagSet.Changed("commit") {
		return ""
	}
	return *m.optionFlags["commit"]
}

// latest says whether the runtime's own tag is to name what is mirrored.
func (m *mirrorCommand) latest() store.Latest {
	if m.commit() != "" {
		return store.LatestIfNewer
	}
	return store.LatestAlways
}

func (m *mirrorCommand) checkArgs(args []string) (err error) {
	if m.target, m.source, err = m.parseLocations(); err != nil {
		return err
	}
	repository := *m.optionFlags["repository"]
	switch {
	case m.all == (len(args) > 0):
		return errors.New("name runtimes, or give --all")
	case m.flagSet.Changed("commit") && len(args) != 1:
		return errors.New("--commit goes with one runtime")
	case m.flagSet.Changed("keep") && m.keep < 1:
		return errors.New("--keep leaves one commit at least")
	case mirror.IsLocation(repository):
		return errors.New("--repository is a git repository here: another mirror is named with --from")
	case mirror.IsLocation(*m.optionFlags["objects"]):
		return errors.New("--objects is about a git repository here: another mirror is named with --from")
	case m.from != "" && (m.flagSet.Changed("repository") || m.flagSet.Changed("objects") || m.sample):
		return errors.New("--from has snapshots and objects: leave out --repository, --objects and --sample")
	}
	for _, name := range m.foreignOptions() {
		if m.flagSet.Changed(name) {
			return errors.Errorf("--%s is about images: a mirror has what the repository has", name)
		}
	}
	for _, name := range args {
		if err := checkNotPath(name); err != nil {
			return err
		}
		if _, err := mirror.Tag(name, m.commit()); err != nil {
			return err
		}
	}
	return m.checkRequest(args...)
}

func (m *mirrorCommand) parseLocations() (to, from mirror.Location, err error) {
	if m.to == "" {
		return to, from, errors.New("say where to with --to oci://registry/name or --to oci-layout:DIR")
	}
	if to, err = mirror.ParseLocation(m.to); err != nil {
		return to, from, errors.Wrap(err, "--to")
	}
	if m.from == "" {
		return to, from, nil
	}
	if from, err = mirror.ParseLocation(m.from); err != nil {
		return to, from, errors.Wrap(err, "--from")
	}
	if to == from || to.Layout != "" && from.Layout != "" && filepath.Clean(to.Layout) == filepath.Clean(from.Layout) {
		return to, from, errors.New("--from and --to are the same mirror")
	}
	return to, from, nil
}

// run mirrors from another mirror, which needs no BuildKit, or from the repository.
func (m *mirrorCommand) run(ctx context.Context, w io.Writer, args []string) error {
	if m.from != "" {
		context.AfterFunc(ctx, m.exitSoon)
		return m.fromMirror(ctx, w, args)
	}
	if err := m.reexec(ctx, os.Stdin); err != nil {
		return err
	}
	return m.fromRepository(ctx, w, args)
}

// open opens a mirror with the user's CA.
func (m *mirrorCommand) open(ctx context.Context, l mirror.Location, write bool) (*store.Mirror, error) {
	secrets, err := newSecretStore(m.secretFlags)
	if err != nil {
		return nil, err
	}
	return store.Open(ctx, l, store.Options{Write: write, CABundle: secrets.caPEM, OnWait: func() {
		fmt.Fprintf(os.Stderr, "waiting for another lambdabase, which writes to %s\n", printable.Name(l.String()))
	}})
}
