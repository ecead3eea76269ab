package main

import (
	"fmt"
	"regexp"
	"strings"
)

// missingSecret is how BuildKit v0.33.1 says that a session lacks a secret that a step requires.
var missingSecret = regexp.MustCompile(`secret (\S+): not found`)

// withFlag is an error of a step that lacks a secret or an agent, with the flag that names it. Where a build ends in such a
// step, the frontend has answered long before.
func withFlag(err error) error {
	if err == nil {
		return nil
	}
	text := err.Error()
	if found := missingSecret.FindStringSubmatch(text); found != nil {
		return fmt.Errorf("%w: name it with --secret id=%s,env=VARIABLE (or src=FILE)", err, found[1])
	}
	if (strings.Contains(text, "no SSH key ") || strings.Contains(text, "unset ssh forward key ")) && !strings.Contains(text, "--ssh") {
		return fmt.Errorf("%w: name it with --ssh default", err)
	}
	return err
}
