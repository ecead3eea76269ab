package weburl

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWhatIsOneServer(t *testing.T) {
	for _, tc := range []struct {
		a, b string
		same bool
	}{
		{"https://h/x", "https://H:443/y?z", true},
		{"http://h:80/x", "http://h/y", true},
		{"https://h/x", "http://h/x", false},
		{"http://h:443/x", "https://h/x", false},
		{"https://h/x", "https://h:8443/x", false},
		{"https://h/x", "https://h.evil/x", false},
		{"https://[::1]/x", "https://[::1]:443/x", true},
		{"https://h/x", "https://h./x", false},
	} {
		a, err := Parse(tc.a)
		require.NoError(t, err)
		b, err := Parse(tc.b)
		require.NoError(t, err)
		require.Equal(t, tc.same, SameOrigin(a, b), "%s %s", tc.a, tc.b)
	}
}

func TestErrorsRepeatNoCredential(t *testing.T) {
	for s, want := range map[string]string{
		"https://user:s3cr3t@h/x":  "URL of host h has user information in it",
		"https://s3cr3t@h/x":       "URL of host h has user information in it",
		"https://h/%zz?t=s3cr3t":   "malformed URL",
		"ssh://git:s3cr3t@h/x":     "no absolute http or https URL",
		"https:///x?token=s3cr3t":  "no absolute http or https URL",
		"http://:80/x?token=s3cr3": "no absolute http or https URL",
	} {
		_, err := Parse(s)
		require.EqualError(t, err, want)
	}
}

func TestAPortThatCannotBeIsAnError(t *testing.T) {
	for port, ok := range map[string]bool{"": true, ":": true, ":1": true, ":65535": true, ":0": false, ":65536": false, ":99999": false, ":184467440737095516": false} {
		_, err := Parse("https://h" + port + "/x")
		require.Equal(t, ok, err == nil, "%s: %v", port, err)
	}
}
