package catalog

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/agext/levenshtein"
)

// endOfSupport are AWS's runtime identifiers that ever had a base image, sorted, with the day on which AWS ends their
// support as it was announced. AWS moves such days; its table is the truth
// (https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html).
var endOfSupport = []struct{ name, day string }{
	{"dotnet10", "2028-11-14"}, {"dotnet5.0", "2022-05-10"}, {"dotnet6", "2024-12-20"}, {"dotnet7", "2024-05-14"},
	{"dotnet8", "2026-11-10"}, {"dotnet9", "2026-11-10"}, {"dotnetcore2.1", "2022-01-05"}, {"dotnetcore3.1", "2023-04-03"},
	{"go1.x", "2024-01-08"},
	{"java11", "2027-06-30"}, {"java17", "2027-06-30"}, {"java21", "2029-06-30"}, {"java25", "2029-06-30"},
	{"java8", "2024-01-08"}, {"java8.al2", "2027-06-30"},
	{"nodejs10.x", "2021-07-30"}, {"nodejs12.x", "2023-03-31"}, {"nodejs14.x", "2023-12-04"}, {"nodejs16.x", "2024-06-12"},
	{"nodejs18.x", "2025-09-01"}, {"nodejs20.x", "2026-04-30"}, {"nodejs22.x", "2027-04-30"}, {"nodejs24.x", "2028-04-30"},
	{"provided", "2024-01-08"}, {"provided.al2", "2026-07-31"}, {"provided.al2023", "2029-06-30"},
	{"python2.7", "2021-07-15"}, {"python3.10", "2026-10-31"}, {"python3.11", "2027-06-30"}, {"python3.12", "2028-10-31"},
	{"python3.13", "2029-06-30"}, {"python3.14", "2029-06-30"}, {"python3.6", "2022-07-18"}, {"python3.7", "2023-12-04"},
	{"python3.8", "2024-10-14"}, {"python3.9", "2025-12-15"},
	{"ruby2.5", "2021-07-30"}, {"ruby2.7", "2023-12-07"}, {"ruby3.2", "2026-03-31"}, {"ruby3.3", "2027-03-31"}, {"ruby3.4", "2028-03-31"},
}

// maxNearest is how many names an error can show and still be read.
const maxNearest = 3

// Names returns all names that the catalog has, sorted.
func Names() []string {
	names := make([]string, 0, len(endOfSupport))
	for _, e := range endOfSupport {
		names = append(names, e.name)
	}
	return names
}

// EndOfSupport returns the day on which AWS ends a runtime's support; false for one that the catalog doesn't know.
func EndOfSupport(name string) (time.Time, bool) {
	for _, e := range endOfSupport {
		if e.name == name {
			day, err := time.Parse(time.DateOnly, e.day)
			return day, err == nil
		}
	}
	return time.Time{}, false
}

// Nearest returns the names most like a name that doesn't exist, the nearest first and of those the one that is supported
// longest. A name that exists is not among them.
func Nearest(name string) []string {
	lower := strings.ToLower(name)
	type candidate struct {
		name, end string
		dist      int
	}
	var found []candidate
	for _, e := range endOfSupport {
		d := levenshtein.Distance(lower, e.name, nil)
		if e.name != name && (d <= 2 || sameFamily(e.name, lower) && d <= 5) {
			found = append(found, candidate{e.name, e.day, d})
		}
	}
	slices.SortStableFunc(found, func(a, b candidate) int {
		return cmp.Or(a.dist-b.dist, strings.Compare(b.end, a.end))
	})
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
