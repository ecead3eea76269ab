package lfs

import (
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var object = Object{
	Pointer: Pointer{OID: oid, Size: 12345},
	Path:    "x86_64/a b+c%.tar.xz",
	Commit:  "b8b153b94ac0e09eb5f2ea6d5e5d5c7a9a6d1a31",
}

func TestTemplateMakesURLs(t *testing.T) {
	for template, want := range map[string]string{
		"https://h/{oid}":                                            "https://h/" + oid,
		"http://h:80/{oid0}/{oid1}/{oid}":                            "http://h:80/4d/7a/" + oid,
		"https://h/{commit}/{path}":                                  "https://h/" + object.Commit + "/x86_64/a%20b+c%25.tar.xz",
		"https://h/x?path={path}&n={size}":                           "https://h/x?path=x86_64%2Fa+b%2Bc%25.tar.xz&n=12345",
		"https://h/{oid}?lfs=true":                                   "https://h/" + oid + "?lfs=true",
		"https://h/{oid}?ref=release-branch-2024-10-01&x=1&y={size}": "https://h/" + oid + "?ref=release-branch-2024-10-01&x=1&y=12345",
	} {
		got, err := ParseTemplate(template)
		require.NoError(t, err, template)
		require.Equal(t, want, got.URL(object), template)
		_, err = url.Parse(got.URL(object))
		require.NoError(t, err)
	}
}

func TestTemplateErrorsSayWhatIsWrongWithoutRepeatingSecrets(t *testing.T) {
	const secret = "hunter2secret"
	for template, want := range map[string]string{
		"":                                 "no http or https URL",
		"ftp://h/{oid}":                    "no http or https URL",
		"h/{oid}":                          "no http or https URL",
		"https://u:" + secret + "@h/{oid}": "user information",
		"https://" + secret + "@h/{oid}":   "user information",
		"https://{oid}.h/x":                "no http or https URL",
		"https://h/{oid}#x":                "fragment",
		"https://h/{oids}":                 "did you mean oid",
		"https://h/{OID}":                  "unknown placeholder {OID}",
		"https://h/{oid":                   "unbalanced brace",
		"https://h/oid}{oid}":              "unbalanced brace",
		"https://h/{commit}":               "neither {oid} nor {path}",
		"https://h/{oid}?X-Amz-Signature=" + secret: "\"X-Amz-Signature\" may carry",
		"https://h/{oid}?sig=" + secret:             "\"sig\" may carry",
		"https://h/{oid}?private_token=" + secret:   "(not shown) may carry",
		"https://h/{oid}?x=" + secret + secret:      "\"x\" may carry",
		"https://h/{oid}?" + secret:                 "(not shown) may carry",
		"https://h/{oid}?pw=" + secret:              "\"pw\" may carry",
		"https://h/{oid}?x={size}" + secret:         "\"x\" may carry",
		"https://h/{oid}?x=a%20" + secret:           "\"x\" may carry",
		"https://h/{oid}?a=%zz":                     "malformed query",
	} {
		_, err := ParseTemplate(template)
		require.ErrorContains(t, err, want, template)
		require.NotContains(t, err.Error(), secret)
	}
}

func TestKnownForgesServeObjectsByPath(t *testing.T) {
	for repository, want := range map[string]string{
		"https://github.com/aws/aws-lambda-base-images.git": "https://media.githubusercontent.com/media/aws/aws-lambda-base-images/C/p",
		"https://github.com/fork/x":                         "https://media.githubusercontent.com/media/fork/x/C/p",
		"https://GitHub.com/fork/x/":                        "https://media.githubusercontent.com/media/fork/x/C/p",
		"https://gitlab.com/group/sub/x.git":                "https://gitlab.com/group/sub/x/-/raw/C/p",
		"https://codeberg.org/o/x":                          "https://codeberg.org/o/x/media/commit/C/p",
		"https://github.example.com/o/x":                    "",
		"https://github.com.evil.example/o/x":               "",
		"http://github.com/o/x":                             "",
		"https://github.com/o":                              "",
		"https://github.com:8443/o/x":                       "",
		"git@github.com:o/x.git":                            "",
	} {
		tmpl, ok := ForgeTemplate(repository)
		require.Equal(t, want != "", ok, repository)
		if ok {
			require.Equal(t, want, tmpl.URL(Object{Pointer: Pointer{OID: oid}, Path: "p", Commit: "C"}))
		}
	}
}

func FuzzTemplate(f *testing.F) {
	f.Add("https://h/{oid0}/{oid1}/{oid}?size={size}", "x86_64/a.tar.xz")
	f.Add("https://h:1/{commit}/{path}", "a b/ä%2f?#")
	f.Fuzz(func(t *testing.T, template, path string) {
		tmpl, err := ParseTemplate(template)
		if err != nil {
			return
		}
		o := Object{Pointer: Pointer{OID: oid, Size: 1}, Path: path, Commit: object.Commit}
		u, err := url.Parse(tmpl.URL(o))
		require.NoError(t, err)
		require.Nil(t, u.User)
		require.Empty(t, u.Fragment, "nothing of an object's name can end the path")
		want, err := url.Parse(template)
		require.NoError(t, err)
		require.Equal(t, want.Host, u.Host, "an object can't change the host")
		require.False(t, strings.ContainsAny(tmpl.URL(o), "{}") && !strings.Contains(u.EscapedPath()+u.RawQuery, "%7B"))
	})
}
