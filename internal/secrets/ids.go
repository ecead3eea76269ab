package secrets

import (
	"encoding/base64"
	"net"
	"slices"
	"strings"
)

// GitHeader and GitToken are the secrets with a whole Authorization and with a token for git. Those of a host have "." and
// the host behind them.
const (
	GitHeader = "GIT_AUTH_HEADER"
	GitToken  = "GIT_AUTH_TOKEN"
)

// CA is the secret with the certificates, in PEM, to trust besides the system's.
const CA = "LAMBDABASE_CA"

const (
	httpHeader = "HTTP_AUTH_HEADER_"
	httpToken  = "HTTP_AUTH_TOKEN_"
)

// IDs returns the secrets, by BuildKit's names, that may hold a credential for one of the hosts, each a host or host:port. A
// secret that names no host is for the first host, the repository's, only. Preferred ones come first.
func IDs(repository string, others ...string) []string {
	_, host := cutScheme(repository)
	ids := repositoryIDs(host)
	for _, other := range others {
		_, host := cutScheme(other)
		for _, id := range HostIDs(host) {
			if !slices.Contains(ids, id) {
				ids = append(ids, id)
			}
		}
	}
	return ids
}

// GitIDs returns the secrets that are meant for git at a repository's host.
func GitIDs(host string) []string { return append(gitIDs(host), GitHeader, GitToken) }

// BuildKitGitIDs returns those of them that BuildKit's git looks for: they name the host as the URL does, or none.
func BuildKitGitIDs(host string) []string {
	return []string{GitHeader + "." + host, GitToken + "." + host, GitHeader, GitToken}
}

// HostIDs returns the secrets that name a host, those that name its port too first.
func HostIDs(host string) []string {
	return append(gitIDs(host), httpIDs(host)...)
}

// repositoryIDs are those for the repository's host: what git takes comes first, so that LFS takes the same.
func repositoryIDs(host string) []string {
	return append(GitIDs(host), httpIDs(host)...)
}

func gitIDs(host string) []string {
	var ids []string
	for _, form := range hostForms(host) {
		ids = append(ids, GitHeader+"."+form, GitToken+"."+form)
	}
	return ids
}

func httpIDs(host string) []string {
	var ids []string
	for _, form := range hostForms(host) {
		// BuildKit's HTTP source writes an IPv6 address without brackets.
		if strings.HasSuffix(form, "]") {
			form = strings.Trim(form, "[]")
		}
		ids = append(ids, httpToken+form, httpHeader+form)
	}
	return ids
}

// hostForms are how a secret may name a host: with its port and without, as it stands and, as a host's case means nothing
// but BuildKit's look-up does not know that, in lower case.
func hostForms(host string) []string {
	var all []string
	for _, h := range []string{host, trimPort(host)} {
		for _, form := range []string{h, strings.ToLower(h)} {
			if form != "" && !slices.Contains(all, form) {
				all = append(all, form)
			}
		}
	}
	return all
}

// trimPort is a host without its port; an IPv6 address keeps its brackets.
func trimPort(host string) string {
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		return host
	}
	if strings.Contains(name, ":") {
		return "[" + name + "]"
	}
	return name
}

// cutScheme takes "http://" or "https://" off a host.
func cutScheme(host string) (scheme, rest string) {
	for _, scheme := range []string{"http", "https"} {
		if rest, ok := strings.CutPrefix(host, scheme+"://"); ok {
			return scheme, rest
		}
	}
	return "https", host
}

// IsCredential reports whether a secret is one that is sent in a header. Others may have a name that only begins like one of
// those.
func IsCredential(id string) bool {
	for _, name := range []string{GitHeader, GitToken} {
		if id == name || strings.HasPrefix(id, name+".") {
			return true
		}
	}
	return strings.HasPrefix(id, httpHeader) || strings.HasPrefix(id, httpToken)
}

// authorization is what a secret's value means as a header, by the kind of secret: as BuildKit sends it.
func authorization(id, value string) string {
	switch {
	case strings.HasPrefix(id, GitToken):
		return "Basic " + base64.StdEncoding.EncodeToString([]byte("x-access-token:"+value))
	case strings.HasPrefix(id, httpToken):
		return "Bearer " + value
	}
	return value
}
