package isolate

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"lambdabase/test/readme"

	"github.com/stretchr/testify/require"
)

func TestWhoRefusesUserNamespaces(t *testing.T) {
	sysctl := t.TempDir()
	require.Equal(t, "the kernel refuses it, as it does in many containers", denialHint(sysctl))
	for _, s := range sysctls {
		file := filepath.Join(sysctl, s.file)
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o700))
		require.NoError(t, os.WriteFile(file, []byte(s.closed+"\n"), 0o600))
		require.Equal(t, s.advice, denialHint(sysctl))
		require.NoError(t, os.WriteFile(file, []byte("7\n"), 0o600))
	}
	readme.Explains(t, namespaceError(syscall.EPERM, true).Error(), "no user namespace")
}
