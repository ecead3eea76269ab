package test

import (
	"time"

	"lambdabase/internal/sample"
)

const (
	ofBranch    = "branch case of http://127.0.0.1:"
	ofCommit    = " of http://127.0.0.1:"
	aPrivateOne = "the repository isn't there, or is private (pass a token as the secret GIT_AUTH_TOKEN"
)

// signIn is what is said of a page in the place of a repository.
var signIn = phrases{"no runtime case: http://127.0.0.1:", " has no branches at all: it asks to sign in", "pass a token as the secret GIT_AUTH_TOKEN"}

// gitTroubles are those of the repository, which BuildKit's git source asks, once.
var gitTroubles = []trouble{
	{name: "400", faults: gits(sample.Fault{Status: 400}), says: phrases{ofBranch, "returned error: 400"}},
	{name: "401", faults: gits(sample.Fault{Status: 401}), says: phrases{ofBranch, aPrivateOne}},
	{name: "403", faults: gits(sample.Fault{Status: 403}), says: phrases{ofBranch, aPrivateOne}},
	{name: "404", faults: gits(sample.Fault{Status: 404}), says: phrases{ofBranch, aPrivateOne}},
	{name: "429", faults: gits(sample.RetryAfter(429, "3600")), says: phrases{ofBranch, "returned error: 429"}},
	{name: "500", faults: gits(sample.Fault{Status: 500}), says: phrases{ofBranch, "returned error: 500"}},
	{name: "500 after the branch was found", faults: gits(sample.Fault{Times: 2}, sample.Fault{Status: 500}), says: phrases{ofCommit, "returned error: 500"}},
	{name: "503", faults: gits(sample.Fault{Status: 503}), says: phrases{ofBranch, "returned error: 503"}},
	{name: "dropped", faults: gits(sample.Fault{Drop: true}), says: phrases{ofBranch, "Empty reply from server"}},
	{name: "cut", faults: gits(sample.Fault{Cut: 100}), says: phrases{ofBranch, "transfer closed with outstanding read data remaining"}},
	{name: "cut after the branch was found", faults: gits(sample.Fault{Times: 2}, sample.Fault{Cut: 200}), says: phrases{ofCommit, "transfer closed with outstanding read data remaining"}},
	// For git a server that says anything else has no branches.
	{name: "a page", faults: gits(sample.Page()), says: signIn},
	{name: "a page to sign in", faults: gits(sample.SignIn(203)), says: signIn},
	{name: "the way to sign in", faults: gits(sample.SignIn(302)), says: phrases{ofBranch, "it asks to sign in, or is no repository (pass a token as the secret GIT_AUTH_TOKEN"}},
	{name: "a page after the branch was found", faults: gits(sample.Fault{Times: 2}, sample.SignIn(203)), says: phrases{ofCommit, "it asks to sign in, or is no repository (pass a token as the secret GIT_AUTH_TOKEN"}},
	{name: "nothing", faults: gits(sample.Fault{Status: 200}), says: signIn},
	{name: "silent", limit: stalled, faults: gits(sample.Silence()), says: phrases{ofBranch, "not done in 1m0s: no answer in time"}},
	{name: "silent after the branch was found", limit: stalled, faults: gits(sample.Fault{Times: 2}, sample.Silence()), says: phrases{ofCommit, "not done in 1m0s: no answer in time"}},
	{name: "stalled", limit: stalled, faults: gits(sample.Fault{Stall: 10}), says: phrases{ofBranch, "not done in 1m0s: no answer in time"}},
	{name: "late", faults: gits(sample.Fault{Delay: time.Second})},
	{name: "slow", faults: gits(sample.Fault{Trickle: sample.Trickle{Bytes: 200, Every: 200 * time.Millisecond}})},
	{name: "redirected", faults: gits(sample.Fault{Redirect: sample.Redirect{Hops: 2, Status: 301}})},
	{name: "redirected to another host", faults: gits(sample.Fault{Redirect: sample.Redirect{To: sample.SecondHost, Status: 301}})},
	{name: "redirected without end", faults: gits(sample.Fault{Redirect: sample.Redirect{Hops: -1}}), says: phrases{ofBranch, "redirects followed"}},
	{name: "redirected to nowhere", faults: gits(sample.Fault{Status: 302}), says: phrases{ofBranch, "returned error: 302"}},
	{name: "private", private: userAccess, says: phrases{ofBranch, aPrivateOne}},
	{name: "private, and hidden", private: sample.Access{Accept: userAccess.Accept, Missing: 404}, says: phrases{ofBranch, aPrivateOne}},
	{name: "private, with a token", private: userAccess, secret: "GIT_AUTH_TOKEN"},
}
