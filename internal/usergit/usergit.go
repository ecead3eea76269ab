package usergit

import (
	"bytes"
	"context"
	"net/url"
	"slices"
	"strings"

	"github.com/pkg/errors"
)

// Git is the user's git: its configuration at one time.
type Git struct {
	Notice      func(text string) // is told why it takes long; may be nil
	config      []setting
	helperTimes helperTimes
}

// setting is one value of the configuration, in git's order: of two that match equally well the later one wins.
type setting struct{ key, value string }

// settingKeys are the keys that are of use here, as git prints them: section and name in lower case.
const settingKeys = `^(url\..*\.insteadof|http\.(.*\.)?extraheader|credential\.(.*\.)?helper)$`

// Load reads the configuration. Where git is missing, or has none of it, the user's git knows nothing.
func Load(ctx context.Context) Git {
	out, err := config(ctx, "", "-z", "--get-regexp", settingKeys)
	if err != nil {
		return Git{}
	}
	g := Git{helperTimes: helperTimes{helperNoticeDelay, helperTimeout}}
	for entry := range strings.SplitSeq(strings.TrimSuffix(string(out), "\x00"), "\x00") {
		key, value, _ := strings.Cut(entry, "\n")
		g.config = append(g.config, setting{key, value})
	}
	return g
}

// has reports whether any value is set whose key ends so.
func (g Git) has(name string) bool {
	return slices.ContainsFunc(g.config, func(s setting) bool { return strings.HasSuffix(s.key, "."+name) })
}

// Remote is where git goes for a URL. User information is taken out of it: it must stand in nothing that is kept.
type Remote struct {
	URL  string
	User *url.Userinfo // nil if there is none, and for SSH, where it is no secret
}

// Resolve returns the remote that git makes of a URL by url.<base>.insteadOf.
func (g Git) Resolve(ctx context.Context, repository string) (Remote, error) {
	if !g.has("insteadof") {
		return Remote{URL: repository}, nil
	}
	out, err := run(ctx, configTimeout, "", nil, "ls-remote", "--get-url", "--", repository)
	if err != nil {
		return Remote{}, errors.Wrap(err, "url.<base>.insteadOf of your git")
	}
	found := string(bytes.TrimSuffix(out, []byte("\n")))
	u, err := url.Parse(found)
	if err != nil || u.User == nil || u.Scheme != "https" && u.Scheme != "http" {
		return Remote{URL: found}, nil
	}
	user := u.User
	u.User = nil
	return Remote{URL: u.String(), User: user}, nil
}
