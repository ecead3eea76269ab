package document

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pkg/errors"
)

// LockName is the name that a lock file has where none is given.
const LockName = "lambda.lock.json"

// Lock is a lock file: a snapshot of each runtime.
type Lock struct {
	Version   int         `json:"version"`
	Snapshots []*Snapshot `json:"snapshots"` // by runtime
}

// NewLock returns a lock file of snapshots, one for each runtime.
func NewLock(snapshots ...*Snapshot) *Lock {
	l := &Lock{Version: Version, Snapshots: []*Snapshot{}}
	for _, s := range snapshots {
		l.Set(s)
	}
	return l
}

// Find returns the snapshot of a runtime; nil where it has none.
func (l *Lock) Find(runtime string) *Snapshot {
	for _, s := range l.Snapshots {
		if s.Runtime == runtime {
			return s
		}
	}
	return nil
}

// Field returns the name of the field that the snapshot of a runtime is, as errors have it.
func (l *Lock) Field(runtime string) string {
	return fmt.Sprintf("snapshots[%d]", slices.IndexFunc(l.Snapshots, func(s *Snapshot) bool { return s.Runtime == runtime }))
}

// Runtimes returns the names of the runtimes that are locked.
func (l *Lock) Runtimes() (names []string) {
	for _, s := range l.Snapshots {
		names = append(names, s.Runtime)
	}
	return names
}

// Repository returns the one that all snapshots are of; empty where there are several, or none.
func (l *Lock) Repository() string {
	if len(l.Snapshots) == 0 {
		return ""
	}
	repository := l.Snapshots[0].Repository
	if slices.ContainsFunc(l.Snapshots, func(s *Snapshot) bool { return s.Repository != repository }) {
		return ""
	}
	return repository
}

// Set puts a snapshot in the place of the one of the same runtime.
func (l *Lock) Set(s *Snapshot) {
	l.Snapshots = slices.DeleteFunc(l.Snapshots, func(old *Snapshot) bool { return old.Runtime == s.Runtime })
	l.Snapshots = append(l.Snapshots, s)
	slices.SortFunc(l.Snapshots, func(a, b *Snapshot) int { return strings.Compare(a.Runtime, b.Runtime) })
}

// ParseLock reads a lock file. Errors name the file, and the field.
func ParseLock(name string, dt []byte) (*Lock, error) {
	l := &Lock{}
	if err := decode(name, dt, l); err != nil {
		return nil, err
	}
	if err := l.validate(); err != nil {
		return nil, wrapField(err, name)
	}
	return l, nil
}

// Marshal returns the file as it is written: the same one in the same bytes.
func (l *Lock) Marshal() ([]byte, error) { return encode(l) }

func (l *Lock) validate() error {
	if err := checkVersion(l.Version); err != nil {
		return err
	}
	seen := map[string]bool{}
	for i, s := range l.Snapshots {
		if s == nil {
			return fieldError(errors.New("is null"), "snapshots[%d]", i)
		}
		if err := s.Validate(); err != nil {
			return fieldError(err, "snapshots[%d]", i)
		}
		if seen[s.Runtime] {
			return fieldError(errors.Errorf("%s is there twice", s.Runtime), "snapshots[%d].runtime", i)
		}
		seen[s.Runtime] = true
	}
	return nil
}
