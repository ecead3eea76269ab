package usergit

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestNetrcIsReadAsLibcurlReadsIt(t *testing.T) {
	for text, want := range map[string]string{
		"machine git.example login a password b\n":                                                        "a:b",
		"machine git.example\n\tlogin a\n\tpassword b":                                                    "a:b",
		"machine\ngit.example\npassword\nb\nlogin\na\n":                                                   "a:b",
		"machine GIT.example login a password b\r\n":                                                      "a:b",
		"machine git.example password b\n":                                                                ":b",
		"machine git.example login a\n":                                                                   "",
		"machine git.example login a account x password b\n":                                              "a:b",
		"machine other.example login o password x\nmachine git.example login a password b\n":              "a:b",
		"machine git.example login a\nmachine git.example login c password d\n":                           "c:d",
		"machine git.example login a password b\nmachine git.example login c password d\n":                "a:b",
		"default login a password b\n":                                                                    "a:b",
		"machine git.example login a password b\ndefault login c password d\n":                            "a:b",
		"machine other.example login o password x\ndefault login a password b\n":                          "a:b",
		"# machine git.example login x password y\nmachine git.example login a password b #\n":            "a:b",
		"machine git.example login a password \"b c\\\"\\\\\\t\" machine x\n":                             "a:b%20c%22%5C%09",
		"machine git.example login a password \"#b\n":                                                     "a:%23b%0A",
		"macdef init\nmachine git.example login x password y\n\nmachine git.example login a password b\n": "a:b",
		"machine git.example login a password b\nmacdef m\nquit\n":                                        "a:b",
		"machine git.example.evil login a password b\n":                                                   "",
		"login a password b\n":                                                                            "",
		"":                                                                                                "",
	} {
		got := ""
		if user := findNetrc(text, "git.example"); user != nil {
			got = user.String()
		}
		require.Equal(t, want, got, text)
	}
}

func FuzzNetrcIsOfTheHostOnly(f *testing.F) {
	f.Add("machine git.example login a password b\n")
	f.Add("macdef x\nmachine git.example\n\nmachine \"git.example\" password \"\\\"\\n")
	f.Add("default login # x\npassword y machine")
	f.Fuzz(func(t *testing.T, text string) {
		user := findNetrc(text, "git.example")
		if user == nil {
			return
		}
		password, _ := user.Password()
		require.NotEmpty(t, password)
		// What is found for one host and for no other stands behind its name.
		if findNetrc(text, "none.example") == nil {
			require.Regexp(t, "(?i)git\\.example|\\\\", text)
		}
	})
}
