package redact

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTextLosesWhatGivesAccess(t *testing.T) {
	for in, want := range map[string]string{
		"nothing to hide":                         "nothing to hide",
		"https://h/path":                          "https://h/path",
		"https://h/x?X-Amz-Signature=S":           "https://h/x?...",
		`Get "http://h:1/x?a=b&c=d": dial tcp`:    `Get "http://h:1/x?...": dial tcp`,
		"https://u:p@h/x":                         "https://h/x",
		"https://token@h/x?y=z and http://h/?q=r": "https://h/x?... and http://h/?...",
		"ssh://git:p@h/x":                         "ssh://h/x",
		"is it here? yes":                         "is it here? yes",
		"mail a@b.example":                        "mail a@b.example",
	} {
		require.Equal(t, want, Text(in))
	}
}

func FuzzText(f *testing.F) {
	f.Add("https://", "h/x", "sig")
	f.Add("http://u:", "h?", "x")
	f.Fuzz(func(t *testing.T, before, host, after string) {
		const secret = "SECRET1234"
		if strings.ContainsAny(host, " \t\n\r\v\f\"'?#@/<>") || host == "" {
			return
		}
		require.NotContains(t, Text(before+" https://"+host+"/p?"+"sig="+secret), secret)
		require.NotContains(t, Text(before+" https://u:"+secret+"@"+host+after), secret)
	})
}
