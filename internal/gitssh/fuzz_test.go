package gitssh

import (
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/http/httpguts"
)

func FuzzKnownHosts(f *testing.F) {
	const key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"
	f.Add("h "+key+"\n@revoked * "+key+"\n|1|YQ==|YQ== "+key+"\n", "h:22")
	f.Add("!*.example,g?t.example,[h]:22 "+key+";x", "git.example")
	f.Add("\xff* "+key, "h")
	f.Add("@revoked", "[::1]:22")
	f.Fuzz(func(t *testing.T, option, host string) {
		lines, err := KnownHosts(option, host)
		if err != nil {
			return
		}
		again, err := KnownHosts(lines, host)
		require.NoError(t, err, "what is found is lines of known_hosts itself")
		require.Equal(t, lines, again)
	})
}

func FuzzRemote(f *testing.F) {
	for _, s := range []string{"ssh://git@h:22/r", "git@h:r", "git+ssh://h/~/r%0a", "-oProxyCommand=x:y", "git:x@h:r", "ssh://[::1%25a]/x", "h:x:y@z"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r, isSSH, err := ParseRemote(s)
		if err != nil || !isSSH {
			return
		}
		for _, part := range []string{r.User, r.Host, r.Path} {
			require.NotEmpty(t, part)
			require.False(t, strings.HasPrefix(part, "-"), "which would be an option")
			require.False(t, strings.ContainsAny(part, "\x00\r\n"))
		}
		again, isSSH, err := ParseRemote(r.String())
		require.NoError(t, err)
		require.True(t, isSSH)
		require.Equal(t, r, again)
	})
}

func FuzzAuthResponse(f *testing.F) {
	f.Add([]byte(goodAnswer))
	f.Add([]byte(`{"href":"http://127.0.0.1","header":{"a":"b\r\n"},"expires_in":-9223372036854775808}`))
	f.Fuzz(func(t *testing.T, dt []byte) {
		a, err := parseResponse(dt)
		if err != nil {
			return
		}
		u, err := url.Parse(a.Href)
		require.NoError(t, err)
		require.NotEmpty(t, u.Hostname())
		require.Nil(t, u.User)
		for name, value := range a.Header {
			require.True(t, httpguts.ValidHeaderFieldName(name) && httpguts.ValidHeaderFieldValue(value))
		}
	})
}
