package frontend

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAnObjectOfAnotherSizeThanItsPointerSaysIsAnError(t *testing.T) {
	for _, layers := range []string{"auto", "chain"} {
		for content, wrong := range map[string]bool{"12345": false, "1234": true, "123456": true, "": false} {
			s := newStub(map[string]string{"layers": layers})
			if content != "" { // or else the daemon hasn't got the object any more
				s.objects = map[string]string{stubOID("b"): content}
			}
			if !wrong {
				built(t, s)
				continue
			}
			require.ErrorContains(t, buildError(t, s), "its pointer says 5", layers)
		}
	}
}

func TestTwoPointersOfOneObjectSayTheSame(t *testing.T) {
	s := newStub(map[string]string{"platform": "linux/amd64,linux/arm64"})
	s.tree["arm64/b.tar.xz"] = stubFile{data: strings.Replace(stubPointer("b").data, "size 5", "size 6", 1)}
	err := buildError(t, s)
	require.ErrorContains(t, err, "object sha256:"+stubOID("b")+" has")
	require.ErrorContains(t, err, "arm64/b.tar.xz")
	require.ErrorContains(t, err, "x86_64/b.tar.xz")
}

func TestASizeThatCannotBeIsAnErrorBeforeAnythingIsFetched(t *testing.T) {
	for size, want := range map[string]string{"0": "nothing of 0 bytes has this sha256", "1099511627776": "at most 10737418240 are expected"} {
		s := newStub(nil)
		s.tree["x86_64/b.tar.xz"] = stubFile{data: strings.Replace(stubPointer("b").data, "size 5", "size "+size, 1)}
		require.ErrorContains(t, buildError(t, s), want)
		require.Zero(t, count(s.solved, "source https://"))
	}
}
