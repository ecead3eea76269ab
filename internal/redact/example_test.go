package redact_test

import (
	"fmt"

	"lambdabase/internal/redact"
)

func ExampleText() {
	for _, s := range []string{
		`Get "https://user:s3cr3t@git.example/o/r.git/info/refs?service=git-upload-pack": dial tcp: no such host`,
		"https://store.example/4d/7a?X-Amz-Signature=0123abcd answers 403 Forbidden",
		"header Authorization: Bearer ghp_0123456789abcdef was refused",
		"want https://mirror.example/{oid}, or commit b8b153b94ac0 of https://git.example/o/r.git",
	} {
		fmt.Println(redact.Text(s))
	}
	// Output:
	// Get "https://git.example/o/r.git/info/refs?...": dial tcp: no such host
	// https://store.example/4d/7a?... answers 403 Forbidden
	// header Authorization: ... was refused
	// want https://mirror.example/{oid}, or commit b8b153b94ac0 of https://git.example/o/r.git
}
