package frontend

import (
	"bytes"
	"context"
	"regexp"
	"strings"

	"lambdabase/internal/lfs"

	"github.com/go-git/go-git/v5/plumbing/format/config"
)

// lfsConfig is the server that the repository's .lfsconfig names. A branch must not say which host is asked with the
// user's credentials, so it is only told where the right one fails.
func (s *snapshot) lfsConfig(ctx context.Context) string {
	if !s.objects.Batch {
		return ""
	}
	dt, err := s.tree.read(ctx, ".lfsconfig", maxRecipe)
	if err != nil {
		return ""
	}
	asked := s.objects.Server
	if asked == "" {
		asked, _ = lfs.ServerURL(s.Repository)
	}
	if named := strings.TrimSuffix(namedServer(dt), "/"); named != asked {
		return named
	}
	return ""
}

var (
	// header is a section's, which git lets have its first key in the same line, and go-git doesn't.
	header = regexp.MustCompile(`(?m)^(\s*\[\s*[A-Za-z0-9.-]+(?:\s+"(?:[^"\\\n]|\\.)*")?\s*\])`)
	// serverURL is one that can be told: without user information, query, and what a terminal would obey.
	serverURL = regexp.MustCompile(`^https?://[!$-;=A-Z\\_a-z~]+$`)
)

// namedServer is the LFS server that a .lfsconfig names: lfs.url or, as git-lfs takes it where there is none, the lfsurl of a
// remote, first of all of origin.
func namedServer(dt []byte) string {
	dt = header.ReplaceAll(bytes.TrimPrefix(dt, []byte("\ufeff")), []byte("$1\n"))
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
			return serverURL.FindString(server)
		}
	}
	return ""
}
