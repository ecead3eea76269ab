package test

import (
	"strings"
	"testing"

	"lambdabase/internal/sample"
	"lambdabase/test/sandbox"

	"github.com/stretchr/testify/require"
)

func TestEveryFormOfConfigEqualsTheOracle(t *testing.T) {
	t.Parallel()
	d := sandbox.Start(t)
	for name, tail := range map[string]string{
		"as upstream":           "ENV LANG=en_US.UTF-8\nWORKDIR /var/task\nENTRYPOINT [ \"/lambda-entrypoint.sh\" ]\n",
		"nothing":               "",
		"several in one ENV":    "ENV A=1 B=\"two words\" C=$A\n",
		"old form of ENV":       "ENV A two words\n",
		"ENV from ENV":          "ENV A=/opt\nENV PATH=$A/bin:$PATH B=${A:-x}${NONE:-none}\n",
		"ENV twice":             "ENV A=1\nENV B=2\nENV A=3\n",
		"WORKDIR from ENV":      "ENV ROOT=/var\nWORKDIR $ROOT/task\n",
		"relative WORKDIR":      "WORKDIR var/task\n",
		"WORKDIR of the root":   "WORKDIR /\n",
		"WORKDIR that is made":  "WORKDIR /somewhere/else\n",
		"ENTRYPOINT of a shell": "ENTRYPOINT exec /x $A\n",
		"lower case":            "env A=1\nworkdir /var/task\nentrypoint [\"/x\"]\n",
		"escape":                "ENV A=1 \\\n    B=2\n",
	} {
		t.Run(name, func(t *testing.T) {
			b := newBranch("case", compress(t, packTar(t, append([]entry{file("a", "1")}, taskDirs...)...)))
			head, _, _ := strings.Cut(string(b.Files["Dockerfile.case"]), "ENV")
			b.Files["Dockerfile.case"] = []byte(head + tail)
			h := serve(t, []sample.Branch{b})
			for _, platform := range []string{"linux/amd64", "linux/amd64/v2"} {
				want := oneImage(t, d, h.oracle(t, "case", "", "platform", platform))
				got := oneImage(t, d, h.request("case", "platform", platform))
				require.Equal(t, configOf(t, want), configOf(t, got), platform)
			}
		})
	}
}

func TestVariantsOfArm64EqualTheOracle(t *testing.T) {
	t.Parallel()
	d := sandbox.Start(t)
	h := serveUpstream(t, "provided.al2023")
	for _, platform := range []string{"linux/arm64", "linux/arm64/v8", "linux/arm64/v9"} {
		want := oneImage(t, d, h.oracle(t, "provided.al2023", "arm64", "platform", platform))
		got := oneImage(t, d, h.request("provided.al2023", "platform", platform))
		require.Equal(t, configOf(t, want), configOf(t, got), platform)
	}
}
