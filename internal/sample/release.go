package sample

import (
	"crypto/sha256"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"
)

const week = 7 * 24 * time.Hour

// atRelease is the branch as of a later snapshot: another date, and other names for what is new.
func (f branchSpec) atRelease(n int) branchSpec {
	f.Date = f.Date.Add(time.Duration(n) * week)
	f.Dockerfiles = slices.Clone(f.Dockerfiles)
	for i, d := range f.Dockerfiles {
		adds := slices.Clone(d.Add)
		for j := range adds {
			adds[j].TreePath = releaseName(adds[j].TreePath, adds[j].Kind, n)
			adds[j].Source = releaseName(adds[j].Source, adds[j].Kind, n)
		}
		f.Dockerfiles[i].Add = adds
	}
	return f
}

// releaseName gives a changed tarball another name. Upstream's names are digests of something that is
// not the object, and these are too.
func releaseName(name string, k layerKind, n int) string {
	if n == 0 || k.unchanged() {
		return name
	}
	dir, base := path.Split(name)
	sum := sha256.Sum256(fmt.Appendf(nil, "%s release %d", strings.TrimSuffix(base, ".tar.xz"), n))
	return dir + fmt.Sprintf("%x.tar.xz", sum)
}

// unchanged layers stayed the same between two snapshots a week apart.
func (k layerKind) unchanged() bool {
	return k == operatingSystem || k == emulator
}

// seed of a layer's made-up content: distinct upstream objects get distinct content.
func (m *generator) seed(a add) string {
	if m.opts.Release == 0 || a.Kind.unchanged() {
		return a.OID
	}
	return fmt.Sprintf("%s release %d", a.OID, m.opts.Release)
}
