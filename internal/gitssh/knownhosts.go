package gitssh

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha1" // that is what known_hosts hashes hosts with
	_ "embed"
	"encoding/base64"
	"net"
	"regexp"
	"slices"
	"strings"

	"github.com/pkg/errors"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"
)

// builtinHosts are the host keys of github.com, gitlab.com and codeberg.org.
//
//go:embed known_hosts
var builtinHosts string

// KnownHosts returns the host keys of a host, or host:port, as lines of OpenSSH's known_hosts. They come from the lines that
// the user gave as option known-hosts; only where those have none for the host, from the built-in ones. A key that a
// @revoked line names counts in neither.
func KnownHosts(option, host string) (string, error) {
	lines, err := lookupHost(option, host)
	if err != nil {
		return "", err
	}
	return lines.String(), nil
}

// knownHostRE is a host, or host:port, of which a line can be written.
var knownHostRE = regexp.MustCompile(`^[A-Za-z0-9.:_\[\]-]+$`)

func lookupHost(option, host string) (knownHostLines, error) {
	if !knownHostRE.MatchString(host) {
		return nil, errors.Errorf("%q is no host", host)
	}
	given, err := parseKnownHosts(option)
	if err != nil {
		return nil, err
	}
	wellKnown, err := parseKnownHosts(builtinHosts)
	if err != nil {
		return nil, err
	}
	lines := given.forHost(host)
	if len(lines.keys()) == 0 {
		lines = append(lines, wellKnown.forHost(host)...)
	}
	if len(lines.keys()) == 0 {
		return nil, unknownHost(host, len(lines) > 0)
	}
	return lines, nil
}

func unknownHost(host string, revoked bool) error {
	what := "is not known"
	if revoked {
		what = "is revoked"
	}
	scan := "ssh-keyscan " + host
	if name, port, err := net.SplitHostPort(host); err == nil {
		scan = "ssh-keyscan -p " + port + " " + name
	}
	return errors.Errorf("the host key of %s %s: give the lines that %s prints, once you have checked them, as option known-hosts", host, what, scan)
}

// knownHost is a line of known_hosts.
type knownHost struct {
	hosts   string // patterns, or a hash
	key     ssh.PublicKey
	revoked bool
}

type knownHostLines []knownHost

// forHost returns the lines that match the host, with its name in place of what matched: the same for everybody's spelling.
func (all knownHostLines) forHost(host string) knownHostLines {
	name := strings.ToLower(knownhosts.Normalize(host))
	var lines knownHostLines
	for _, k := range all {
		if k.match(name) {
			lines = append(lines, knownHost{hosts: name, key: k.key, revoked: k.revoked})
		}
	}
	return lines
}

// keys are those that are not revoked, each once.
func (all knownHostLines) keys() []ssh.PublicKey {
	var keys []ssh.PublicKey
	for _, k := range all {
		same := func(other knownHost) bool { return other.revoked && equal(other.key, k.key) }
		if !slices.ContainsFunc(all, same) && !slices.ContainsFunc(keys, func(other ssh.PublicKey) bool { return equal(other, k.key) }) {
			keys = append(keys, k.key)
		}
	}
	return keys
}

// String returns the lines as git's ssh reads them: keys that count, after those that were revoked.
func (all knownHostLines) String() string {
	var s strings.Builder
	for _, k := range all {
		if k.revoked {
			s.WriteString("@revoked " + k.hosts + " " + string(ssh.MarshalAuthorizedKey(k.key)))
		}
	}
	for _, key := range all.keys() {
		s.WriteString(all[0].hosts + " " + string(ssh.MarshalAuthorizedKey(key)))
	}
	return s.String()
}

func equal(a, b ssh.PublicKey) bool { return bytes.Equal(a.Marshal(), b.Marshal()) }

// match is sshd(8)'s: patterns with * and ?, a negated one rules the line out, a hash is of the whole name.
func (k knownHost) match(name string) bool {
	if salt, hash, ok := parseHashedHost(k.hosts); ok {
		mac := hmac.New(sha1.New, salt)
		mac.Write([]byte(name))
		return hmac.Equal(mac.Sum(nil), hash)
	}
	found := false
	for pattern := range strings.SplitSeq(strings.ToLower(k.hosts), ",") {
		pattern, negated := strings.CutPrefix(pattern, "!")
		if glob(pattern).MatchString(name) {
			if negated {
				return false
			}
			found = true
		}
	}
	return found
}

func glob(pattern string) *regexp.Regexp {
	return regexp.MustCompile("^" + strings.NewReplacer(`\*`, ".*", `\?`, ".").Replace(regexp.QuoteMeta(pattern)) + "$")
}

// parseHashedHost takes |1|salt|hash apart.
func parseHashedHost(hosts string) (salt, hash []byte, ok bool) {
	parts := strings.Split(hosts, "|")
	if len(parts) != 4 || parts[0] != "" || parts[1] != "1" {
		return nil, nil, false
	}
	salt, saltErr := base64.StdEncoding.DecodeString(parts[2])
	hash, hashErr := base64.StdEncoding.DecodeString(parts[3])
	return salt, hash, saltErr == nil && hashErr == nil && len(hash) == sha1.Size
}
