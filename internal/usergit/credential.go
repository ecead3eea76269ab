package usergit

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"fmt"
	"net/url"
	"os"
	"strings"

	"lambdabase/internal/weburl"

	"golang.org/x/net/http/httpguts"
)

// Probe reports whether a server lets in whoever sends the header; empty: whoever sends none.
type Probe func(authorization string) bool

// Authorization returns the header that git ends up with at a URL: what http.extraheader says; else, where the server asks for
// it, what stands in the URL itself, .netrc, or what a credential helper knows, the first that is let in. Nobody is asked.
// Empty if git knows nothing or the server needs nothing, and always where it would be sent in clear.
func (g Git) Authorization(ctx context.Context, u *url.URL, user *url.Userinfo, accepts Probe) string {
	if !canSend(u) {
		return ""
	}
	if header := g.extraHeader(ctx, u); header != "" {
		return header
	}
	if !g.Knows(ctx, u, user) || accepts("") {
		return ""
	}
	inURL, inNetrc := basic(user), basic(netrc(u.Hostname()))
	for _, header := range []string{inURL, inNetrc} {
		if header != "" && accepts(header) {
			return header
		}
	}
	return cmp.Or(g.credential(ctx, u, user), inURL, inNetrc) // where it is refused the build says so
}

// Knows reports whether git has anything for a URL, or somewhere to look. It asks nobody.
func (g Git) Knows(ctx context.Context, u *url.URL, user *url.Userinfo) bool {
	return canSend(u) && (basic(user) != "" || netrc(u.Hostname()) != nil || g.hasHelper(ctx, u) || g.extraHeader(ctx, u) != "")
}

func canSend(u *url.URL) bool {
	return u.Scheme == "https" || u.Scheme == "http" && weburl.IsLoopback(u.Hostname())
}

// basic returns a name with a password as a header; empty without a password.
func basic(user *url.Userinfo) string {
	if user == nil {
		return ""
	}
	password, _ := user.Password()
	if password == "" {
		return ""
	}
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user.Username()+":"+password))
}

func (g Git) hasHelper(ctx context.Context, u *url.URL) bool {
	if !g.has("helper") {
		return false
	}
	out, err := config(ctx, "", "--get-urlmatch", "credential.helper", u.String())
	return err == nil && len(bytes.TrimSpace(out)) > 0
}

// credential is what git's credential helpers have.
func (g Git) credential(ctx context.Context, u *url.URL, user *url.Userinfo) string {
	if !g.hasHelper(ctx, u) {
		return ""
	}
	if hasControl(u.Path) || hasControl(u.Host) || hasControl(user.Username()) { // of which git would read another line
		return ""
	}
	// The capability is for helpers that know a whole header (git 2.46); earlier ones pass it over.
	input := fmt.Sprintf("capability[]=authtype\nprotocol=%s\nhost=%s\npath=%s\n", u.Scheme, u.Host, strings.Trim(u.Path, "/"))
	if user.Username() != "" {
		input += "username=" + user.Username() + "\n"
	}
	env := append(os.Environ(), "GIT_TERMINAL_PROMPT=0", "GIT_ASKPASS=true", "SSH_ASKPASS=true", "GCM_INTERACTIVE=never")
	out, err := g.runHelper(ctx, u.Host, input+"\n", env)
	if err != nil {
		return ""
	}
	return parseHelperOutput(out)
}

// parseHelperOutput returns the header of what git prints of a credential.
func parseHelperOutput(out []byte) string {
	found := map[string]string{}
	for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
		key, value, _ := strings.Cut(lines.Text(), "=")
		found[key] = value
	}
	if found["authtype"] != "" && found["credential"] != "" {
		header := found["authtype"] + " " + found["credential"]
		if !httpguts.ValidHeaderFieldValue(header) { // which would fail wherever it is sent
			return ""
		}
		return header
	}
	return basic(url.UserPassword(found["username"], found["password"]))
}

func hasControl(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f })
}
