// Package mirror is the form of a mirror: snapshots and their objects, kept in a registry or an OCI layout.
//
// A snapshot is an ordinary image manifest: its config has the document of the snapshot as a label, and its layers are the
// objects as they are, under their own digest. So a registry keeps what is needed, and whatever copies images copies it. One
// manifest is for all platforms, and says linux/amd64.
package mirror

import (
	"net/url"
	"regexp"
	"strings"

	"lambdabase/internal/weburl"

	"github.com/distribution/reference"
	"github.com/pkg/errors"
)

const (
	// SnapshotLabel is the label of the config that has the document of the snapshot.
	SnapshotLabel = "lambdabase.snapshot"
	// CatalogLabel is the label of the catalog's config that lists the runtimes: catalog.Runtime, as JSON.
	CatalogLabel = "lambdabase.catalog"
	// CatalogTag is the tag of the catalog, an image like a snapshot's.
	CatalogTag = "lambdabase-catalog"
	// ObjectMediaType is that of a layer: a tarball as it is.
	ObjectMediaType = "application/vnd.lambdabase.object.v1.tar+xz"
	// Platform is the one that every image of a mirror says it is for.
	Platform = "linux/amd64"
	// StoreID is the name under which a client's session has the blobs of an OCI layout.
	StoreID = "lambdabase-mirror"

	registryScheme = "oci://"
	layoutScheme   = "oci-layout:"
	dockerHub      = "docker.io"
)

// Location is where a mirror is: either of the two.
type Location struct {
	Repository string // host/name of a registry
	Layout     string // folder of an OCI layout
}

// IsLocation reports whether a text claims to be the location of a mirror.
func IsLocation(s string) bool {
	return strings.HasPrefix(s, registryScheme) || strings.HasPrefix(s, layoutScheme)
}

// ParseLocation reads "oci://registry/name" or "oci-layout:DIR". Errors never repeat what may be a credential.
func ParseLocation(s string) (Location, error) {
	if dir, ok := strings.CutPrefix(s, layoutScheme); ok {
		if dir == "" {
			return Location{}, errors.New("want oci-layout:DIR")
		}
		return Location{Layout: dir}, nil
	}
	name, ok := strings.CutPrefix(s, registryScheme)
	if !ok {
		return Location{}, errors.New("want oci://registry/name or oci-layout:DIR")
	}
	if strings.Contains(name, "@") {
		return Location{}, errors.New("want oci://registry/name, without user information and without a digest; credentials are those of docker login")
	}
	named, err := reference.ParseNamed(name)
	if errors.Is(err, reference.ErrNameNotCanonical) {
		return Location{}, errors.New("want oci://registry/name with the registry as it is written in full: registry.example, localhost:5000, docker.io")
	}
	if err != nil || !reference.IsNameOnly(named) {
		return Location{}, errors.New("want oci://registry/name, without a tag: a runtime has one of its own")
	}
	if _, err := url.Parse("https://" + named.Name()); err != nil { // an address of IPv6 that is none
		return Location{}, errors.New("want oci://registry/name: the registry is no host")
	}
	return Location{Repository: named.Name()}, nil
}

// String returns the location as it is given.
func (l Location) String() string {
	if l.Layout != "" {
		return layoutScheme + l.Layout
	}
	return registryScheme + l.Repository
}

// Image returns the name of an image, as a registry's client takes it.
func (l Location) Image(tag string) string {
	if l.Layout != "" {
		return l.String() + ":" + tag
	}
	return l.Repository + ":" + tag
}

// Host returns the registry, with its port; empty for a layout.
func (l Location) Host() string {
	host, _, _ := strings.Cut(l.Repository, "/")
	return host
}

// BlobURL returns where the registry serves an object, if it lets anybody read.
func (l Location) BlobURL(oid string) string {
	host, name, _ := strings.Cut(l.Repository, "/")
	scheme := "https"
	if l.IsPlainHTTP() {
		scheme = "http"
	}
	if host == dockerHub {
		host = "registry-1.docker.io"
	}
	return scheme + "://" + host + "/v2/" + name + "/blobs/sha256:" + oid
}

// IsZero reports whether it is no location.
func (l Location) IsZero() bool { return l == Location{} }

// IsPlainHTTP reports whether the registry is asked without TLS: on this machine alone.
func (l Location) IsPlainHTTP() bool {
	u := url.URL{Host: l.Host()}
	return weburl.IsLoopback(u.Hostname())
}

var tagRE = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$`)

// Tag returns the tag of a runtime's snapshot: of a commit, or without one the latest that was mirrored.
func Tag(runtime, commit string) (string, error) {
	tag := runtime
	if commit != "" {
		tag += "-" + commit
	}
	if !tagRE.MatchString(tag) || tag == CatalogTag {
		return "", errors.Errorf("runtime %s can't be in a mirror: its name can't be a tag", runtime)
	}
	return tag, nil
}
