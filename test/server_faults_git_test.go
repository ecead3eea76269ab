package test

import (
	"time"

	"lambdabase/internal/sample/faults"
	"lambdabase/internal/sample/githost"
)

const (
	wantOfBranch = "branch case of http://127.0.0.1:"
	wantOfCommit = " of http://127.0.0.1:"
	wantPrivate  = "the repository isn't there, or is private (pass a token as the secret GIT_AUTH_TOKEN"
)

// wantSignIn is what is said of a page in the place of a repository.
var wantSignIn = phrases{"no runtime case: http://127.0.0.1:", " has no branches at all: it asks to sign in", "pass a token as the secret GIT_AUTH_TOKEN"}

// gitFaults are those of the repository, which BuildKit's git source asks, once.
var gitFaults = []faultCase{
	{name: "400", faults: ofGit(faults.Fault{Status: 400}), wantErr: phrases{wantOfBranch, "returned error: 400"}},
	{name: "401", faults: ofGit(faults.Fault{Status: 401}), wantErr: phrases{wantOfBranch, wantPrivate}},
	{name: "403", faults: ofGit(faults.Fault{Status: 403}), wantErr: phrases{wantOfBranch, wantPrivate}},
	{name: "404", faults: ofGit(faults.Fault{Status: 404}), wantErr: phrases{wantOfBranch, wantPrivate}},
	{name: "429", faults: ofGit(faults.RetryAfter(429, "3600")), wantErr: phrases{wantOfBranch, "returned error: 429"}},
	{name: "500", faults: ofGit(faults.Fault{Status: 500}), wantErr: phrases{wantOfBranch, "returned error: 500"}},
	{name: "500 after the branch was found", faults: ofGit(faults.Fault{Times: 2}, faults.Fault{Status: 500}), wantErr: phrases{wantOfCommit, "returned error: 500"}},
	{name: "503", faults: ofGit(faults.Fault{Status: 503}), wantErr: phrases{wantOfBranch, "returned error: 503"}},
	{name: "dropped", faults: ofGit(faults.Fault{Drop: true}), wantErr: phrases{wantOfBranch, "Empty reply from server"}},
	{name: "cut", faults: ofGit(faults.Fault{Cut: 100}), wantErr: phrases{wantOfBranch, "transfer closed with outstanding read data remaining"}},
	{name: "cut after the branch was found", faults: ofGit(faults.Fault{Times: 2}, faults.Fault{Cut: 200}), wantErr: phrases{wantOfCommit, "transfer closed with outstanding read data remaining"}},
	// For git a server that says anything else has no branches.
	{name: "a page", faults: ofGit(faults.Page()), wantErr: wantSignIn},
	{name: "a page to sign in", faults: ofGit(faults.SignIn(203)), wantErr: wantSignIn},
	{name: "the way to sign in", faults: ofGit(faults.SignIn(302)), wantErr: phrases{wantOfBranch, "it asks to sign in, or is no repository (pass a token as the secret GIT_AUTH_TOKEN"}},
	{name: "a page after the branch was found", faults: ofGit(faults.Fault{Times: 2}, faults.SignIn(203)), wantErr: phrases{wantOfCommit, "it asks to sign in, or is no repository (pass a token as the secret GIT_AUTH_TOKEN"}},
	{name: "nothing", faults: ofGit(faults.Fault{Status: 200}), wantErr: wantSignIn},
	{name: "silent", limit: stallLimit, faults: ofGit(faults.Silence()), wantErr: phrases{wantOfBranch, "not done in 1m0s: no answer in time"}},
	{name: "silent after the branch was found", limit: stallLimit, faults: ofGit(faults.Fault{Times: 2}, faults.Silence()), wantErr: phrases{wantOfCommit, "not done in 1m0s: no answer in time"}},
	{name: "stalled", limit: stallLimit, faults: ofGit(faults.Fault{Stall: 10}), wantErr: phrases{wantOfBranch, "not done in 1m0s: no answer in time"}},
	{name: "late", faults: ofGit(faults.Fault{Delay: time.Second})},
	{name: "slow", faults: ofGit(faults.Fault{Trickle: faults.Trickle{Bytes: 200, Every: 200 * time.Millisecond}})},
	{name: "redirected", faults: ofGit(faults.Fault{Redirect: faults.Redirect{Hops: 2, Status: 301}})},
	{name: "redirected to another host", faults: ofGit(faults.Fault{Redirect: faults.Redirect{To: faults.SecondHost, Status: 301}})},
	{name: "redirected without end", faults: ofGit(faults.Fault{Redirect: faults.Redirect{Hops: -1}}), wantErr: phrases{wantOfBranch, "redirects followed"}},
	{name: "redirected to nowhere", faults: ofGit(faults.Fault{Status: 302}), wantErr: phrases{wantOfBranch, "returned error: 302"}},
	{name: "private", access: userAccess, wantErr: phrases{wantOfBranch, wantPrivate}},
	{name: "private, and hidden", access: githost.Access{Accept: userAccess.Accept, Missing: 404}, wantErr: phrases{wantOfBranch, wantPrivate}},
	{name: "private, with a token", access: userAccess, secret: "GIT_AUTH_TOKEN"},
}
