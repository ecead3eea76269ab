package faults

import (
	"encoding/json"
	"net/http"
	"time"

	"lambdabase/internal/sample/githost"
)

// Message is a failure as LFS servers tell it.
func Message(status int, message string) Fault {
	body, _ := json.Marshal(map[string]string{"message": message})
	return Fault{Status: status, Body: string(body), Header: http.Header{"Content-Type": {githost.MediaType}}}
}

// OverQuota is what GitHub answers, with 403 or 509, when the data of a month is used up.
func OverQuota(status int) Fault {
	return Message(status, "This repository exceeded its LFS budget. The account responsible for the budget should increase it to restore access.")
}

// RetryAfter is a failure that says when to come again: in seconds, or at a time as http.TimeFormat
// writes it.
func RetryAfter(status int, when string) Fault {
	f := Message(status, "Come again later")
	f.Header.Set("Retry-After", when)
	return f
}

// Silence takes a request and says nothing to it, until the client leaves.
func Silence() Fault { return Fault{Delay: 24 * time.Hour} }

// signInPath is where a page to sign in is.
const signInPath = "/_signin"

// SignIn is what Azure DevOps answers who isn't signed in, with 203, or with 302 and the way to such a page.
func SignIn(status int) Fault {
	f := Page()
	f.Status = status
	if status != http.StatusNonAuthoritativeInfo {
		f.Header.Set("Location", signInPath+"?reply_to=repository")
	}
	return f
}

// Page is what a proxy or a login page answers with 200.
func Page() Fault {
	return Fault{Status: http.StatusOK, Body: "<!DOCTYPE html><html><body>Please log in</body></html>", Header: http.Header{"Content-Type": {"text/html; charset=utf-8"}}}
}

// BrokenJSON ends in the middle.
func BrokenJSON() Fault {
	return Fault{Status: http.StatusOK, Body: `{"transfer":"basic","objects":[{"oid":`, Header: http.Header{"Content-Type": {githost.MediaType}}}
}
