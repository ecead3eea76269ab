package usergit

import (
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/http/httpguts"
)

func FuzzHelperOutput(f *testing.F) {
	f.Add([]byte("protocol=https\nusername=u\npassword=p=q\n"))
	f.Add([]byte("authtype=Bearer\ncredential=x\x01\n"))
	f.Add([]byte("authtype=a\r\ncredential=b\rc\n"))
	f.Fuzz(func(t *testing.T, out []byte) {
		if header := parseHelperOutput(out); header != "" {
			require.True(t, httpguts.ValidHeaderFieldValue(header), "%q", header)
		}
	})
}
