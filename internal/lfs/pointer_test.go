package lfs

import (
	"fmt"
	"strings"
	"testing"

	"github.com/pkg/errors"
	"github.com/stretchr/testify/require"
)

const oid = "4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393"

func pointer(oid, size string) string {
	return fmt.Sprintf("version https://git-lfs.github.com/spec/v1\noid sha256:%s\nsize %s\n", oid, size)
}

func TestPointerIsRead(t *testing.T) {
	p, err := ParsePointer([]byte(pointer(oid, "468")))
	require.NoError(t, err)
	require.Equal(t, Pointer{OID: oid, Size: 468}, p)
	require.Equal(t, "sha256:"+oid, p.Digest().String())
}

func TestPointerIsReadStrictly(t *testing.T) {
	for name, tc := range map[string]struct{ text, want string }{
		"content":           {"\xfd7zXZ\x00\x00\x04", "not a Git LFS pointer"},
		"empty":             {"", "not a Git LFS pointer"},
		"upper-case oid":    {pointer(strings.ToUpper(oid), "1"), "want \"oid sha256:\""},
		"short oid":         {pointer(oid[1:], "1"), "want \"oid sha256:\""},
		"other hash":        {strings.Replace(pointer(oid, "1"), "sha256", "sha512", 1), "want \"oid sha256:\""},
		"negative size":     {pointer(oid, "-1"), "want \"size\""},
		"padded size":       {pointer(oid, "01"), "want \"size\""},
		"size of 20 digits": {pointer(oid, "99999999999999999999"), "want \"size\""},
		"size over int64":   {pointer(oid, "9999999999999999999"), "size"},
		"size over 10 GiB":  {pointer(oid, "10737418241"), "at most 10737418240"},
		"size of 1 TiB":     {pointer(oid, "1099511627776"), "at most 10737418240"},
		"size of nothing":   {pointer(oid, "0"), "nothing of 0 bytes has this sha256"},
		"nothing of 5":      {pointer("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "5"), "nothing of 5 bytes has this sha256"},
		"carriage returns":  {strings.ReplaceAll(pointer(oid, "1"), "\n", "\r\n"), "spec/v1\\r"},
		"cut":               {strings.TrimSuffix(pointer(oid, "10"), "0\n"), "may be cut"},
		"later version":     {strings.Replace(pointer(oid, "1"), "v1", "v2", 1), "spec/v2"},
		"extension":         {strings.Replace(pointer(oid, "1"), "oid", "ext-0-foo sha256:00\noid", 1), "extension \"ext-0-foo"},
		"another line":      {pointer(oid, "1") + "x y\n", "4 lines"},
		"blank line":        {pointer(oid, "1") + "\n", "4 lines"},
		"other order":       {"version https://git-lfs.github.com/spec/v1\nsize 1\noid sha256:" + oid + "\n", "want \"oid"},
		"too large":         {pointer(oid, "1") + strings.Repeat("x", MaxPointerSize), "a pointer is below 1024"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ParsePointer([]byte(tc.text))
			require.ErrorContains(t, err, tc.want)
			require.Equal(t, !IsPointer([]byte(tc.text)), errors.Is(err, ErrNotPointer))
		})
	}
}

func FuzzParsePointer(f *testing.F) {
	f.Add([]byte(pointer(oid, "468")))
	f.Add([]byte(pointer(oid, "0")))
	f.Fuzz(func(t *testing.T, dt []byte) {
		p, err := ParsePointer(dt)
		if err != nil {
			return
		}
		require.Equal(t, pointer(p.OID, fmt.Sprint(p.Size)), string(dt), "what is accepted is in canonical form")
	})
}
