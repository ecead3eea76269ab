package main

import (
	"fmt"
	"regexp"
	"strings"
)

// missingSecretRE matches how BuildKit v0.33.1 says that a session lacks a secret that a step requires.
var missingSecretRE = regexp.MustCompile(`secret (\S+): not found`)

// withFlagHint adds to the error of a step that lacks a secret or an agent the flag that names it. Where a build ends in such a
// step, the frontend has answered long before.
func withFlagHint(err error) error {
	if err == nil {
		return nil
	}
	text := err.Error()
	if found := missingSecretRE.FindStringSubmatch(text); found != nil {
		return fmt.Errorf("%w: name it with --secret id=%s,env=VARIABLE (or src=FILE)", err, found[1])
	}
	if (strings.Contains(text, "no SSH key ") || strings.Contains(text, "unset ssh forward key ")) && !strings.Contains(text, "--ssh") {
		return fmt.Errorf("%w: name it with --ssh default", err)
	}
	return err
}
