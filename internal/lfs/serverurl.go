package lfs

import (
	"strings"

	"lambdabase/internal/weburl"

	"github.com/pkg/errors"
)

// ServerURL returns the endpoint of a repository with an http or https URL, as git-lfs derives it.
func ServerURL(repository string) (string, error) {
	u, err := weburl.Parse(repository)
	if err != nil {
		return "", errors.Wrap(err, "repository")
	}
	if u.RawQuery != "" || u.ForceQuery || u.Fragment != "" {
		return "", errors.Errorf("repository on host %s: a URL with a query or a fragment", u.Host)
	}
	path := strings.TrimRight(u.EscapedPath(), "/")
	if path == "" {
		return "", errors.Errorf("repository on host %s: a URL without a path", u.Host)
	}
	return u.Scheme + "://" + u.Host + strings.TrimSuffix(path, ".git") + ".git/info/lfs", nil
}
