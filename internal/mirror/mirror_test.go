package mirror

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParseLocation(t *testing.T) {
	for text, want := range map[string]Location{
		"oci://registry.example/aws/lambda": {Repository: "registry.example/aws/lambda"},
		"oci://127.0.0.1:5000/m":            {Repository: "127.0.0.1:5000/m"},
		"oci-layout:some/dir":               {Layout: "some/dir"},
		"oci-layout:/abs:dir":               {Layout: "/abs:dir"},
	} {
		got, err := ParseLocation(text)
		require.NoError(t, err, text)
		require.Equal(t, want, got)
		require.Equal(t, text, got.String())
		require.True(t, IsLocation(text))
	}
	for text, want := range map[string]string{
		"https://h/x":                   "want oci://registry/name or oci-layout:DIR",
		"oci-layout:":                   "want oci-layout:DIR",
		"oci://h.example/x:tag":         "without a tag",
		"oci://h/x":                     "with the registry as it is written in full",
		"oci://x":                       "want oci://registry/name with the registry",
		"oci://u:s3cret@h/x":            "without user information",
		"oci://h/X":                     "want oci://registry/name",
		"oci://h/x?token=s3cret":        "want oci://registry/name",
		"oci://[c:1]:5000/m":            "the registry is no host",
		"oci://h/x@sha256:" + "0123456": "without a digest",
	} {
		_, err := ParseLocation(text)
		require.ErrorContains(t, err, want, text)
		require.NotContains(t, err.Error(), "s3cret")
	}
}

func TestPlainHTTPIsForThisMachineAlone(t *testing.T) {
	for name, want := range map[string]bool{"127.0.0.1:5000/m": true, "localhost/m": true, "[::1]:5000/m": true, "registry.example/m": false, "10.0.0.1:5000/m": false} {
		require.Equal(t, want, Location{Repository: name}.IsPlainHTTP(), name)
	}
}

func TestImagesAndBlobsHaveNames(t *testing.T) {
	for text, want := range map[string][3]string{
		"oci://registry.example/aws/lambda": {"registry.example", "registry.example/aws/lambda:go1.x", "https://registry.example/v2/aws/lambda/blobs/sha256:abc"},
		"oci://localhost:5000/m":            {"localhost:5000", "localhost:5000/m:go1.x", "http://localhost:5000/v2/m/blobs/sha256:abc"},
		"oci://docker.io/me/m":              {"docker.io", "docker.io/me/m:go1.x", "https://registry-1.docker.io/v2/me/m/blobs/sha256:abc"},
	} {
		l, err := ParseLocation(text)
		require.NoError(t, err)
		require.Equal(t, want, [3]string{l.Host(), l.Image("go1.x"), l.BlobURL("abc")})
	}
	require.Equal(t, "oci-layout:dir:go1.x", Location{Layout: "dir"}.Image("go1.x"))
	require.True(t, Location{}.IsZero())
}

func TestTag(t *testing.T) {
	tag, err := Tag("nodejs20.x", "")
	require.NoError(t, err)
	require.Equal(t, "nodejs20.x", tag)
	tag, err = Tag("nodejs20.x", "b8b153b94ac0e09eb5f2ea6d5e5d5c7a9a6d1a31")
	require.NoError(t, err)
	require.Equal(t, "nodejs20.x-b8b153b94ac0e09eb5f2ea6d5e5d5c7a9a6d1a31", tag)
	for _, name := range []string{"team/nodejs20.x", CatalogTag} {
		_, err = Tag(name, "")
		require.ErrorContains(t, err, "can't be in a mirror")
	}
}
