package frontend

import (
	"bytes"
	"regexp"
	"strings"

	"lambdabase/internal/lfs"

	"github.com/go-git/go-git/v5/plumbing/format/config"
)

// foreignLFSServer is the server that the repository's .lfsconfig names, if it isn't the one that is asked. A branch must not say
// which host is asked with the user's credentials, so it is only told where the right one fails.
func foreignLFSServer(named string, source lfs.ObjectSource, repo remote) string {
	asked := source.Server
	if asked == "" {
		asked, _ = lfs.ServerURL(repo.url)
	}
	if named = strings.TrimSuffix(named, "/"); named != asked {
		return named
	}
	return ""
}

var (
	// sectionHeaderRE is a section's, which git lets have its first key in the same line, and go-git doesn't.
	sectionHeaderRE = regexp.MustCompile(`(?m)^(\s*\[\s*[A-Za-z0-9.-]+(?:\s+"(?:[^"\\\n]|\\.)*")?\s*\])`)
	// safeURLRE is one that can be told: without user information, query, and what a terminal would obey.
	safeURLRE = regexp.MustCompile(`^https?://[!$-;=A-Z\\_a-z~]+$`)
)

// configuredServer is the LFS server that a .lfsconfig names: lfs.url or, as git-lfs takes it where there is none, the lfsurl of a
// remote, first of all of origin.
func configuredServer(dt []byte) string {
	dt = sectionHeaderRE.ReplaceAll(bytes.TrimPrefix(dt, []byte("\ufeff")), []byte("$1\n"))
	c := config.New()
	if err := config.NewDecoder(bytes.NewReader(dt)).Decode(c); err != nil {
		return ""
	}
	remotes := c.Section("remote")
	named := []string{c.Section("lfs").Option("url"), remotes.Subsection("origin").Option("lfsurl")}
	for _, remote := range remotes.Subsections {
		named = append(named, remote.Option("lfsurl"))
	}
	for _, server := range named {
		if server != "" {
			return safeURLRE.FindString(server)
		}
	}
	return ""
}
