// Package githttp knows how git asks a server over HTTP, and tells its answers from pages for people.
package githttp

import (
	"mime"
	"net/http"
	"net/url"
	"strings"
)

// UserAgent begins as git's own does. By that servers tell git, whom they answer with status 401, from browsers, which they
// show a page to sign in.
const UserAgent = "git/2.47.0 (lambdabase)"

const refsPath = "/info/refs"

// IsAdvertisement reports whether a response is git's to who is let in: what a repository has.
func IsAdvertisement(res *http.Response) bool {
	return res.StatusCode == http.StatusOK && contentType(res) == "application/x-git-upload-pack-advertisement"
}

// IsSignInPage reports whether a response is a page for people, by its type or as Azure DevOps does by status 203, and the
// way to one: a repository that has moved is asked for the same elsewhere.
func IsSignInPage(res *http.Response) bool {
	switch to, err := url.Parse(res.Header.Get("Location")); {
	case res.StatusCode == http.StatusNonAuthoritativeInfo:
		return true
	case res.StatusCode == http.StatusOK:
		return contentType(res) == "text/html"
	case res.StatusCode >= 300 && res.StatusCode < 400 && err == nil && to.Path != "":
		return strings.HasSuffix(res.Request.URL.Path, refsPath) && !strings.HasSuffix(to.Path, refsPath)
	}
	return false
}

func contentType(res *http.Response) string {
	kind, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type"))
	return kind
}
