package sample

import (
	"os"
	"runtime"
	"slices"
	"sync"
	"time"

	"lambdabase/internal/panics"

	"github.com/pkg/errors"
)

// Branch is one runtime's branch: what its single commit holds.
type Branch struct {
	Name  string
	Date  time.Time         // of author and committer, UTC
	Files map[string][]byte // plain files of the tree: Dockerfiles, README.md, .gitattributes ...
	LFS   map[string][]byte // path to content; the tree holds the pointer
}

// UpstreamOptions says how large the made-up repository is and what it can run.
type UpstreamOptions struct {
	// Scale of the objects: 1 makes them as large as the real ones, 0.001 suits tests, 0 leaves the
	// fixed entries alone.
	Scale float64
	// Shell is the path of a static amd64 busybox. It goes into the OS layer of the x86_64 images of
	// nodejs20.x and provided.al2023, and so into all that share it. None if empty.
	Shell string
	// Branches to make; all if empty. An object is the same whatever the selection.
	Branches []string
	// Release counts snapshots: each is a week later and, as measured upstream, keeps the OS and the
	// emulator and has all other layers anew under new names.
	Release int
}

// Upstream is the branches of the real repository as of 2024-10 with made-up layers. One upstream
// object is one made-up object, and distinct ones stay distinct.
func Upstream(opts UpstreamOptions) ([]Branch, error) {
	all, err := branchSpecs()
	if err != nil {
		return nil, err
	}
	generator, err := newGenerator(all, opts)
	if err != nil {
		return nil, err
	}
	chosen, err := choose(all, opts.Branches)
	if err != nil {
		return nil, err
	}
	if err := generator.makeObjects(chosen); err != nil {
		return nil, err
	}
	var branches []Branch
	for _, f := range chosen {
		b, err := generator.branch(f)
		if err != nil {
			return nil, errors.Wrapf(err, "branch %s", f.Branch)
		}
		branches = append(branches, b)
	}
	return branches, nil
}

// choose leaves the facts of the named branches, in the order of the facts.
func choose(all []branchSpec, names []string) ([]branchSpec, error) {
	var chosen []branchSpec
	for _, f := range all {
		if len(names) == 0 || slices.Contains(names, f.Branch) {
			chosen = append(chosen, f)
		}
	}
	if len(names) > 0 && len(chosen) != len(names) {
		return nil, errors.Errorf("unknown or repeated branch among %q", names)
	}
	return chosen, nil
}

// generator turns facts into branches and makes each object once.
type generator struct {
	opts      UpstreamOptions
	databases map[string]rpmDatabase
	layers    map[string]layer  // by upstream's oid
	objects   map[string][]byte // likewise
}

// newGenerator plans every object from all the facts, so that no object depends on which branches are
// made or in which order.
func newGenerator(all []branchSpec, opts UpstreamOptions) (*generator, error) {
	if opts.Scale < 0 || opts.Release < 0 {
		return nil, errors.New("negative scale or release")
	}
	shell, err := readShell(opts.Shell)
	if err != nil {
		return nil, err
	}
	databases, err := readDatabases()
	if err != nil {
		return nil, err
	}
	m := &generator{opts: opts, databases: databases, layers: map[string]layer{}, objects: map[string][]byte{}}
	for _, f := range all {
		for _, d := range f.Dockerfiles {
			for _, a := range d.Add {
				m.plan(f.Branch, a, shell)
			}
		}
	}
	return m, nil
}

func readShell(path string) ([]byte, error) {
	if path == "" {
		return nil, nil
	}
	content, err := os.ReadFile(path)
	return content, errors.Wrap(err, "shell")
}

// plan notes what the object of one ADD will be; the first branch to name it gives it its name.
func (m *generator) plan(branch string, a add, shell []byte) {
	l, known := m.layers[a.OID]
	if !known {
		l = layer{kind: a.Kind, seed: m.seed(a), runtime: branch, system: systemOf(a)}
		l.size = int64(float64(a.Size) * m.opts.Scale)
		if a.Kind == operatingSystem {
			l.packages = m.databases[l.system.version+"/"+a.machine()]
		}
	}
	if hasShell(branch, a) {
		l.shell = shell
	}
	m.layers[a.OID] = l
}

// branch makes the tree of one branch.
func (m *generator) branch(f branchSpec) (Branch, error) {
	f = f.atRelease(m.opts.Release)
	b := Branch{Name: f.Branch, Date: f.Date, Files: plainFiles(f), LFS: map[string][]byte{}}
	for _, d := range f.Dockerfiles {
		for _, a := range d.Add {
			b.LFS[a.TreePath] = m.objects[a.OID]
		}
	}
	return b, nil
}

// makeObjects makes the objects of branches, as many at once as there are processors: each is what its own layer says.
func (m *generator) makeObjects(branches []branchSpec) error {
	var mu sync.Mutex
	group := panics.NewGroup()
	group.SetLimit(runtime.GOMAXPROCS(0))
	for oid := range oidsOf(branches) {
		group.Go(func() error {
			content, err := m.layers[oid].tarball()
			mu.Lock()
			defer mu.Unlock()
			m.objects[oid] = content
			return errors.Wrapf(err, "object in the place of %s", oid)
		})
	}
	return group.Wait()
}

func oidsOf(branches []branchSpec) map[string]bool {
	oids := map[string]bool{}
	for _, b := range branches {
		for _, d := range b.Dockerfiles {
			for _, a := range d.Add {
				oids[a.OID] = true
			}
		}
	}
	return oids
}
