package test

import (
	"net/http"
	"strings"
	"time"

	"lambdabase/internal/sample/faults"
	"lambdabase/internal/sample/githost"
)

// retryLimit is long enough for the waits between five attempts, stallLimit for one that the server doesn't answer.
const (
	retryLimit = 90 * time.Second
	stallLimit = 2 * time.Minute
)

// batchFaults are those of the batch API.
var batchFaults = []faultCase{
	{name: "400", faults: ofBatch(faults.Message(400, "malformed")), wantErr: phrases{"unexpected answer (400 from http://127.0.0.1:", `"malformed"`}},
	{name: "401", faults: ofBatch(faults.Message(401, "who are you")), wantErr: phrases{"unauthorized (401 from ", `"who are you": pass a token as the secret GIT_AUTH_TOKEN.127.0.0.1`}},
	{name: "401, chained", chain: true, faults: ofBatch(faults.Message(401, "who are you")), wantErr: phrases{"unauthorized (401 from ", "pass a token as the secret GIT_AUTH_TOKEN.127.0.0.1"}},
	{name: "403", faults: ofBatch(faults.Message(403, "not you")), wantErr: phrases{"forbidden (403 from ", `"not you": pass a token as the secret GIT_AUTH_TOKEN.127.0.0.1`}},
	{name: "404", faults: ofBatch(faults.Message(404, "Not Found")), wantErr: phrases{"not found, or private (404 from ", "pass a token as the secret GIT_AUTH_TOKEN.127.0.0.1"}},
	{name: "404 and a page", faults: ofBatch(faults.Fault{Status: 404, Body: "<html><title>No such page</title>"}), wantErr: phrases{"not found, or private (404 from ", `"No such page"`}},
	{name: "406", faults: ofBatch(faults.Message(406, "Accept something else")), wantErr: phrases{"unexpected answer (406 from ", `"Accept something else"`}},
	{name: "413", faults: ofBatch(faults.Message(413, "too many")), wantErr: phrases{"unexpected answer (413 from ", `"too many"`}},
	{name: "422", faults: ofBatch(faults.Message(422, "Validation failed")), wantErr: phrases{"unexpected answer (422 from ", `"Validation failed"`}},
	{name: "429 once, for seconds", faults: ofBatch(once(faults.RetryAfter(429, "2"))), checkRequests: wantRequests(2, githost.Batch)},
	{name: "429 once, until a date", setUp: retryAtDate, checkRequests: wantRequests(2, githost.Batch)},
	{name: "429 for an hour", faults: ofBatch(faults.RetryAfter(429, "3600")), wantErr: phrases{"limit reached: the server asks to wait 1h0m0s (429 from ", "or mirror the objects"}},
	{name: "429", limit: retryLimit, faults: ofBatch(faults.Message(429, "slow down")), wantErr: phrases{"limit reached (429 from ", `"slow down"`}},
	{name: "500 once", faults: ofBatch(once(faults.Fault{Status: 500}))},
	{name: "500 once, chained", chain: true, faults: ofBatch(once(faults.Fault{Status: 500}))},
	{name: "500", limit: retryLimit, faults: ofBatch(faults.Message(500, "out of order")), wantErr: phrases{"server error (500 from ", `"out of order": try again later`}},
	{name: "501", faults: ofBatch(faults.Message(501, "no LFS here")), wantErr: phrases{"server error (501 from ", `"no LFS here"`}},
	{name: "503", limit: retryLimit, faults: ofBatch(faults.Fault{Status: 503}), wantErr: phrases{"server error (503 from "}},
	{name: "503 once, for seconds", faults: ofBatch(once(faults.RetryAfter(503, "1")))},
	{name: "507", faults: ofBatch(faults.Message(507, "disk full")), wantErr: phrases{"limit reached (507 from ", `"disk full"`}},
	{name: "403 over quota", faults: ofBatch(faults.OverQuota(403)), wantErr: phrases{"limit reached (403 from ", "LFS budget", "LFS quota is used up"}},
	{name: "509 over quota", faults: ofBatch(faults.OverQuota(509)), wantErr: phrases{"limit reached (509 from ", "LFS quota is used up"}},
	{name: "403 rate limit once", faults: ofBatch(once(faults.Message(403, "API rate limit exceeded")))},

	{name: "a page to sign in", faults: ofBatch(faults.SignIn(203)), wantErr: phrases{"it asks to sign in (203 from ", "pass a token as the secret GIT_AUTH_TOKEN"}},
	{name: "the way to sign in", faults: ofBatch(faults.SignIn(302)), wantErr: phrases{"an HTML page: is LFS enabled there, or does a proxy or a login page stand in between", "pass a token as the secret GIT_AUTH_TOKEN"}},
	{name: "a page", faults: ofBatch(faults.Page()), wantErr: phrases{"the server answers with an HTML page: is LFS enabled there, or does a proxy or a login page stand in between", "Please log in"}},
	{name: "half an answer", faults: ofBatch(faults.BrokenJSON()), wantErr: phrases{"the server answers with something else than LFS"}},
	{name: "no answer at all", faults: ofBatch(faults.Fault{Status: 200}), wantErr: phrases{"the server answers with something else than LFS"}},
	{name: "64 MiB", faults: inBatch(faults.BatchFault{Padding: 64 << 20}), wantErr: phrases{"an answer of more than "}},
	{name: "another transfer", faults: inBatch(faults.BatchFault{Transfer: "tus"}), wantErr: phrases{`transfer "tus", want basic`}},
	{name: "another hash", faults: inBatch(faults.BatchFault{HashAlgo: "sha512"}), wantErr: phrases{`hash algorithm "sha512", want sha256`}},
	{name: "dropped once", faults: ofBatch(once(faults.Fault{Drop: true}))},
	{name: "dropped", limit: retryLimit, faults: ofBatch(faults.Fault{Drop: true}), wantErr: phrases{"no answer: EOF"}},
	{name: "cut once", faults: ofBatch(once(faults.Fault{Cut: 100}))},
	{name: "cut", limit: retryLimit, faults: ofBatch(faults.Fault{Cut: 100}), wantErr: phrases{"unexpected EOF"}},
	{name: "late", faults: ofBatch(faults.Fault{Delay: 3 * time.Second})},
	{name: "stalled once", limit: stallLimit, faults: ofBatch(once(faults.Fault{Stall: 100}))},
	{name: "silent once", limit: stallLimit, faults: ofBatch(once(faults.Fault{Delay: 45 * time.Second}))},
	{name: "a byte a second, once", limit: stallLimit, faults: ofBatch(once(faults.Fault{Trickle: faults.Trickle{Bytes: 1, Every: time.Second}}))},
	{name: "stalled", limit: 2 * stallLimit, faults: ofBatch(faults.Fault{Stall: -1}), wantErr: phrases{"no answer for 30s"}},

	{name: "redirected", faults: ofBatch(faults.Fault{Redirect: faults.Redirect{Hops: 3, Status: 307}})},
	{name: "redirected too often", faults: ofBatch(faults.Fault{Redirect: faults.Redirect{Hops: 4}}), wantErr: phrases{"more than 3 redirects"}},
	{name: "redirected without end", faults: ofBatch(faults.Fault{Redirect: faults.Redirect{Hops: -1}}), wantErr: phrases{"more than 3 redirects"}},
	{name: "redirected to another host", secret: "GIT_AUTH_TOKEN", faults: ofBatch(faults.Fault{Redirect: faults.Redirect{To: faults.SecondHost, Status: 307}}), checkRequests: noCredentialLeak},
	{name: "redirected to a host that doesn't know us", secret: "GIT_AUTH_TOKEN", access: forgeAccess,
		faults: ofBatch(faults.Fault{Redirect: faults.Redirect{To: faults.SecondHost, Status: 307}}), checkRequests: noCredentialLeak, wantErr: phrases{"unauthorized (401 from http://localhost:"}},
	{name: "redirected as GET", faults: ofBatch(faults.Fault{Redirect: faults.Redirect{Hops: 1, Status: 303}}), wantErr: phrases{"redirect that would lose what is asked for"}},
	{name: "redirected to nowhere", faults: ofBatch(faults.Fault{Status: 302}), wantErr: phrases{"redirect to nowhere"}},

	{name: "404 of the object", faults: inBatch(objectError(404)), wantErr: phrases{"404 from ", `"of the object"`}},
	{name: "410 of the object", faults: inBatch(objectError(410)), wantErr: phrases{"410 from ", `"of the object"`}},
	{name: "422 of the object", faults: inBatch(objectError(422)), wantErr: phrases{"unexpected answer (422 from ", `"of the object"`}},
	{name: "403 of the object", faults: inBatch(objectError(403)), wantErr: phrases{"forbidden (403 from ", `"of the object"`}},
	{name: "500 of the object", limit: retryLimit, faults: inBatch(objectError(500)), wantErr: phrases{"server error (500 from ", `"of the object"`}},
	{name: "500 of the object once", faults: inBatchOnce(objectError(500))},
	{name: "one of two left out", twoTarballs: true, faults: forPath("b.tar.xz", inBatch(faults.BatchFault{Omit: true})), wantErr: phrases{"the server says nothing of it"}},
	{name: "each in another way", twoTarballs: true, faults: append(forPath("a.tar.xz", inBatch(objectError(410))), forPath("b.tar.xz", inBatch(faults.BatchFault{Omit: true}))...),
		wantErr: phrases{"2 objects failed\n- a.tar.xz", "(410 from ", "the server says nothing of it"}},
	{name: "no list of objects", faults: inBatch(faults.BatchFault{Edit: func(r *githost.BatchResponse) { r.Objects = nil }}), wantErr: phrases{"the server answers with something else than LFS"}},
	{name: "nothing said of it", faults: inBatch(faults.BatchFault{Omit: true}), wantErr: phrases{"the server says nothing of it"}},
	{name: "no download", faults: inBatch(faults.BatchFault{Bare: true}), wantErr: phrases{"the server has no download for it"}},
	{name: "said twice", faults: inBatch(faults.BatchFault{Twice: true})},
	{name: "another object", faults: inBatch(faults.BatchFault{OID: strings.Repeat("0", 64)}), wantErr: phrases{"the server says nothing of it"}},
	{name: "another size", faults: inBatch(faults.BatchFault{Grow: 1}), wantErr: phrases{"the server says that it has ", " bytes, the pointer "}},

	{name: "ends in the year 1", faults: inBatch(faults.BatchFault{ExpiresAt: "0001-01-01T00:00:00Z"})},
	{name: "ended long ago", limit: retryLimit, faults: inBatch(faults.BatchFault{ExpiresAt: "2020-01-01T00:00:00Z"}), wantErr: phrases{"the download that the server offers has ended already: is the clock of this machine right"}},
	{name: "ended just now", limit: retryLimit, faults: inBatch(faults.BatchFault{ExpiresIn: -5}), wantErr: phrases{"the download that the server offers has ended already"}},
	{name: "ended just now, once", faults: inBatchOnce(faults.BatchFault{ExpiresIn: -5})},
	{name: "an end that is no date", faults: inBatch(faults.BatchFault{ExpiresAt: "tomorrow"})},
	{name: "ends before it says", faults: append(inBatchOnce(faults.BatchFault{Lifetime: time.Millisecond, ExpiresIn: 3600}), ofObject(once(faults.Fault{Delay: time.Second}))...), checkRequests: wantRequests(2, githost.Batch)},
	{name: "dead from the start", faults: inBatch(faults.BatchFault{Lifetime: -time.Second, ExpiresIn: 3600}), wantErr: phrases{"(403 from ", "Request has expired"}},
	{name: "ends between two parts", faults: append(
		inBatchOnce(faults.BatchFault{Lifetime: 2 * time.Second, ExpiresIn: 3600}),
		ofObject(once(faults.Fault{Cut: 1000, Trickle: faults.Trickle{Bytes: 500, Every: 1500 * time.Millisecond}}))...), checkRequests: wantRequests(2, githost.Batch)},

	{name: "ftp", faults: inBatch(faults.BatchFault{Base: "ftp:"}), wantErr: phrases{"download URL of the server: no absolute http or https URL"}},
	{name: "https where there is none", limit: retryLimit, faults: inBatch(faults.BatchFault{Base: "https:"}), wantErr: phrases{"does not look like a TLS handshake"}},
	{name: "relative", faults: inBatch(faults.BatchFault{Relative: true}), wantErr: phrases{"download URL of the server: no absolute http or https URL"}},
	{name: "user information", faults: inBatch(faults.BatchFault{User: "name:" + githost.Token}), wantErr: phrases{"download URL of the server: URL of host 127.0.0.1:", "has user information in it"}},
	{name: "a host that is dead", limit: retryLimit, faults: inBatch(faults.BatchFault{Base: "http://127.0.0.1:1"}), wantErr: phrases{"connection refused"}},
	{name: "a host that is not there", limit: retryLimit, faults: inBatch(faults.BatchFault{Base: "http://nowhere.invalid"}), wantErr: phrases{"nowhere.invalid"}},
	{name: "a cloud's metadata service", faults: inBatch(faults.BatchFault{Base: "http://169.254.169.254"}), wantErr: phrases{"a server leads to 169.254.169.254, a link-local address, where none may lead that you don't name yourself"}},
	{name: "redirected to a cloud's metadata service", faults: ofBatch(faults.Fault{Redirect: faults.Redirect{To: "http://169.254.169.254", Status: 307}}), wantErr: phrases{"a server leads to 169.254.169.254, a link-local address"}},
	{name: "a port that is none", faults: inBatch(faults.BatchFault{Base: "http://127.0.0.1:99999"}), wantErr: phrases{"URL of host 127.0.0.1:99999 has a port that is none from 1 to 65535"}},
	{name: "another host", secret: "GIT_AUTH_TOKEN", access: userAccess, faults: inBatch(faults.BatchFault{Base: faults.SecondHost}), checkRequests: noCredentialLeak},
	{name: "another host, given the user's token", secret: "GIT_AUTH_TOKEN", access: giteaAccess,
		faults: inBatch(faults.BatchFault{Base: faults.SecondHost}), checkRequests: noCredentialLeak, wantErr: phrases{"(401 from http://localhost:"}},
	{name: "a token of the object's own", faults: inBatch(faults.BatchFault{Token: true})},
	{name: "headers that must not arrive", faults: inBatch(faults.BatchFault{Header: map[string]string{
		"Metadata-Flavor": "Google", "X-aws-ec2-metadata-token": "t", "Cookie": "c=d", "Range": "bytes=9-"}}), checkRequests: wantNoHeaders("Metadata-Flavor", "X-Aws-Ec2-Metadata-Token", "Cookie", "Range")},
	{name: "a header of two lines", faults: inBatch(faults.BatchFault{Header: map[string]string{"X-Amz-Meta": "a\r\nMetadata-Flavor: Google"}}), wantErr: phrases{"header X-Amz-Meta with a line break"}},
	{name: "private, and the token refused", secret: "GIT_AUTH_TOKEN", access: forgeAccess, faults: ofBatch(faults.Message(401, "Bad credentials")), wantErr: phrases{"the credential (secret GIT_AUTH_TOKEN) was refused (401 from "}},
	{name: "private as a forge is", secret: "GIT_AUTH_TOKEN", access: forgeAccess},
	{name: "private as Gitea is", secret: "GIT_AUTH_TOKEN", access: giteaAccess},
}

// forgeAccess wants the user's token for objects too, and giteaAccess hands it on besides.
var (
	forgeAccess = githost.Access{Accept: userAccess.Accept, SignedURLs: true}
	giteaAccess = githost.Access{Accept: userAccess.Accept, Gitea: true}
)

// objectError is an object's own error.
func objectError(code int) faults.BatchFault {
	return faults.BatchFault{Error: &githost.BatchError{Code: code, Message: "of the object"}}
}

// retryAtDate answers once with a date three seconds from now.
func retryAtDate(h *repoServer) {
	date := time.Now().Add(3 * time.Second).UTC().Format(http.TimeFormat)
	h.Inject(faults.Target{Kind: githost.Batch}, once(faults.RetryAfter(429, date)))
}
