package redact

import (
	"regexp"
	"slices"
	"strings"
)

// queryKeys are what a query may say: an allow-list, as there is no end to the names that credentials go by.
var queryKeys = []string{"api-version", "download", "format", "inline", "lfs", "oid", "path", "raw", "ref", "ref_type", "resolveLfs", "size", "version", "versionType"}

var (
	// nameValue is a name, a path, a number or a placeholder.
	nameValue = regexp.MustCompile(`^([A-Za-z0-9._/{}-]|%2[fF])*$`)
	pairBreak = regexp.MustCompile(`&amp;|\\u0026|[&;]`)
)

// SafeQueryKeys returns the keys that IsSafeQueryKey allows, sorted.
func SafeQueryKeys() []string { return slices.Clone(queryKeys) }

// IsSafeQueryKey reports whether a query's key is known to come with no credential.
func IsSafeQueryKey(key string) bool { return slices.Contains(queryKeys, key) }

// isSafeQuery reports whether a query may be shown, as it stands in a URL.
func isSafeQuery(query string) bool {
	return !slices.ContainsFunc(pairBreak.Split(query, -1), func(pair string) bool {
		key, value, _ := strings.Cut(pair, "=")
		return !IsSafeQueryKey(key) || !nameValue.MatchString(value)
	})
}
