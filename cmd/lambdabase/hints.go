package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"lambdabase/frontend"

	"github.com/pkg/errors"
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

// checkNotPath finds a folder, or a Dockerfile, in place of the runtime that it can't be the name of.
func checkNotPath(name string) error {
	if _, err := frontend.ParseOptions(map[string]string{"runtime": name}); err == nil {
		return nil
	}
	if hint := dockerfileHint(name); hint != "" {
		return errors.New(hint)
	}
	return nil
}

// withDockerfileHint adds to the error of a runtime that isn't there what else its name may be.
func withDockerfileHint(err error, runtimes []string) error {
	for _, name := range runtimes {
		if err == nil || !strings.Contains(err.Error(), "no runtime "+name+":") {
			continue
		}
		if hint := dockerfileHint(name); hint != "" {
			return fmt.Errorf("%w; %s", err, hint)
		}
	}
	return err
}

// dockerfileHint returns what to type where a folder or a file is named in place of a runtime; empty if there is none of the
// name.
func dockerfileHint(name string) string {
	info, err := os.Stat(name)
	if err != nil {
		return ""
	}
	if !info.IsDir() {
		return fmt.Sprintf("%s is a file here: if it is a Dockerfile, type lambdabase build -f %s %s", name, name, filepath.Dir(name))
	}
	file := filepath.Join(name, "Dockerfile")
	if _, err := os.Stat(file); err == nil {
		return fmt.Sprintf("%s is a folder here: to build its Dockerfile, type lambdabase build -f %s %s", name, file, name)
	}
	return fmt.Sprintf("%s is a folder here: to build a Dockerfile, type lambdabase build -f DOCKERFILE %s", name, name)
}
