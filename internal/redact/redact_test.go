package redact

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestTextLosesWhatGivesAccess(t *testing.T) {
	for in, want := range map[string]string{
		// user information
		"https://u:p@h/x":                                         "https://h/x",
		"https://token@h/x?y=z and http://h/?q=r":                 "https://h/x?... and http://h/?...",
		"https://u:p@ss@h/x":                                      "https://h/x",
		"https://u:p%40%2Fs@h:8443/x":                             "https://h:8443/x",
		"https://DOM\\u:p'a\"b$!(;)&=*`@h/x":                      "https://h/x",
		"ssh://git:p@h/x":                                         "ssh://h/x",
		"git+ssh://u:p@[::1]:22/x":                                "git+ssh://[::1]:22/x",
		"lfs+https://u:p@h/x, oci://u:p@h/x":                      "lfs+https://h/x, oci://h/x",
		"(https://u:p@h),<https://u:p@h/>,'https://u:p@h'":        "(https://h),<https://h/>,'https://h'",
		`"https:\/\/u:p@h\/x"`:                                    `"https:\/\/h\/x"`,
		"https://proxy/https://u:p@h/x":                           "https://proxy/https://h/x",
		"https://proxy/https%3A%2F%2Fu%3Ap%40h%2Fx":               "https://proxy/https%3A%2F%2F...",
		"https%253a%252f%252fu%253ap%2540h":                       "https%253a%252f%252f...",
		"git:p@h:x/y":                                             "h:x/y",
		"fatal: git:p@ss@h:x":                                     "fatal: h:x",
		"proxy u:p@h:3128 and u:p@[::1]:3128, u:p@h/x":            "proxy h:3128 and [::1]:3128, h/x",
		"docker-image://u:p@h/x":                                  "docker-image://h/x",
		"https://a@b@sha256:" + strings.Repeat("0", 64):           "https://...",
		`parse "https://u:p/s@h/x": invalid port ":p" after host`: `parse "https://...": invalid port ":p" after host`,

		// queries and fragments
		"https://h/x?X-Amz-Signature=S":                                                       "https://h/x?...",
		`Get "http://h:1/x?a=b&c=d": dial tcp`:                                                `Get "http://h:1/x?...": dial tcp`,
		"https://h/x?page=2":                                                                  "https://h/x?...",
		"https://h/x?ref=main&sig=S":                                                          "https://h/x?...",
		"https://h/x?ref=https://u:p@g/":                                                      "https://h/x?...",
		"https://h/x?to=https%3A%2F%2Fu%3Ap%40g%3Fsig%3DS&a":                                  "https://h/x?...",
		`"https://h/x?ref=main\u0026sig=S"`:                                                   `"https://h/x?..."`,
		`{"href":"https:\/\/h\/x?sig=S\u0026a=b","b":"c d"}`:                                  `{"href":"https:\/\/h\/x?...","b":"c d"}`,
		"(https://h/x?sig=S), [https://h/x?sig=S]. <https://h/x?sig=S>; `https://h/x?sig=S`!": "(https://h/x?...), [https://h/x?...]. <https://h/x?...>; `https://h/x?...`!",
		"https://h/x?a='&sig=S":                                                               "https://h/x?...",
		"https://h/x?sig=S#top":                                                               "https://h/x?...",
		"https://h/x#access_token=S&type=bearer":                                              "https://h/x#...",
		"https://h/x?ref=main#access_token=S":                                                 "https://h/x?...",
		"https://u:123#S@h/x":                                                                 "https://u:123#...",
		"oci://h/x?S":                                                                         "oci://h/x?...",

		// cut in the middle
		"https://user:SECR":                     "https://...",
		"https://user:!SECR":                    "https://...",
		"https://user:1SECR":                    "https://...",
		"https://h/x?X-Amz-Sig":                 "https://h/x?...",
		"tail h/x?X-Amz-Signature=S":            "tail h/x?X-Amz-Signature=...",
		`{"Authorization":"Basic S`:             `{"Authorization":"...`,
		`{"token":"S and more`:                  `{"token":"...`,
		"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0": "...",

		// broken over lines
		"https://h/x?X-Amz-Signature=ab\ncd":                 "https://h/x?...",
		"https://h/x?X-Amz-Signature=ab\r\n\tcd\r\nef more":  "https://h/x?... more",
		"https://h/x?X-Amz-Signature=\r\nab":                 "https://h/x?...",
		"https://h/x?X-Amz-Sig\nnature=ab":                   "https://h/x?...",
		"https://h/x?X-Amz-Date=1&\nX-Amz-Signature=ab c":    "https://h/x?... c",
		"X-Amz-Signature=ab\n- next: one":                    "X-Amz-Signature=...\n- next: one",
		"https://h/x?a=b\nplain words":                       "https://h/x?...\nplain words",
		"2 objects failed\n- https://h/x?a=b: 404\n- second": "2 objects failed\n- https://h/x?...: 404\n- second",

		// headers
		"Authorization: Basic dTpw was sent":                        "Authorization: ... was sent",
		"authorization: bearer abc":                                 "authorization: ...",
		"> Authorization: RemoteAuth abc\r\n> Accept: x":            "> Authorization: ...\r\n> Accept: x",
		"RemoteAuth abc":                                            "RemoteAuth ...",
		"Proxy-Authorization:Basic abc":                             "Proxy-Authorization:...",
		"Private-Token: abc, Job-Token: def":                        "Private-Token: ..., Job-Token: ...",
		"X-Amz-Security-Token: a/b+c==":                             "X-Amz-Security-Token: ...",
		`{"Authorization":"Basic abc","x":"y"}`:                     `{"Authorization":"...","x":"y"}`,
		`{\"Authorization\":\"Basic abc\",\"x\":\"y\"}`:             `{\"Authorization\":\"...\",\"x\":\"y\"}`,
		`{"Authorization": ["Basic abc"]}`:                          `{"Authorization": ["..."]}`,
		"map[Authorization:[Basic abc Bearer def] X:[y]]":           "map[Authorization:[...] X:[y]]",
		"-c http.https://h/.extraheader=Authorization: basic abc x": "-c http.https://h/.extraheader=Authorization: ... x",
		"Authorization:\n  Basic\n  abc":                            "Authorization:\n  ...",
		"Authorization: abc_def was sent":                           "Authorization: ... was sent",
		"Authorization: Digest username=\"u\", response=\"abc\"\nx": "Authorization: ...\"\nx",
		"Authorization: AWS4-HMAC-SHA256 Credential=a, Signature=b": "Authorization: ...",
		"Cookie: a=b; session=c\nx":                                 "Cookie: ...\nx",
		"Authorization%3A%20Basic%20abc":                            "Authorization%3A...",
		"sent Bearer abcDEF123 and basic dXNlcjpwYXNz":              "sent Bearer ... and basic ...",

		// parameters
		"X-Amz-Credential=AKIA/2024/s3&X-Amz-Date=1":       "X-Amz-Credential=...",
		"sv=2020&se=2024&sp=r&sig=abc":                     "sv=...&se=...&sp=...&sig=...",
		`ref=main\u0026sig=abc`:                            `ref=main\u0026sig=...`,
		"ref%3Dmain%26sig%3Dabc":                           "ref%3Dmain%26sig%3D...",
		"ref=main&amp;X-Goog-Signature=abc":                "ref=main&amp;X-Goog-Signature=...",
		"AWSAccessKeyId=a Signature=b access_token=c":      "AWSAccessKeyId=... Signature=... access_token=...",
		"private_token=a, (token=b) password = c":          "private_token=..., (token=...) password = ...",
		`password="my secret", token='a b'`:                `password="...", token='...'`,
		"GIT_AUTH_TOKEN=abc client_secret=def":             "GIT_AUTH_TOKEN=... client_secret=...",
		`{"token": "a b", "password":"c","expires_in":60}`: `{"token": "...", "password":"...","expires_in":60}`,
		`{\"token\":\"a\\\"b\",\"x\":1}`:                   `{\"token\":\"...\",\"x\":1}`,
		`{"X-Amz-Signature":"a\"b"}`:                       `{"X-Amz-Signature":"..."}`,

		// tokens
		"ghp_abcdefghij1234567890 gho_abcdefghij1234567890 github_pat_11ABC_abcdefghij": "... ... ...",
		"glpat-abc_def-ghi.01 AKIAIOSFODNN7EXAMPLE ASIAIOSFODNN7EXAMPLE":                "... ... ...",
		"xoxb-1234567890-abc (eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc-_)":              "... (...)",
		"https://h/ghp_abcdefghij1234567890/x":                                          "https://h/.../x",
	} {
		require.Equal(t, want, Text(in), in)
		require.Equal(t, want, Text(want), "twice")
	}
}

func TestTextLeavesEverythingElse(t *testing.T) {
	for _, s := range []string{
		"", "...", "nothing to hide", "is it here? yes", "did you mean?", "mail a@b.example", "a:b c@d:e", "12:30:45", "x=y&z=1",
		"https://h/path", "https://h/x?", "is it https://h/x?", "see https://h/x?).", "http://h:8080: connection refused", "https://h:443/x, https://h:443).",
		"https://{host}/x", "http://[::1]:5000/x", "http://[2001:db8::1]", "https://h:", "file:///x/y", "unix:///run/buildkit/buildkitd.sock", "git@github.com:aws/x.git",
		"https://h/@scope/x@v1.2.3", "https://h/x.git#main:dir", "https://h/x#L10", "https://h/lfs/{oid0}/{oid1}/{oid}?path={path}&ref={commit}&raw=true",
		"https://h/-/raw/main/x?inline=false&lfs=true&size=1024&path=x86_64%2Fa.tar.xz", "https://h/x?size=2&ref=v1.2/x",
		`dial tcp 127.0.0.1:5000->127.0.0.1:5001: connect: connection refused`,
		"sha256:" + strings.Repeat("0a", 32), "nodejs20.x:" + strings.Repeat("0a", 20), strings.Repeat("0a", 32) + " x86_64/" + strings.Repeat("0a", 32) + ".tar.xz",
		"reg.example/x@sha256:" + strings.Repeat("0a", 32), "reg.example:5000/x:tag@sha256:" + strings.Repeat("0a", 32), "alpine:3.20@sha256:" + strings.Repeat("0a", 32) + ": not found",
		"docker-image://alpine:edge", "docker-image://docker.io/library/alpine:3@sha256:" + strings.Repeat("0a", 32), "docker-image://alpine:3@sha256:" + strings.Repeat("0a", 32),
		"oci-layout://x:latest", "public.ecr.aws/lambda/nodejs:20-x86_64", "golang.org/x/crypto@v0.56.0/ssh/keys.go:104", "github.com/pkg/errors v0.9.1",
		"SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU", "github.com ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl",
		"the repository isn't there, or is private (pass a token as the secret GIT_AUTH_TOKEN or GIT_AUTH_TOKEN.<host>)",
		"pass a token as the secret GIT_AUTH_TOKEN.git.example:8443 (--secret id=GIT_AUTH_TOKEN.git.example:8443,env=...)",
		"--mount=type=secret,id=GIT_AUTH_TOKEN", "secret HTTP_AUTH_TOKEN_git.example is empty", "forward an SSH agent: --ssh default",
		"it answers with status 401, unauthorized: object URLs must be readable without credentials",
		`unknown option runtme (did you mean runtime?)`, `option runtime and build argument LAMBDABASE_RUNTIME disagree: give one`,
		"query key \"token\" may carry a credential, which would end up in provenance and logs; known to carry none are api-version, download",
		"no runtime nodejs21.x: https://github.com/aws/aws-lambda-base-images.git has no such branch (did you mean nodejs20.x, nodejs18.x? the call lambda.runtimes lists those that are there)",
		"fetch x86_64/a.tar.xz (object sha256:" + strings.Repeat("0a", 32) + ", 61.2MB) from https://media.githubusercontent.com/media/aws/x/" + strings.Repeat("0a", 20) + "/x86_64/a.tar.xz: it answers with status 404, not found",
		`WWW-Authenticate: Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:x:pull"`,
		"server message: insufficient_scope: authorization failed", "basic authentication, a bearer token, the basic nodejs20.x image, Basic Auth",
		"fatal: could not read Username for 'https://github.com': terminal prompts disabled", "Permission denied (publickey).",
		`{"runtimes":[{"name":"nodejs20.x","platforms":["linux/amd64"],"commit":"` + strings.Repeat("0a", 20) + `"}]}`, `{"repository":"git@github.com:aws/x.git","url":"https://h/x"}`,
		"line one\n- line two\n\n  three\r\n", "design=good assign=x", "token", "the password", "signature of the layer", "ENV PATH=/var/lang/bin:/usr/bin LAMBDA_TASK_ROOT=/var/task",
		"Dockerfile.nodejs20.x:3: ADD", "ü — „x“ \x00\xff", "keyJson.eyJ.x", "ghp_x", "glpat-", "AKIA", "a@b:c@d",
	} {
		require.Equal(t, s, Text(s))
	}
}

func TestWhatAQueryMaySay(t *testing.T) {
	require.True(t, IsSafeQueryKey("ref"))
	require.False(t, IsSafeQueryKey("token"))
	require.IsIncreasing(t, SafeQueryKeys())
	SafeQueryKeys()[0] = "token"
	require.False(t, IsSafeQueryKey("token"))
}

func TestTextTakesLinearTime(t *testing.T) {
	for _, c := range []struct {
		pass  func(string) string
		parts []string
	}{
		{urls, []string{"https://", "http://h?#", "http://h#x", "http://a:1@", "https://h:x/", "%3A%2F%2F", "http://h?size=1#.", "://?\n"}},
		{headers, []string{"Authorization: ", "Authorization:[", "cookie: ."}},
		{schemes, []string{"bearer ", "basic x"}},
		{members, []string{`"token":"`, `"token":"\`}},
		{parameters, []string{"sig= ", "token=\n", "se=1&", `pwd="`}},
		{remotes, []string{"a:b@c:", "a:"}},
		{tokens, []string{"eyJabcdefgh.", "glpat-"}},
	} {
		for _, part := range c.parts {
			start := time.Now()
			c.pass(strings.Repeat(part, 1<<17/len(part)))
			require.Less(t, time.Since(start), time.Minute, part) // some milliseconds; many minutes if it weren't linear
		}
	}
}

// forms are how a secret may stand in a text. What's around it is anything, though not a part of its own word.
var forms = []string{
	"https://u:SECRET@h/x", "https://SECRET@h/x", "ssh://u:p@SECRET@h", "git+https://u:SECRET@[::1]:1/", `https:\/\/u:SECRET@h\/x`, "u:SECRET@h:x", "u:p@SECRET@h/x",
	"https://u:SECRET",
	"https://h/x?sig=SECRET", "https://h/x?SECRET", "https://h?ref=main&x=SECRET", `https://h/x?ref=main\u0026x=SECRET`, "https://h/x?ref=main&amp;x=SECRET", "https://h/x?a=1#x=SECRET", "https://h/x#token=SECRET",
	"https://h/x?to=https%3A%2F%2Fu%3ASECRET%40h", "https://h/https%3A%2F%2Fu%3ASECRET%40h", "https://h/?to=https://u:SECRET@h", "https://h/x?X-Amz-Signature=abcSECRET\nSECRET\r\nSECRET", "https://h/x?X-Amz-Signature=\r\nSECRET",
	"Authorization: Basic SECRET", "authorization: bearer SECRET", "RemoteAuth SECRET", "Proxy-Authorization: SECRET", "Private-Token: SECRET", `"Authorization":"Basic SECRET"`, `\"Authorization\":\"Basic SECRET\"`,
	"http.https://h/.extraheader=Authorization: basic SECRET", `Authorization: Digest username="u", response="SECRET"`, "map[Authorization:[Basic a Basic SECRET]]",
	"X-Amz-Signature=SECRET", "X-Amz-Credential=SECRET", "X-Amz-Security-Token=SECRET", " sig=SECRET", "?se=1&sp=r&sig=SECRET", "token=SECRET", "password=SECRET", `password="a SECRET"`, "X-Goog-Signature%3DSECRET", `"token":"a SECRET"`,
	"ghp_SECRETSECRET", "github_pat_SECRETSECRET", "glpat-SECRETSECRET", "xoxb-SECRETSECRET", "AKIASECRETSECRETSECRET", "eyJSECRETSECRET.SECRET.SECRET",
}

func FuzzTextLosesSecrets(f *testing.F) {
	for i := range forms {
		for j := range glue {
			f.Add(uint8(i), uint16(j), "https://h/x?", "@h/x?a=b")
			f.Add(uint8(i), uint16(j*len(glue)+j), `{"url":"https://h/x`, `"}`)
		}
	}
	f.Fuzz(func(t *testing.T, form uint8, between uint16, before, after string) {
		const secret = "SECRET"
		if strings.Contains(before+after, secret) {
			return
		}
		text := forms[int(form)%len(forms)]
		text = before + glue[int(between)%len(glue)] + text + glue[int(between)/len(glue)%len(glue)] + after
		require.NotContains(t, Text(text), secret, text)
	})
}

// glue is what may stand between a form and the text around it.
var glue = strings.Split(" \n\r\t\"'`()<>[]{},;&?=#/|!.:*", "")

func FuzzTextTwice(f *testing.F) {
	for _, form := range forms {
		f.Add(form, "")
		f.Add("https://h/x?", form)
		f.Add(form, "Authorization: ")
		f.Add(`"token":"`, form)
	}
	f.Fuzz(func(t *testing.T, before, after string) {
		once := Text(before + after)
		require.Equal(t, once, Text(once))
		if len(before+after) < 200 {
			require.NotEqual(t, withheld, once)
		}
	})
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
