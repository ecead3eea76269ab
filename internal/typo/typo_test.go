package typo

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestNamesThatAreMeant(t *testing.T) {
	names := []string{"runtime", "ecr", "lock", "layers", "exclude"}
	for name, want := range map[string]string{
		"runtme": "runtime", "rutnime": "runtime", "lokc": "lock", "olck": "lock", "lck": "lock", "lcok": "lock", "erc": "ecr", "excldue": "exclude",
		"lock": "", "env": "", "rce": "", "lkco": "", "": "", "context": "", "target": "",
	} {
		require.Equal(t, want, Nearest(name, names), name)
	}
}
