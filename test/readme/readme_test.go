package readme

import (
	"testing"

	"github.com/stretchr/testify/require"
)

const example = "# x\n\n| `not here` | x |\n\n## When it fails\n\n| message | what to do |\n|---|---|\n" +
	"| `no runtime nodejs21.x` | `lambdabase list` |\n| `secret ... is wrong`, `no token` | pass one |\n\nNeeds `git`.\n\n## More\n\n| `nor here` | x |\n"

func TestMessagesAreThoseOfTheFirstColumn(t *testing.T) {
	require.Equal(t, []string{"no runtime nodejs21.x", "secret ... is wrong", "no token"}, messages(example))
}

func TestTheTextHasTheMessage(t *testing.T) {
	for _, tc := range []struct{ text, message, want string }{
		{"failed: no runtime nodejs21.x: there is none", "no runtime nodejs21.x", ""},
		{"secret A is wrong", "secret ... is wrong", ""},
		{"x\nno token\ny", "no token", ""},
		{"no runtime nodejs21yx", "no runtime nodejs21.x", "and the code says:\nno runtime nodejs21yx"},
		{"secret  is wrong", "secret ... is wrong", "and the code says"},
		{"secret A\n is wrong", "secret ... is wrong", "and the code says"},
		{"not here", "not here", "has no row for `not here`"},
		{"no", "no", "has no row for `no`"},
	} {
		err := explains(example, tc.text, tc.message)
		if tc.want == "" {
			require.NoError(t, err)
			continue
		}
		require.ErrorContains(t, err, tc.want)
	}
}
