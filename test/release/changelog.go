package main

import (
	"regexp"
	"strings"
	"time"

	"github.com/pkg/errors"
)

// changelogFile has the form of keepachangelog.com.
const changelogFile = "docs/CHANGELOG.md"

var sectionRE = regexp.MustCompile(`^## \[([^\]]+)\](?: - (\S+))?\s*$`)

// section is what a changelog says of a version.
type section struct{ version, date, text string }

// parseChangelog returns the sections of a changelog, without what stands before the first.
func parseChangelog(text string) (sections []section) {
	for line := range strings.Lines(text) {
		if m := sectionRE.FindStringSubmatch(strings.TrimRight(line, "\r\n")); m != nil {
			sections = append(sections, section{version: m[1], date: m[2]})
		} else if n := len(sections); n > 0 {
			sections[n-1].text += line
		}
	}
	return sections
}

// checkChangelog fails where users aren't told what is new in a version.
func checkChangelog(text, version string) error {
	number := strings.TrimPrefix(version, "v")
	for _, s := range parseChangelog(text) {
		if s.version != number {
			continue
		}
		if _, err := time.Parse(time.DateOnly, s.date); err != nil {
			return errors.Errorf("%s: the section of %s has no date: ## [%s] - 2026-01-31", changelogFile, number, number)
		}
		if strings.TrimSpace(s.text) == "" {
			return errors.Errorf("%s: the section of %s is empty: say what is new", changelogFile, number)
		}
		return nil
	}
	return errors.Errorf("%s has no section of %s: give what is under [Unreleased] a line ## [%s] - 2026-01-31", changelogFile, number, number)
}
