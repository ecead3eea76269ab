package frontend

import (
	"context"
	"strings"
	"testing"

	"github.com/moby/buildkit/exporter/containerimage/exptypes"
	"github.com/stretchr/testify/require"
)

// contextStub builds a checkout: the recipe of a URL of git.
func contextStub(url string, opts map[string]string) *stub {
	s := newStub(map[string]string{"runtime": "", "context": url, "filename": "Dockerfile.nodejs20.x"})
	for k, v := range opts {
		s.opts[k] = v
	}
	s.branches["main"] = stubCommit
	return s
}

func TestAContextOfGitIsReadFromTheCommitsOwnTree(t *testing.T) {
	for name, tc := range map[string]struct {
		context, repository, want, layer string
		opts                             map[string]string
	}{
		"https":                    {context: "https://h.example/o/r.git#refs/heads/main", want: "https://h.example/o/r.git", layer: "x86_64/a.tar.xz"},
		"no scheme":                {context: "github.com/o/r.git#refs/heads/main:arm64", want: "https://github.com/o/r.git", layer: "arm64/a.tar.xz"},
		"a part of a part":         {context: "https://h.example/o/r.git#refs/heads/main", opts: map[string]string{"contextsubdir": "arm64", "filename": "arm64/Dockerfile.nodejs20.x"}, want: "https://h.example/o/r.git", layer: "arm64/a.tar.xz"},
		"another name":             {context: "", opts: map[string]string{"contextkey": "ctx", "ctx": "https://h.example/o/r.git#refs/heads/main:/arm64/"}, want: "https://h.example/o/r.git", layer: "arm64/a.tar.xz"},
		"the option says the same": {context: "https://h.example/o/r.git#refs/heads/main", repository: "https://H.example:443/o/r/", want: "https://h.example/o/r.git", layer: "x86_64/a.tar.xz"},
	} {
		t.Run(name, func(t *testing.T) {
			s := contextStub(tc.context, tc.opts)
			if tc.repository != "" {
				s.opts["repository"] = tc.repository
			}
			s.opts["objects"] = "https://objects.example/{oid}"
			image := imageOf(t, built(t, s).Metadata[exptypes.ExporterImageConfigKey])
			require.Equal(t, stubCommit, image.Config.Labels["lambdabase.commit"])
			require.Contains(t, image.History[0].CreatedBy, "ADD "+tc.layer+" / # sha256:")
			trees := strings.Join(s.solved, "\n")
			require.Contains(t, trees, "git.keepgitdir: true\n")
			require.Contains(t, trees, "git.fullurl: "+tc.want+"\n")
		})
	}
}

func TestAContextOfGitIsHeldToWhatARepositoryIs(t *testing.T) {
	const secret = "hunter2"
	for name, tc := range map[string]struct{ context, repository, want string }{
		"a token":            {"https://u:" + secret + "@h.example/r.git#main", "", "invalid build context: URL of host h.example has user information in it: pass the token as the secret GIT_AUTH_TOKEN.h.example"},
		"a token by itself":  {"https://" + secret + "@h.example/r.git#main", "", "invalid build context: URL of host h.example has user information in it: leave it out"},
		"without a scheme":   {"github.com/o/x%3Fy.git#main", "", "invalid build context: want a URL with a path and without query and fragment"},
		"another scheme":     {"git://h.example/o/r.git#main", "", "invalid build context: want an https, http or SSH URL"},
		"another repository": {"https://h.example/o/r.git#main", "https://mirror.example/o/r.git", "invalid build context: it is of https://h.example/o/r.git, and option repository says https://mirror.example/o/r.git: leave out the option"},
		"another host of it": {"https://h.example/o/r.git#main", "http://h.example/o/r.git", "and option repository says http://"},
		"an SSH password":    {"ssh://git:" + secret + "@h.example/o/r.git#main", "", "invalid build context: a password in an SSH remote"},
		"an unknown host":    {"git@h.example:o/r.git#main", "", "invalid build context: repository git@h.example:o/r.git: the host key of h.example is not known"},
	} {
		t.Run(name, func(t *testing.T) {
			s := contextStub(tc.context, map[string]string{"repository": tc.repository})
			err := buildError(t, s)
			require.ErrorContains(t, err, tc.want)
			require.NotContains(t, err.Error(), secret)
			require.Empty(t, s.warned)

			s.tree["Dockerfile.nodejs20.x"] = stubFile{data: "FROM scratch\nCOPY x86_64/a.tar.xz /\n"}
			_, err = quick.Build(context.Background(), s)
			require.NoError(t, err, "any other Dockerfile is BuildKit's own business")
		})
	}
}
