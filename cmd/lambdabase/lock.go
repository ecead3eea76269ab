package main

import (
	"context"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"lambdabase/internal/catalog"
	"lambdabase/internal/document"
	"lambdabase/internal/printable"

	"github.com/pkg/errors"
	"github.com/spf13/cobra"
)

type lockCommand struct {
	request
	output        string
	update, check bool
}

func newLock() *cobra.Command {
	l := &lockCommand{}
	c := &cobra.Command{
		Use:   "lock RUNTIME... | lock --update [RUNTIME...] | lock --check [RUNTIME...]",
		Short: "Write a lock file, which builds obey, or tell what has moved since",
		Long: `Write a lock file: the commit of each runtime, its recipes, and the objects of its layers. A build obeys the lambda.lock.json of
its build context, or of the folder that the command works in, and then asks no git server. No object is fetched for a lock.`,
		Example: `  lambdabase lock nodejs20.x python3.12
  lambdabase lock --update                 what changed is printed
  lambdabase lock --check                  for CI: exits with 1 where a branch has moved on`,
		ValidArgsFunction: completeRuntimes,
		RunE: func(c *cobra.Command, args []string) error {
			l.noRun = true
			if err := l.checkArgs(args); err != nil {
				return &usageError{err, c.CommandPath()}
			}
			if err := l.reexec(c.Context(), os.Stdin); err != nil {
				return err
			}
			return l.run(c.Context(), c.OutOrStdout(), args)
		},
	}
	f := c.Flags()
	f.StringVarP(&l.output, "output", "o", document.LockName, "the lock file")
	f.BoolVar(&l.update, "update", false, "lock these runtimes, or all of the file, anew: the others stay")
	f.BoolVar(&l.check, "check", false, "change nothing, and fail where the file isn't what a new one would be")
	l.addFlags(f, "quiet")
	f.Lookup("platform").Usage = "platforms to lock; all that a runtime has"
	return c
}

func (l *lockCommand) checkArgs(args []string) error {
	switch {
	case l.update && l.check:
		return errors.New("--update writes and --check doesn't: give one of them")
	case !l.update && !l.check && len(args) == 0:
		return errors.New("name a runtime, or give --update or --check for those of the lock file")
	case l.flagSet.Changed("lock"):
		return errors.New("--lock is what a build obeys: the lock file to write is named with --output")
	case l.flagSet.Changed("commit") && len(args) != 1:
		return errors.New("--commit goes with one runtime: name it")
	case l.output == "-":
		return errors.New("--output names a file, which is read as well: it can't be the standard output")
	}
	for _, name := range args {
		if err := checkNotPath(name); err != nil {
			return err
		}
	}
	return l.checkRequest(args...)
}

func (l *lockCommand) run(ctx context.Context, w io.Writer, args []string) error {
	old, err := l.read(args)
	if err != nil {
		return err
	}
	runtimes := args
	if len(runtimes) == 0 {
		runtimes = old.Runtimes()
	}
	if len(runtimes) == 0 {
		return errors.Errorf("%s locks no runtime: name those to lock (lambdabase lock RUNTIME...), or restore the file", printable.Name(l.output))
	}
	if isFile(l.output) {
		l.repositoryLock = l.output
	}
	s, err := l.newSession(ctx)
	if err != nil {
		return err
	}
	defer s.close()
	answers, err := l.lockRuntimes(ctx, s, old, runtimes)
	if err != nil {
		return err
	}
	changes := compareLocks(old, answers)
	if l.check {
		return l.report(w, changes)
	}
	changed := document.NewLock(append(slices.Clone(old.Snapshots), answers.found.Snapshots...)...)
	if err := l.write(changed); err != nil {
		return err
	}
	return printChanges(w, changes)
}

// read reads the lock file that is there. One that is written anew must not lose a runtime that nobody names.
func (l *lockCommand) read(args []string) (*document.Lock, error) {
	if !isFile(l.output) && !l.update && !l.check {
		return document.NewLock(), nil
	}
	old, err := openLock(l.output)
	if err != nil {
		return nil, err
	}
	var lost []string
	for _, name := range old.Runtimes() {
		if !slices.Contains(args, name) {
			lost = append(lost, name)
		}
	}
	if len(lost) > 0 && !l.update && !l.check {
		return nil, lostError(l.output, lost, args)
	}
	for _, name := range args {
		if _, err := findLocked(old, l.output, name); l.check && err != nil {
			return nil, err
		}
	}
	return old, nil
}

// lostError says which runtimes a lock file would lose, and which of them may be meant by a name that nobody knows.
func lostError(name string, lost, args []string) error {
	err := errors.Errorf("%s locks %s too: name them all, or change some with --update", printable.Name(name), strings.Join(lost, ", "))
	for _, arg := range args {
		near := slices.DeleteFunc(catalog.Nearest(arg), func(n string) bool { return !slices.Contains(lost, n) })
		if len(near) > 0 && !slices.Contains(catalog.Names(), arg) {
			return errors.Errorf("%v (did you mean %s by %s?)", err, near[0], arg)
		}
	}
	return err
}

// lockRuntimes asks for what the repository says of the runtimes today and, to check the lock, of the commits that they are locked
// to: for the platforms that a runtime is locked for, if it is and none are named.
func (l *lockCommand) lockRuntimes(ctx context.Context, s *session, old *document.Lock, runtimes []string) (*lockAnswers, error) {
	found, locked := newDocuments(), newDocuments()
	var targets []target
	for _, runtime := range runtimes {
		t, err := l.newDocumentTarget(runtime, found)
		if err != nil {
			return nil, err
		}
		entry := old.Find(runtime)
		switch {
		case entry != nil:
			l.addLocked(t.attrs, entry)
		case t.attrs["repository"] == "":
			t.attrs["repository"] = old.Repository()
		}
		targets = append(targets, t)
		if l.check && entry != nil {
			t.attrs = maps.Clone(t.attrs)
			t.attrs["commit"], t.build = entry.Commit, unlessGone(locked.build)
			targets = append(targets, t)
		}
	}
	_, err := s.solve(ctx, targets...)
	return &lockAnswers{found: found.Lock, locked: locked.Lock, checked: l.check}, err
}

// addLocked names what the lock says and the user doesn't.
func (l *lockCommand) addLocked(attrs map[string]string, locked *document.Snapshot) {
	if attrs["repository"] == "" {
		attrs["repository"] = locked.Repository
	}
	if attrs["platform"] == "" {
		attrs["platform"] = strings.Join(locked.PlatformNames(), ",")
	}
}

func (l *lockCommand) write(changed *document.Lock) error {
	dt, err := changed.Marshal()
	if err != nil {
		return err
	}
	return errors.Wrap(writeFileAtomic(l.output, dt), "lock file")
}

// report prints what has moved, which fails.
func (l *lockCommand) report(w io.Writer, changes []snapshotChange) error {
	if err := printChanges(w, changes); err != nil {
		return err
	}
	for _, c := range changes {
		if c.isChange() {
			return exitCodeError(exitFailed)
		}
	}
	return nil
}
