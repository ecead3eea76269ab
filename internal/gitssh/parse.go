package gitssh

import (
	"encoding/base64"
	"regexp"
	"slices"
	"strings"

	"github.com/pkg/errors"
	"golang.org/x/crypto/ssh"
)

var (
	lineBreak = regexp.MustCompile(`\r\n|\r|\n`)
	// escapedBreak stands for a line break where it got lost: build arguments and CI variables often have but one line.
	escapedBreak = regexp.MustCompile(`(?:\\r)?\\n|;`)
)

// keyTypes are the kinds of host keys that are supported, with the signatures asked for: SHA-1 isn't.
var keyTypes = map[string][]string{
	ssh.KeyAlgoED25519:  {ssh.KeyAlgoED25519},
	ssh.KeyAlgoECDSA256: {ssh.KeyAlgoECDSA256},
	ssh.KeyAlgoECDSA384: {ssh.KeyAlgoECDSA384},
	ssh.KeyAlgoECDSA521: {ssh.KeyAlgoECDSA521},
	ssh.KeyAlgoRSA:      {ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256},
}

// parseKnownHosts reads lines of known_hosts. Errors never repeat a line: it may be a key that was meant for nobody.
func parseKnownHosts(s string) (knownHostLines, error) {
	var all knownHostLines
	for i, line := range splitLines(s) {
		if line = strings.TrimSpace(line); line == "" || isComment(line) {
			continue
		}
		k, err := parseKnownHost(line)
		if err != nil {
			return nil, errors.Wrapf(err, "line %d of the known hosts", i+1)
		}
		all = append(all, k)
	}
	return all, nil
}

// splitLines takes a comment as a whole, unless all there is is one line.
func splitLines(s string) []string {
	flat := !lineBreak.MatchString(strings.TrimSpace(s))
	var lines []string
	for _, line := range lineBreak.Split(s, -1) {
		if isComment(line) && !flat {
			lines = append(lines, line)
		} else {
			lines = append(lines, escapedBreak.Split(line, -1)...)
		}
	}
	return lines
}

func isComment(line string) bool { return strings.HasPrefix(strings.TrimSpace(line), "#") }

func parseKnownHost(line string) (knownHost, error) {
	if strings.Contains(line, "PRIVATE KEY") {
		return knownHost{}, errors.New("this is a private key, which no build may be given")
	}
	fields := strings.Fields(line)
	k := knownHost{revoked: fields[0] == "@revoked"}
	if k.revoked {
		fields = fields[1:]
	} else if strings.HasPrefix(fields[0], "@") {
		return knownHost{}, errors.New("of the markers only @revoked is supported: give the host's own key in place of @cert-authority")
	}
	if len(fields) > 0 && isKeyType(fields[0]) {
		return knownHost{}, errors.New("the host is missing before the key")
	}
	if len(fields) < 3 {
		return knownHost{}, errors.New("want a host, a kind of key and a key")
	}
	k.hosts = fields[0]
	if _, _, ok := parseHashedHost(k.hosts); strings.HasPrefix(k.hosts, "|") && !ok {
		return knownHost{}, errors.New("malformed hash of a host, want |1|salt|hash")
	}
	var err error
	k.key, err = parseKey(fields[1], fields[2])
	return k, err
}

func parseKey(kind, key string) (ssh.PublicKey, error) {
	if !isKeyType(kind) {
		return nil, errors.New("the kind of key is none of ssh-ed25519, ecdsa-sha2-nistp256, -nistp384, -nistp521 and ssh-rsa")
	}
	dt, err := base64.StdEncoding.DecodeString(key)
	if err != nil {
		return nil, errors.New("the key is not in base64: was it cut off?")
	}
	parsed, err := ssh.ParsePublicKey(dt)
	if err != nil {
		return nil, errors.New("malformed key: was it cut off?")
	}
	if parsed.Type() != kind {
		return nil, errors.Errorf("the line says %s, the key in it is %s", kind, parsed.Type())
	}
	return parsed, nil
}

func isKeyType(s string) bool { return len(keyTypes[s]) > 0 }

// hostKeyAlgorithms are those that a host with one of the keys can prove itself with, in the keys' order. Without them the
// handshake may settle on a kind of key that isn't known though another is.
func hostKeyAlgorithms(keys []ssh.PublicKey) []string {
	var all []string
	for _, key := range keys {
		for _, algorithm := range keyTypes[key.Type()] {
			if !slices.Contains(all, algorithm) {
				all = append(all, algorithm)
			}
		}
	}
	return all
}
