package lfs

import (
	"net/url"
	"strings"
)

// ForgeTemplate returns the form of URL at which the host of a repository serves LFS objects without a credential and
// without a signature, for the three hosts where it is known. A host that merely looks like one of them, an
// Enterprise server say, can't be told apart from any other: there is none for it.
func ForgeTemplate(repository string) (Template, bool) {
	u, err := url.Parse(repository)
	if err != nil || u.Scheme != "https" {
		return Template{}, false
	}
	path := strings.TrimSuffix(strings.Trim(u.EscapedPath(), "/"), ".git")
	if strings.Count(path, "/") < 1 {
		return Template{}, false
	}
	switch strings.ToLower(u.Host) {
	case "github.com":
		return Template{path: "https://media.githubusercontent.com/media/" + path + "/{commit}/{path}"}, true
	case "gitlab.com":
		return Template{path: "https://gitlab.com/" + path + "/-/raw/{commit}/{path}"}, true
	case "codeberg.org":
		return Template{path: "https://codeberg.org/" + path + "/media/commit/{commit}/{path}"}, true
	}
	return Template{}, false
}
