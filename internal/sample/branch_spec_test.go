package sample

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFactsAreThoseOfTheRealRepository(t *testing.T) {
	all, err := branchSpecs()
	require.NoError(t, err)
	require.Len(t, all, 33)

	images, files, pointers := 0, 0, map[string]bool{}
	names := map[string]map[string]bool{}
	for _, f := range all {
		files += len(f.Dockerfiles)
		for _, d := range f.Dockerfiles {
			if strings.Contains(d.Path, "/") || len(f.Dockerfiles) == 1 {
				images++
			}
			require.LessOrEqual(t, len(d.Add), 8)
			for _, a := range d.Add {
				pointers[f.Branch+":"+a.TreePath] = true
				if names[a.OID] == nil {
					names[a.OID] = map[string]bool{}
				}
				names[a.OID][a.TreePath] = true
			}
		}
	}
	most := 0
	for _, n := range names {
		most = max(most, len(n))
	}
	require.Equal(t, 56, images)
	require.Equal(t, 79, files)
	require.Len(t, pointers, 329)
	require.Len(t, names, 232, "distinct oids")
	require.Equal(t, 31, most, "names of the most common oid")
}

func TestEveryImageHasOneOSOneEmulatorAndOneBootstrap(t *testing.T) {
	all, err := branchSpecs()
	require.NoError(t, err)
	for _, f := range all {
		for _, d := range f.Dockerfiles {
			kinds := map[layerKind]int{}
			for _, a := range d.Add {
				kinds[a.Kind]++
			}
			for _, k := range []layerKind{operatingSystem, emulator, bootstrap} {
				require.Equal(t, 1, kinds[k], "%s of %s on %s", k, d.Path, f.Branch)
			}
			require.Positive(t, kinds[directories], "%s on %s", d.Path, f.Branch)
		}
	}
}

func TestDockerfileHasUpstreamsInstructionsInOrder(t *testing.T) {
	all, err := branchSpecs()
	require.NoError(t, err)
	for _, f := range all {
		for _, d := range f.Dockerfiles {
			var instructions []string
			for line := range strings.Lines(d.text()) {
				if word, _, _ := strings.Cut(strings.TrimSpace(line), " "); word != "" {
					instructions = append(instructions, word)
				}
			}
			require.Equal(t, d.Instructions, instructions, "%s on %s", d.Path, f.Branch)
		}
	}
}

func TestDockerfileText(t *testing.T) {
	branches, err := Upstream(UpstreamOptions{Branches: []string{"provided.al2023"}})
	require.NoError(t, err)
	require.Equal(t, `FROM scratch

ADD 1f54e5dc002bbdc46701ee1b039683c4866396ca6b12a57f8ef9a22e1ad9c425.tar.xz /
ADD 2e5c2301260716f2a37b937acf8222a6efc8d4642c8a6742ac830bea8514550b.tar.xz /
ADD 6ed1053bbdc80e24802d2d4ec0640295a3e9baa162da75a5af579f1a58e7e190.tar.xz /
ADD 9d6f526aacd9a20e054ee53c3c7665a5a0730712a410852cf6af76d333f7f39f.tar.xz /

ENV LANG=en_US.UTF-8
ENV TZ=:/etc/localtime
ENV PATH=/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin
ENV LD_LIBRARY_PATH=/var/lang/lib:/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib:/opt/lib
ENV LAMBDA_TASK_ROOT=/var/task
ENV LAMBDA_RUNTIME_DIR=/var/runtime

WORKDIR /var/task

ENTRYPOINT [ "/lambda-entrypoint.sh" ]
`, string(branches[0].Files["arm64/Dockerfile.provided.al2023"]))
}
