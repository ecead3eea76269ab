package document

import (
	"io/fs"
	"net/url"
	"path"
	"regexp"
	"strings"
	"unicode/utf8"

	"lambdabase/internal/catalog"
	"lambdabase/internal/lfs"
	"lambdabase/internal/mirror"
	"lambdabase/internal/printable"
	"lambdabase/internal/recipe"

	"github.com/opencontainers/go-digest"
	"github.com/pkg/errors"
)

var oidRE = regexp.MustCompile(`^[0-9a-f]{64}$`)

// Validate says what in the snapshot can't be, and in which field. A recipe is read again: that its layers are those of its
// text shows a change of either.
func (s *Snapshot) Validate() error {
	if err := checkVersion(s.Version); err != nil {
		return err
	}
	if err := catalog.CheckName(s.Runtime); err != nil {
		return fieldError(err, "runtime")
	}
	if err := checkRepository(s.Repository); err != nil {
		return fieldError(err, "repository")
	}
	if !catalog.IsCommit(s.Commit) {
		return fieldError(errors.Errorf("%q is no full commit id, want 40 or 64 lower-case hexadecimal digits", s.Commit), "commit")
	}
	if s.Date.Unix() < 0 || s.Date.UTC().Year() > catalog.MaxYear {
		return fieldError(errors.New("want a date from 1970 on, up to the year 9999"), "date")
	}
	return s.validatePlatforms()
}

// scpRE matches an SSH remote as git has it without a scheme: git@host:path.
var scpRE = regexp.MustCompile(`^([^@/:]+@)?[^@/:]+:.+$`)

// checkRepository takes the URL of a git repository that can be shown, and holds no credential.
func checkRepository(repository string) error {
	if repository == "" {
		return errors.New("missing")
	}
	if printable.Name(repository) != repository || mirror.IsLocation(repository) {
		return errors.Errorf("%q is no URL of a git repository", repository)
	}
	u, err := url.Parse(repository)
	password := false
	if err == nil {
		_, password = u.User.Password()
	}
	switch {
	case err != nil || u.Host == "":
		if !scpRE.MatchString(repository) {
			return errors.Errorf("%q is no URL of a git repository", repository)
		}
	case password, u.User != nil && u.Scheme != "ssh":
		return errors.Errorf("the URL of host %s has user information in it", u.Host)
	case u.RawQuery != "" || u.Fragment != "":
		return errors.Errorf("the URL of host %s has a query or a fragment", u.Host)
	}
	return nil
}

func checkVersion(version int) error {
	if version == Version {
		return nil
	}
	return fieldError(errors.Errorf("%d, want %d: it was made by another version of lambdabase, or is no such document", version, Version), "version")
}

func (s *Snapshot) validatePlatforms() error {
	if len(s.Platforms) == 0 {
		return fieldError(errors.New("there is none"), "platforms")
	}
	names, sizes := map[string]bool{}, map[string]int64{}
	for i, p := range s.Platforms {
		if names[p.Name] {
			return fieldError(errors.Errorf("%s is there twice", p.Name), "platforms[%d].platform", i)
		}
		names[p.Name] = true
		if err := s.validatePlatform(p, sizes); err != nil {
			return fieldError(err, "platforms[%d]", i)
		}
	}
	return nil
}

func (s *Snapshot) validatePlatform(p Platform, sizes map[string]int64) error {
	arch, ok := strings.CutPrefix(p.Name, "linux/")
	if !ok || arch != "amd64" && arch != "arm64" {
		return fieldError(errors.Errorf("%q, want linux/amd64 or linux/arm64", p.Name), "platform")
	}
	adds, err := s.validateRecipe(p.Recipe, arch)
	if err != nil {
		return fieldError(err, "recipe")
	}
	if len(p.Layers) != len(adds) {
		return fieldError(errors.Errorf("%d, and the recipe adds %d", len(p.Layers), len(adds)), "layers")
	}
	for i, l := range p.Layers {
		if want := path.Join(path.Dir(p.Recipe.Path), adds[i].Source); l.Path != want {
			return fieldError(errors.Errorf("%q, and the recipe adds %q", l.Path, want), "layers[%d].path", i)
		}
		if err := validatePointer(l.Pointer, sizes); err != nil {
			return fieldError(err, "layers[%d]", i)
		}
	}
	return nil
}

func (s *Snapshot) validateRecipe(r Recipe, arch string) ([]recipe.Add, error) {
	if !fs.ValidPath(r.Path) || r.Path == "." {
		return nil, fieldError(errors.Errorf("%q is no plain path of a file", r.Path), "path")
	}
	if found := recipe.ArchOf(r.Path); found != arch && (found != "" || arch != "amd64") {
		return nil, fieldError(errors.Errorf("%q is not of linux/%s", r.Path, arch), "path")
	}
	if err := recipe.CheckRuntime(r.Path, s.Runtime); err != nil {
		return nil, fieldError(err, "path")
	}
	if !utf8.ValidString(r.Text) {
		return nil, fieldError(errors.New("it isn't UTF-8, so that a document can't hold it"), "text")
	}
	if found := digest.FromString(r.Text); found != r.Digest {
		return nil, fieldError(errors.Errorf("%q, and the text has %s", r.Digest, found), "digest")
	}
	adds, err := recipe.ParseAdds(r.Path, []byte(r.Text))
	if err != nil {
		return nil, fieldError(err, "text")
	}
	return adds, nil
}

func validatePointer(p lfs.Pointer, sizes map[string]int64) error {
	if !oidRE.MatchString(p.OID) {
		return fieldError(errors.Errorf("%q, want 64 lower-case hexadecimal digits", p.OID), "oid")
	}
	if p.Size < 0 || p.Size > lfs.MaxObjectSize {
		return fieldError(errors.Errorf("%d bytes, at most %d are expected", p.Size, int64(lfs.MaxObjectSize)), "size")
	}
	if err := p.Validate(); err != nil {
		return fieldError(err, "size")
	}
	if known, ok := sizes[p.OID]; ok && known != p.Size {
		return fieldError(errors.Errorf("%d bytes, and %d elsewhere for the same oid", p.Size, known), "size")
	}
	sizes[p.OID] = p.Size
	return nil
}
