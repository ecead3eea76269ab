package test

import (
	"testing"

	"lambdabase/frontend"
	"lambdabase/internal/sample"
	"lambdabase/test/sandbox"

	"github.com/stretchr/testify/require"
)

// BuildKit's git source checks a commit out over the index of whatever was checked out before, whose attributes then act on
// it, and keeps what comes of that under the commit (source/git/source.go of v0.33.1).
func TestACommitIsTheSameWhateverWasCheckedOutBefore(t *testing.T) {
	t.Parallel()
	object := compress(t, packTar(t, append(taskDirs, file("a", "1"))...))
	for attributes, want := range map[string]string{"* ident\n": "REV=$", "* text eol=crlf\n": "REV=$"} {
		victim, evil := newBranch("victim", object), newBranch("evil", object)
		delete(victim.Files, ".gitattributes")
		victim.Files["Dockerfile.victim"] = append(victim.Files["Dockerfile.victim"], "ENV REV=\"$Id$\"\n"...)
		victim.Files["arm64/Dockerfile.victim"] = victim.Files["Dockerfile.victim"]
		victim.LFS["arm64/a.tar.xz"] = object
		evil.Files[".gitattributes"] = []byte(attributes)
		evil.Files["Dockerfile"] = []byte("FROM scratch\nCOPY Dockerfile /\n")
		h := serve(t, []sample.Branch{evil, victim})
		commit, err := h.Commit("victim")
		require.NoError(t, err)
		repository, objects := h.URLs(h.URL)
		inContext := func(fragment string) sandbox.Request {
			return sandbox.Request{Func: frontend.Frontend{}.Build, Attrs: map[string]string{"context": repository + fragment, "filename": "Dockerfile.victim", "objects": objects}}
		}
		for how, req := range map[string]sandbox.Request{
			"by its name":         h.request("victim", "platform", "linux/arm64"),
			"pinned":              h.request("victim", "platform", "linux/arm64", "commit", commit),
			"as a context":        inContext("#victim"),
			"as a context's part": inContext("#victim:arm64"),
		} {
			t.Run(attributes+how, func(t *testing.T) {
				d := sandbox.Start(t)
				_, err := d.Solve(t.Context(), t, sandbox.Request{Frontend: "dockerfile.v0", Attrs: map[string]string{"context": repository + "#evil"}})
				require.NoError(t, err)
				config := imageConfig(t, oneImage(t, d, req))
				require.Contains(t, config.Config.Env, want)
				require.Equal(t, commitTime, config.Created.UTC())
				require.Equal(t, commit, config.Config.Labels["lambdabase.commit"])
			})
		}
	}
}
