package test

import (
	"net/http"
	"strings"
	"time"

	"lambdabase/internal/sample"
)

// retried is long enough for the waits between five attempts, stalled for one that the server doesn't answer.
const (
	retried = 90 * time.Second
	stalled = 2 * time.Minute
)

// batchTroubles are those of the batch API.
var batchTroubles = []trouble{
	{name: "400", faults: batches(sample.Message(400, "malformed")), says: phrases{"unexpected answer (400 from http://127.0.0.1:", `"malformed"`}},
	{name: "401", faults: batches(sample.Message(401, "who are you")), says: phrases{"unauthorized (401 from ", `"who are you": pass a token as the secret GIT_AUTH_TOKEN.127.0.0.1`}},
	{name: "401, chained", chain: true, faults: batches(sample.Message(401, "who are you")), says: phrases{"unauthorized (401 from ", "pass a token as the secret GIT_AUTH_TOKEN.127.0.0.1"}},
	{name: "403", faults: batches(sample.Message(403, "not you")), says: phrases{"forbidden (403 from ", `"not you": pass a token as the secret GIT_AUTH_TOKEN.127.0.0.1`}},
	{name: "404", faults: batches(sample.Message(404, "Not Found")), says: phrases{"not found, or private (404 from ", "pass a token as the secret GIT_AUTH_TOKEN.127.0.0.1"}},
	{name: "404 and a page", faults: batches(sample.Fault{Status: 404, Body: "<html><title>No such page</title>"}), says: phrases{"not found, or private (404 from ", `"No such page"`}},
	{name: "406", faults: batches(sample.Message(406, "Accept something else")), says: phrases{"unexpected answer (406 from ", `"Accept something else"`}},
	{name: "413", faults: batches(sample.Message(413, "too many")), says: phrases{"unexpected answer (413 from ", `"too many"`}},
	{name: "422", faults: batches(sample.Message(422, "Validation failed")), says: phrases{"unexpected answer (422 from ", `"Validation failed"`}},
	{name: "429 once, for seconds", faults: batches(once(sample.RetryAfter(429, "2"))), seen: asked(2, sample.Batch)},
	{name: "429 once, until a date", before: later, seen: asked(2, sample.Batch)},
	{name: "429 for an hour", faults: batches(sample.RetryAfter(429, "3600")), says: phrases{"limit reached: the server asks to wait 1h0m0s (429 from ", "or mirror the objects"}},
	{name: "429", limit: retried, faults: batches(sample.Message(429, "slow down")), says: phrases{"limit reached (429 from ", `"slow down"`}},
	{name: "500 once", faults: batches(once(sample.Fault{Status: 500}))},
	{name: "500 once, chained", chain: true, faults: batches(once(sample.Fault{Status: 500}))},
	{name: "500", limit: retried, faults: batches(sample.Message(500, "out of order")), says: phrases{"server error (500 from ", `"out of order": try again later`}},
	{name: "501", faults: batches(sample.Message(501, "no LFS here")), says: phrases{"server error (501 from ", `"no LFS here"`}},
	{name: "503", limit: retried, faults: batches(sample.Fault{Status: 503}), says: phrases{"server error (503 from "}},
	{name: "503 once, for seconds", faults: batches(once(sample.RetryAfter(503, "1")))},
	{name: "507", faults: batches(sample.Message(507, "disk full")), says: phrases{"limit reached (507 from ", `"disk full"`}},
	{name: "403 over quota", faults: batches(sample.OverQuota(403)), says: phrases{"limit reached (403 from ", "LFS budget", "LFS quota is used up"}},
	{name: "509 over quota", faults: batches(sample.OverQuota(509)), says: phrases{"limit reached (509 from ", "LFS quota is used up"}},
	{name: "403 rate limit once", faults: batches(once(sample.Message(403, "API rate limit exceeded")))},

	{name: "a page to sign in", faults: batches(sample.SignIn(203)), says: phrases{"it asks to sign in (203 from ", "pass a token as the secret GIT_AUTH_TOKEN"}},
	{name: "the way to sign in", faults: batches(sample.SignIn(302)), says: phrases{"an HTML page: is LFS enabled there, or does a proxy or a login page stand in between", "pass a token as the secret GIT_AUTH_TOKEN"}},
	{name: "a page", faults: batches(sample.Page()), says: phrases{"the server answers with an HTML page: is LFS enabled there, or does a proxy or a login page stand in between", "Please log in"}},
	{name: "half an answer", faults: batches(sample.BrokenJSON()), says: phrases{"the server answers with something else than LFS"}},
	{name: "no answer at all", faults: batches(sample.Fault{Status: 200}), says: phrases{"the server answers with something else than LFS"}},
	{name: "64 MiB", faults: offers(sample.BatchFault{Padding: 64 << 20}), says: phrases{"an answer of more than "}},
	{name: "another transfer", faults: offers(sample.BatchFault{Transfer: "tus"}), says: phrases{`transfer "tus", want basic`}},
	{name: "another hash", faults: offers(sample.BatchFault{HashAlgo: "sha512"}), says: phrases{`hash algorithm "sha512", want sha256`}},
	{name: "dropped once", faults: batches(once(sample.Fault{Drop: true}))},
	{name: "dropped", limit: retried, faults: batches(sample.Fault{Drop: true}), says: phrases{"no answer: EOF"}},
	{name: "cut once", faults: batches(once(sample.Fault{Cut: 100}))},
	{name: "cut", limit: retried, faults: batches(sample.Fault{Cut: 100}), says: phrases{"unexpected EOF"}},
	{name: "late", faults: batches(sample.Fault{Delay: 3 * time.Second})},
	{name: "stalled once", limit: stalled, faults: batches(once(sample.Fault{Stall: 100}))},
	{name: "silent once", limit: stalled, faults: batches(once(sample.Fault{Delay: 45 * time.Second}))},
	{name: "a byte a second, once", limit: stalled, faults: batches(once(sample.Fault{Trickle: sample.Trickle{Bytes: 1, Every: time.Second}}))},
	{name: "stalled", limit: 2 * stalled, faults: batches(sample.Fault{Stall: -1}), says: phrases{"no answer for 30s"}},

	{name: "redirected", faults: batches(sample.Fault{Redirect: sample.Redirect{Hops: 3, Status: 307}})},
	{name: "redirected too often", faults: batches(sample.Fault{Redirect: sample.Redirect{Hops: 4}}), says: phrases{"more than 3 redirects"}},
	{name: "redirected without end", faults: batches(sample.Fault{Redirect: sample.Redirect{Hops: -1}}), says: phrases{"more than 3 redirects"}},
	{name: "redirected to another host", secret: "GIT_AUTH_TOKEN", faults: batches(sample.Fault{Redirect: sample.Redirect{To: sample.SecondHost, Status: 307}}), seen: discreet},
	{name: "redirected to a host that doesn't know us", secret: "GIT_AUTH_TOKEN", private: asForge,
		faults: batches(sample.Fault{Redirect: sample.Redirect{To: sample.SecondHost, Status: 307}}), seen: discreet, says: phrases{"unauthorized (401 from http://localhost:"}},
	{name: "redirected as GET", faults: batches(sample.Fault{Redirect: sample.Redirect{Hops: 1, Status: 303}}), says: phrases{"redirect that would lose what is asked for"}},
	{name: "redirected to nowhere", faults: batches(sample.Fault{Status: 302}), says: phrases{"redirect to nowhere"}},

	{name: "404 of the object", faults: offers(failing(404)), says: phrases{"404 from ", `"of the object"`}},
	{name: "410 of the object", faults: offers(failing(410)), says: phrases{"410 from ", `"of the object"`}},
	{name: "422 of the object", faults: offers(failing(422)), says: phrases{"unexpected answer (422 from ", `"of the object"`}},
	{name: "403 of the object", faults: offers(failing(403)), says: phrases{"forbidden (403 from ", `"of the object"`}},
	{name: "500 of the object", limit: retried, faults: offers(failing(500)), says: phrases{"server error (500 from ", `"of the object"`}},
	{name: "500 of the object once", faults: offersOnce(failing(500))},
	{name: "one of two left out", two: true, faults: of("b.tar.xz", offers(sample.BatchFault{Omit: true})), says: phrases{"the server says nothing of it"}},
	{name: "each in another way", two: true, faults: append(of("a.tar.xz", offers(failing(410))), of("b.tar.xz", offers(sample.BatchFault{Omit: true}))...),
		says: phrases{"2 objects failed\n- a.tar.xz", "(410 from ", "the server says nothing of it"}},
	{name: "no list of objects", faults: offers(sample.BatchFault{Edit: func(r *sample.BatchResponse) { r.Objects = nil }}), says: phrases{"the server answers with something else than LFS"}},
	{name: "nothing said of it", faults: offers(sample.BatchFault{Omit: true}), says: phrases{"the server says nothing of it"}},
	{name: "no download", faults: offers(sample.BatchFault{Bare: true}), says: phrases{"the server has no download for it"}},
	{name: "said twice", faults: offers(sample.BatchFault{Twice: true})},
	{name: "another object", faults: offers(sample.BatchFault{OID: strings.Repeat("0", 64)}), says: phrases{"the server says nothing of it"}},
	{name: "another size", faults: offers(sample.BatchFault{Grow: 1}), says: phrases{"the server says that it has ", " bytes, the pointer "}},

	{name: "ends in the year 1", faults: offers(sample.BatchFault{ExpiresAt: "0001-01-01T00:00:00Z"})},
	{name: "ended long ago", limit: retried, faults: offers(sample.BatchFault{ExpiresAt: "2020-01-01T00:00:00Z"}), says: phrases{"the download that the server offers has ended already: is the clock of this machine right"}},
	{name: "ended just now", limit: retried, faults: offers(sample.BatchFault{ExpiresIn: -5}), says: phrases{"the download that the server offers has ended already"}},
	{name: "ended just now, once", faults: offersOnce(sample.BatchFault{ExpiresIn: -5})},
	{name: "an end that is no date", faults: offers(sample.BatchFault{ExpiresAt: "tomorrow"})},
	{name: "ends before it says", faults: append(offersOnce(sample.BatchFault{Lifetime: time.Millisecond, ExpiresIn: 3600}), objects(once(sample.Fault{Delay: time.Second}))...), seen: asked(2, sample.Batch)},
	{name: "dead from the start", faults: offers(sample.BatchFault{Lifetime: -time.Second, ExpiresIn: 3600}), says: phrases{"(403 from ", "Request has expired"}},
	{name: "ends between two parts", faults: append(
		offersOnce(sample.BatchFault{Lifetime: 2 * time.Second, ExpiresIn: 3600}),
		objects(once(sample.Fault{Cut: 1000, Trickle: sample.Trickle{Bytes: 500, Every: 1500 * time.Millisecond}}))...), seen: asked(2, sample.Batch)},

	{name: "ftp", faults: offers(sample.BatchFault{Base: "ftp:"}), says: phrases{"download URL of the server: no absolute http or https URL"}},
	{name: "https where there is none", limit: retried, faults: offers(sample.BatchFault{Base: "https:"}), says: phrases{"does not look like a TLS handshake"}},
	{name: "relative", faults: offers(sample.BatchFault{Relative: true}), says: phrases{"download URL of the server: no absolute http or https URL"}},
	{name: "user information", faults: offers(sample.BatchFault{User: "name:" + sample.Token}), says: phrases{"download URL of the server: URL of host 127.0.0.1:", "has user information in it"}},
	{name: "a host that is dead", limit: retried, faults: offers(sample.BatchFault{Base: "http://127.0.0.1:1"}), says: phrases{"connection refused"}},
	{name: "a host that is not there", limit: retried, faults: offers(sample.BatchFault{Base: "http://nowhere.invalid"}), says: phrases{"nowhere.invalid"}},
	{name: "another host", secret: "GIT_AUTH_TOKEN", private: userAccess, faults: offers(sample.BatchFault{Base: sample.SecondHost}), seen: discreet},
	{name: "another host, given the user's token", secret: "GIT_AUTH_TOKEN", private: asGitea,
		faults: offers(sample.BatchFault{Base: sample.SecondHost}), seen: discreet, says: phrases{"(401 from http://localhost:"}},
	{name: "a token of the object's own", faults: offers(sample.BatchFault{Token: true})},
	{name: "headers that must not arrive", faults: offers(sample.BatchFault{Header: map[string]string{
		"Metadata-Flavor": "Google", "X-aws-ec2-metadata-token": "t", "Cookie": "c=d", "Range": "bytes=9-"}}), seen: without("Metadata-Flavor", "X-Aws-Ec2-Metadata-Token", "Cookie", "Range")},
	{name: "a header of two lines", faults: offers(sample.BatchFault{Header: map[string]string{"X-Amz-Meta": "a\r\nMetadata-Flavor: Google"}}), says: phrases{"header X-Amz-Meta with a line break"}},
	{name: "private, and the token refused", secret: "GIT_AUTH_TOKEN", private: asForge, faults: batches(sample.Message(401, "Bad credentials")), says: phrases{"the credential (secret GIT_AUTH_TOKEN) was refused (401 from "}},
	{name: "private as a forge is", secret: "GIT_AUTH_TOKEN", private: asForge},
	{name: "private as Gitea is", secret: "GIT_AUTH_TOKEN", private: asGitea},
}

// asForge wants the user's token for objects too, and asGitea hands it on besides.
var (
	asForge = sample.Access{Accept: userAccess.Accept, Stored: true}
	asGitea = sample.Access{Accept: userAccess.Accept, Gitea: true}
)

// failing is an object's own error.
func failing(code int) sample.BatchFault {
	return sample.BatchFault{Error: &sample.BatchError{Code: code, Message: "of the object"}}
}

// later answers once with a date three seconds from now.
func later(h *host) {
	date := time.Now().Add(3 * time.Second).UTC().Format(http.TimeFormat)
	h.Inject(sample.Target{Kind: sample.Batch}, once(sample.RetryAfter(429, date)))
}
