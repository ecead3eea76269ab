package isolate

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestToThemselves(t *testing.T) {
	require.Equal(t, "0 0 1\n1 1 4294967294\n", identityMap("         0          0 4294967295\n"))
	require.Equal(t, "0 0 1\n1 1 65536\n", identityMap("0 1000 1\n1 100000 65536\n"))
}
