package catalog

import (
	"regexp"
	"slices"
	"strings"

	"github.com/agext/levenshtein"
	"github.com/distribution/reference"
	"github.com/pkg/errors"
)

// runtimeName matches the forms that mean a runtime where a Dockerfile names an image. Runtimes of the future are among them: a
// branch that doesn't exist is an error that the repository gives.
var (
	runtimeName = regexp.MustCompile(`^(nodejs\d+\.x|python\d+\.\d+|ruby\d+\.\d+|java\d+(\.al\d+)?|dotnet(core)?\d+(\.\d+)?|go\d+\.x|provided(\.al\d+)?)$`)
	commitID    = regexp.MustCompile(`^([0-9a-f]{40}|[0-9a-f]{64})$`)
)

// Image is what a reference to an image means.
type Image struct {
	Runtime string
	Commit  string // empty: the branch's head
	Arch    string // "amd64" or "arm64" where the reference says it
}

// ParseImage reports whether a reference as Docker writes it ("nodejs20.x", "docker.io/library/nodejs20.x:latest") means a
// runtime: without a tag, with latest, or with a full commit. Any other tag, and any digest, is the registry's.
func ParseImage(ref string) (Image, bool) {
	named, err := reference.ParseNormalizedNamed(ref)
	if err != nil || reference.Domain(named) != "docker.io" {
		return Image{}, false
	}
	name, ok := strings.CutPrefix(reference.Path(named), "library/")
	if _, digested := named.(reference.Digested); !ok || digested || !runtimeName.MatchString(name) {
		return Image{}, false
	}
	tag := tagOf(named)
	switch {
	case tag == "latest":
		return Image{Runtime: name}, true
	case IsCommit(tag):
		return Image{Runtime: name, Commit: tag}, true
	}
	return Image{}, false
}

// IsCommit reports whether id is a full commit id, of either of git's hashes.
func IsCommit(id string) bool { return commitID.MatchString(id) }

// IsRuntime reports whether a name has the form of a runtime's.
func IsRuntime(name string) bool { return runtimeName.MatchString(name) }

// branchName matches what a branch is named that can be a runtime.
var branchName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._/-]{0,127}$`)

// CheckName says why a name can't be a runtime's: any branch of a repository may be one.
func CheckName(name string) error {
	contains := func(part string) bool { return strings.Contains(name+"\x00", part) }
	if !branchName.MatchString(name) || slices.ContainsFunc([]string{"..", "//", "/.", "/\x00", ".\x00", ".lock\x00", ".lock/"}, contains) {
		return errors.Errorf("%q is no name of a runtime, want for example nodejs20.x", name)
	}
	return nil
}

// Hint returns what may have been meant by a reference that the registry doesn't have, or empty: a name that is nearly a
// runtime's, or a runtime with the beginning of a commit.
func Hint(ref string) string {
	named, err := reference.ParseNormalizedNamed(ref)
	if err != nil || reference.Domain(named) != "docker.io" {
		return ""
	}
	name, ok := strings.CutPrefix(reference.Path(named), "library/")
	switch {
	case !ok:
		return ""
	case IsRuntime(name):
		return "a runtime has no tag, latest, or a full commit of 40 digits"
	case !strings.ContainsAny(name, "0123456789"): // node, python: images of the registry
		return ""
	}
	for _, near := range Nearest(name) {
		if levenshtein.Distance(name, near, nil) <= 2 {
			return name + " is no runtime, did you mean " + near + "?"
		}
	}
	return ""
}

// ecrTags are the tags of AWS's images that name a version and nothing else, and what stands around the version in the
// runtime's name.
var ecrTags = map[string]struct {
	tag            *regexp.Regexp
	prefix, suffix string
}{
	"nodejs":   {regexp.MustCompile(`^\d+$`), "nodejs", ".x"},
	"python":   {regexp.MustCompile(`^\d+\.\d+$`), "python", ""},
	"ruby":     {regexp.MustCompile(`^\d+\.\d+$`), "ruby", ""},
	"java":     {regexp.MustCompile(`^\d+(\.al\d+)?$`), "java", ""},
	"dotnet":   {regexp.MustCompile(`^(core)?\d+(\.\d)?$`), "dotnet", ""},
	"go":       {regexp.MustCompile(`^\d+$`), "go", ".x"},
	"provided": {regexp.MustCompile(`^al\d+$`), "provided.", ""},
}

// IsECR reports whether a reference is to one of AWS's own images of the runtimes, public.ecr.aws/lambda/NAME or
// amazon/aws-lambda-NAME.
func IsECR(ref string) bool {
	_, _, ok := splitECR(ref)
	return ok
}

// ParseECR returns what a reference to one of AWS's own images means, if its tag is a bare version, or one with an
// architecture (nodejs:20-arm64). What has no tag, latest, a date or a digest is a certain image of the registry.
func ParseECR(ref string) (Image, bool) {
	name, tag, ok := splitECR(ref)
	if !ok {
		return Image{}, false
	}
	arch := ""
	if version, found := strings.CutSuffix(tag, "-x86_64"); found {
		tag, arch = version, "amd64"
	} else if version, found := strings.CutSuffix(tag, "-arm64"); found {
		tag, arch = version, "arm64"
	}
	v, ok := ecrTags[name]
	if name == "provided" && tag == "alami" { // Amazon Linux 1
		return Image{Runtime: "provided", Arch: arch}, true
	}
	if !ok || !v.tag.MatchString(tag) {
		return Image{}, false
	}
	return Image{Runtime: v.prefix + tag + v.suffix, Arch: arch}, true
}

// splitECR returns the name and the tag of an image of AWS; a digest is the tag "".
func splitECR(ref string) (name, tag string, ok bool) {
	named, err := reference.ParseNormalizedNamed(ref)
	if err != nil {
		return "", "", false
	}
	name, ok = strings.CutPrefix(named.Name(), "public.ecr.aws/lambda/")
	if !ok {
		name, ok = strings.CutPrefix(named.Name(), "docker.io/amazon/aws-lambda-")
	}
	if _, digested := named.(reference.Digested); digested {
		return name, "", ok
	}
	return name, tagOf(named), ok
}

func tagOf(named reference.Named) string {
	if tagged, ok := reference.TagNameOnly(named).(reference.Tagged); ok {
		return tagged.Tag()
	}
	return ""
}
