package sample

import (
	"fmt"
	"os"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// docs/shared.svg says what three runtimes have in common.
func TestThePictureOfWhatIsSharedIsTrue(t *testing.T) {
	dt, err := os.ReadFile("../../docs/shared.svg")
	require.NoError(t, err)
	all, err := branchSpecs()
	require.NoError(t, err)
	sizes, times, sum, once := map[string]int64{}, map[string]int{}, int64(0), int64(0)
	for _, runtime := range []string{"nodejs20.x", "python3.12", "java21"} {
		for _, a := range addsOf(all, runtime, "x86_64/Dockerfile."+runtime) {
			sizes[a.OID] = a.Size
			times[a.OID]++
			sum += a.Size
			if a.Kind == language || a.Kind == runtimeClient && a.Size > 1e6 {
				require.Contains(t, string(dt), ">"+megabytes(a.Size)+"<", "%s of %s", a.Kind, runtime)
			}
			if a.Kind == operatingSystem || a.Kind == emulator {
				require.Contains(t, string(dt), "one object, "+megabytes(a.Size)+"<")
			}
		}
	}
	count, shared := 0, 0
	for oid, size := range sizes {
		count, once = count+times[oid], once+size
		if times[oid] == 3 {
			shared++
		}
	}
	require.Equal(t, 2, shared)
	require.Contains(t, string(dt), fmt.Sprintf(">%d objects of %s in the recipes; %d of %s are", count, megabytes(sum), len(sizes), megabytes(once)))
}

func addsOf(all []branchSpec, runtime, path string) []add {
	branch := all[slices.IndexFunc(all, func(b branchSpec) bool { return b.Branch == runtime })]
	return branch.Dockerfiles[slices.IndexFunc(branch.Dockerfiles, func(d dockerfile) bool { return d.Path == path })].Add
}

func megabytes(size int64) string { return fmt.Sprintf("%.1f MB", float64(size)/1e6) }
