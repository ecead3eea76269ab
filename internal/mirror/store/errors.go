package store

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"lambdabase/internal/httpclient"

	"github.com/pkg/errors"
	"oras.land/oras-go/v2/registry/remote/auth"
	"oras.land/oras-go/v2/registry/remote/errcode"
)

// registryError is what a registry says against a request, with what to do. Its text has no URL: that of an upload may carry
// what gives access to it.
type registryError struct {
	text  string
	cause error
}

func (e *registryError) Error() string { return e.text }

func (e *registryError) Unwrap() error { return e.cause }

// explain makes an error of the registry one for its user.
func (r *registry) explain(err error) error {
	var corrupt *corruptError
	var known *registryError
	var answer *errcode.ErrorResponse
	var failed *url.Error
	switch {
	case err == nil || IsNotFound(err) || errors.As(err, &corrupt) || errors.As(err, &known):
		return err
	case errors.Is(err, auth.ErrBasicCredentialNotFound):
		return &registryError{fmt.Sprintf("registry %s asks for a login: %s", r.host, r.loginHint()), err}
	case errors.As(err, &answer):
		return &registryError{r.answerText(answer), err}
	case errors.As(err, &failed):
		return &registryError{fmt.Sprintf("registry %s: %v%s", r.host, failed.Err, r.connectionHint(failed.Err)), err}
	}
	return &registryError{fmt.Sprintf("registry %s: %v", r.host, err), err}
}

func (r *registry) answerText(answer *errcode.ErrorResponse) string {
	text := fmt.Sprintf("registry %s answers %d %s", r.host, answer.StatusCode, strings.ToLower(http.StatusText(answer.StatusCode)))
	if len(answer.Errors) > 0 {
		text += fmt.Sprintf(" (%s)", answer.Errors[0].Error())
	}
	switch answer.StatusCode {
	case http.StatusUnauthorized, http.StatusForbidden:
		return text + ": " + r.loginHint()
	case http.StatusNotFound:
		return text + ": some registries want the repository to be created first"
	case http.StatusMethodNotAllowed:
		return text + ": it has that switched off, or can't do it"
	}
	return text
}

func (r *registry) loginHint() string {
	return fmt.Sprintf("type docker login %s, as somebody who may use %s; Docker's config.json and its helpers are read", r.host, r.repo.Reference.Repository)
}

func (r *registry) connectionHint(err error) string {
	switch {
	case strings.Contains(err.Error(), "server gave HTTP response to HTTPS client"):
		return ": plain http is for a registry on this machine alone"
	case httpclient.CAHint(err) != "":
		return httpclient.CAHint(err)
	}
	return ""
}

// isCode reports whether a registry's answer has a status.
func isCode(err error, status int) bool {
	var answer *errcode.ErrorResponse
	return errors.As(err, &answer) && answer.StatusCode == status
}
