package frontend

import (
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"

	"lambdabase/internal/mirror"

	"github.com/pkg/errors"
)

// registryStatusRE is how BuildKit's client of registries says a status (core/remotes/docker of containerd v2.4.2).
var registryStatusRE = regexp.MustCompile(`unexpected (?:[A-Z]+ status code|status from [A-Z]+ request to) \S+: (\d{3}) `)

// registryStatusOf is the status that a registry answered with; 0 if the error is another. For what isn't there it may be a text
// without one.
func registryStatusOf(err error) int {
	if found := registryStatusRE.FindStringSubmatch(err.Error() + " "); found != nil {
		code, _ := strconv.Atoi(found[1])
		return code
	}
	if errorContains(err, ": not found") {
		return http.StatusNotFound
	}
	if errorContains(err, "unauthorized", "authorization failed", "access denied", "failed to authorize", "insufficient_scope") {
		return http.StatusUnauthorized
	}
	return 0
}

// registryError says what to do about a registry that doesn't give what it is asked for.
func registryError(err error, from mirror.Location) error {
	if code := registryStatusOf(err); code > 0 {
		return &withMessage{cause: err, msg: fmt.Sprintf("%s answers with status %d, %s: %v", from, code, registryHint(code, from), err)}
	}
	if errorContains(err, "server gave HTTP response to HTTPS client") {
		return errors.Wrapf(err, "%s speaks plain http, which BuildKit takes from the machine it runs on alone: buildkitd.toml allows it ([registry.%q] http = true)", from, from.Host())
	}
	return errors.Wrapf(err, "%s", from)
}

// registryHint is what a registry means by its answer.
func registryHint(code int, from mirror.Location) string {
	switch {
	case code == 401 || code == 403:
		return fmt.Sprintf("%s: docker login %s where the build is started", strings.ToLower(http.StatusText(code)), from.Host())
	case code == 404:
		return "not found"
	case code == 429:
		return "too many requests: try again later"
	case code >= 500:
		return "server error: try again later"
	}
	return strings.ToLower(http.StatusText(code))
}

// blobMismatchRE is how BuildKit says that a blob is another (source/containerblob/pull.go of v0.33.1).
var blobMismatchRE = regexp.MustCompile(`blob digest mismatch: expected \S+, got (\S+)`)

// blobFailure is what a mirror does instead of giving an object, the status it says it with, and whether it may do otherwise when
// asked again. Mirroring is the command that puts the object there again.
func blobFailure(err error, from mirror.Location, mirroring string) (reason string, code int, transient bool) {
	if found := blobMismatchRE.FindStringSubmatch(err.Error()); found != nil {
		if from.Layout == "" { // which takes no blob that it says it has
			mirroring = "have its storage mended, or build from a mirror in another registry"
		}
		return fmt.Sprintf("it is damaged there, as it has %s: %s", found[1], mirroring), 0, false
	}
	switch code = registryStatusOf(err); {
	case code == http.StatusNotFound:
		return "it isn't there any more: " + mirroring, code, false
	case code > 0:
		return fmt.Sprintf("it answers with status %d, %s", code, registryHint(code, from)), code, isTransientStatus(code)
	}
	return err.Error(), 0, errorContains(err, transientTexts...)
}

// anonymousHint is what a registry means by its answer to a daemon that knows no blobs, which is anybody there.
func anonymousHint(code int, from mirror.Location, mirroring string) string {
	switch code {
	case 401, 403:
		return fmt.Sprintf("%s: a daemon before BuildKit 0.28 reads objects of a registry only where that lets anybody read: "+
			"use a later one, or let anybody read %s", strings.ToLower(http.StatusText(code)), from)
	case 404:
		return "it isn't there any more: " + mirroring
	}
	return registryHint(code, from)
}
