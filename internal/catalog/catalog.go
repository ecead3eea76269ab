// Package catalog knows the names of Lambda's runtimes. The branches of the repository are the truth; the catalogue
// only helps where they can't be asked: in an error that says which runtime may have been meant.
package catalog

import (
	"slices"
	"strings"

	"github.com/agext/levenshtein"
)

// names are AWS's runtime identifiers that ever had a base image, as of 2026-11
// (https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html), sorted.
var names = []string{
	"dotnet10", "dotnet5.0", "dotnet6", "dotnet7", "dotnet8", "dotnet9", "dotnetcore2.1", "dotnetcore3.1",
	"go1.x",
	"java11", "java17", "java21", "java25", "java8", "java8.al2",
	"nodejs10.x", "nodejs12.x", "nodejs14.x", "nodejs16.x", "nodejs18.x", "nodejs20.x", "nodejs22.x", "nodejs24.x",
	"provided", "provided.al2", "provided.al2023",
	"python2.7", "python3.10", "python3.11", "python3.12", "python3.13", "python3.14",
	"python3.6", "python3.7", "python3.8", "python3.9",
	"ruby2.5", "ruby2.7", "ruby3.2", "ruby3.3", "ruby3.4",
}

// maxNearest is how many names an error can show and still be read.
const maxNearest = 3

// Names are all names that the catalogue has, sorted.
func Names() []string { return slices.Clone(names) }

// Nearest are the names most like a name that doesn't exist, the nearest first. A name that exists is not among them.
func Nearest(name string) []string {
	lower := strings.ToLower(name)
	type candidate struct {
		name string
		dist int
	}
	var found []candidate
	for _, n := range names {
		d := levenshtein.Distance(lower, n, nil)
		if n != name && (d <= 2 || sameFamily(n, lower) && d <= 5) {
			found = append(found, candidate{n, d})
		}
	}
	slices.SortStableFunc(found, func(a, b candidate) int { return a.dist - b.dist })
	var nearest []string
	for _, c := range found[:min(len(found), maxNearest)] {
		nearest = append(nearest, c.name)
	}
	return nearest
}

// sameFamily takes "node20" for a "nodejs" too.
func sameFamily(name, given string) bool {
	f := family(given)
	return f != "" && strings.HasPrefix(family(name), f)
}

// family is the language that a name begins with: "nodejs" of "nodejs20.x".
func family(name string) string {
	end := strings.IndexFunc(name, func(r rune) bool { return r < 'a' || r > 'z' })
	if end < 0 {
		return name
	}
	return name[:end]
}
