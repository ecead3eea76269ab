package frontend

import (
	"testing"

	"lambdabase/test/readme"

	"github.com/pkg/errors"
	"github.com/stretchr/testify/require"
)

func TestOnlyWhatAnEarlierLayerCanMendIsChained(t *testing.T) {
	for text, mendable := range map[string]bool{
		"link /a /b: no such file or directory":                                   true, // a hard link into an earlier layer
		"link /t /b: operation not permitted":                                     true, // to a directory, that is a symlink there
		"open /y/b: no such file or directory":                                    true, // through a symlink into an earlier layer
		"mkdir /y/b: not a directory":                                             true,
		"symlink x /y/b: too many levels of symbolic links":                       true,
		"exit status 1: xz: (stdin): Unexpected end of input\n":                   false,
		"signal: killed: ":                                                        false,
		"unexpected EOF":                                                          false,
		"archive/tar: invalid tar header":                                         false,
		"write /opt/a: no space left on device":                                   false,
		"write /opt/a: disk quota exceeded":                                       false,
		"read /x: input/output error":                                             false,
		"lchown /a: invalid argument":                                             false,
		"operation not permitted":                                                 false, // a device of an ordinary user
		`exec: "xz": executable file not found in $PATH`:                          false,
		"fork/exec /usr/bin/xz: no such file or directory":                        false,
		"write /no such file or directory: no space left on device":               false,
		"failed to solve: process: link /a /b: no such file or directory":         true,
		"invalid hardlink \"/x\" -> \"../../x\": breakout of the root is refused": false,
	} {
		err := errors.WithStack(&unpackError{cause: errors.New(text)})
		a := &assembler{request: &request{}}
		require.Equal(t, mendable, a.isChainable(err), text)
		a.Layers = LayersMerge
		require.False(t, a.isChainable(err), "merge has no chain")
	}
}

func TestErrorsOfUnpackingSayWhatToDo(t *testing.T) {
	for text, want := range map[string][]string{
		"write /opt/a: no space left on device":                 {"the disk that BuildKit keeps its cache on is full", "prune the cache"},
		"exit status 1: xz: (stdin): Unexpected end of input\n": {"the archive is damaged, or its unpacker was stopped: exit status 1: xz: (stdin): Unexpected end of input"},
		"signal: killed: ": {"its unpacker was stopped: signal: killed"},
		`exec: "xz": executable file not found in $PATH`: {"the BuildKit daemon has no xz: install xz-utils (apk: xz) where buildkitd runs"},
	} {
		for _, part := range want {
			require.ErrorContains(t, &unpackError{cause: errors.New(text)}, part)
		}
	}
	inside := &unpackError{cause: errors.New(`exec: "xz": executable file not found in $PATH`), inProcess: true}
	require.ErrorContains(t, inside, "there is no xz: install xz-utils")
	require.NotContains(t, inside.Error(), "daemon")
	require.NotContains(t, (&xzError{inProcess: true}).Error(), "daemon")
	require.ErrorContains(t, &xzError{inProcess: true, reason: "xz: (stdin): Memory usage limit reached (exit status 1)"}, "xz fails: xz: (stdin): Memory usage limit reached")
}

func TestADaemonThatRefusesImpliedParentsIsTold(t *testing.T) {
	const failure = "mkdir /opt/tool: no such file or directory"
	for noParents, want := range map[bool]string{
		true:  "b.tar.xz (object sha256:" + stubOID("b") + ", 5B) for linux/amd64: this BuildKit can't make a directory whose parent has no header in the archive",
		false: "5B): " + failure, // a symlink to nowhere, say
	} {
		for _, layers := range []string{"auto", "merge", "chain"} {
			s := newStub(map[string]string{"layers": layers})
			s.noParents, s.unpackFails = noParents, map[string]string{stubOID("b"): failure}
			err := buildError(t, s)
			require.ErrorContains(t, err, want, layers)
			if noParents {
				readme.Explains(t, err.Error(), "this BuildKit can't make a directory whose parent has no header")
			}
		}
	}
}
