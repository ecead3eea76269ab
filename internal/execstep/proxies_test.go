package execstep

import (
	"os"
	"testing"

	"lambdabase/internal/execstep/contract"

	"github.com/stretchr/testify/require"
)

func TestProxiesComeFromSecretsAndAllProxyStandsForTheRest(t *testing.T) {
	for _, name := range append(contract.Proxies, "http_proxy", "https_proxy", "all_proxy") {
		t.Setenv(name, "")
	}
	t.Setenv("ALL_PROXY", "http://all.example")
	t.Setenv("HTTPS_PROXY", "http://given.example")
	require.NoError(t, setProxies(func(id string) (string, bool) { return "http://u:p@secret.example\n", id == "HTTPS_PROXY" }))
	require.Equal(t, "http://u:p@secret.example", os.Getenv("HTTPS_PROXY"))
	require.Equal(t, "http://all.example", os.Getenv("HTTP_PROXY"))
}

func TestAProxyThatIsNoURLIsRefusedAndItsPasswordNotTold(t *testing.T) {
	for _, name := range append(contract.Proxies, "http_proxy", "https_proxy", "all_proxy") {
		t.Setenv(name, "")
	}
	for _, malformed := range []string{
		"", "u:hunter2@h:1", "http://u:hunter2%ss@h:1", "http://u:p hunter2@h:1",
		// What is special in a password isn't escaped in these: the host would be u.
		"http://u:hunter2/x@h", "http://u:80/hunter2@h", "http://u:80?hunter2@h", "http://u:80#hunter2@h",
	} {
		err := setProxies(func(id string) (string, bool) { return malformed, id == "HTTPS_PROXY" })
		require.ErrorContains(t, err, "secret HTTPS_PROXY is no URL", malformed)
		require.NotContains(t, err.Error(), "hunter2", malformed)
		require.Empty(t, os.Getenv("HTTPS_PROXY"), malformed)
	}
}
