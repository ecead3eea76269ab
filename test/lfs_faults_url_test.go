package test

import (
	"time"

	"lambdabase/frontend"
	"lambdabase/internal/sample"
	"lambdabase/test/sandbox"
)

// strayPointer is what a server sends that serves files of git as they are.
const strayPointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n"

// urlTroubles are those of objects at URLs of their own, which BuildKit's HTTP source gets.
var urlTroubles = []trouble{
	{name: "400", faults: objects(sample.Fault{Status: 400}), says: phrases{"it answers with status 400, bad request"}},
	{name: "401", faults: objects(sample.Fault{Status: 401}), says: phrases{"it answers with status 401, unauthorized: pass what it asks for as the secret HTTP_AUTH_TOKEN_127.0.0.1"}},
	{name: "403", faults: objects(sample.Fault{Status: 403}), says: phrases{"it answers with status 403, forbidden: pass what it asks for as the secret HTTP_AUTH_TOKEN_127.0.0.1"}},
	{name: "404", faults: objects(sample.Fault{Status: 404}), says: phrases{"it answers with status 404, not found: the template may be wrong"}},
	{name: "404, chained", chain: true, faults: objects(sample.Fault{Status: 404}), says: phrases{"it answers with status 404, not found"}},
	{name: "410", faults: objects(sample.Fault{Status: 410}), says: phrases{"it answers with status 410, not found"}},
	{name: "418", faults: objects(sample.Fault{Status: 418}), says: phrases{"it answers with status 418, i'm a teapot"}},
	{name: "429 once", faults: objects(once(sample.Fault{Status: 429}))},
	{name: "429", faults: objects(sample.RetryAfter(429, "3600")), says: phrases{"it answers with status 429, too many requests: try again later"}},
	{name: "500 once", faults: objects(once(sample.Fault{Status: 500}))},
	{name: "500 once, chained", chain: true, faults: objects(once(sample.Fault{Status: 500}))},
	{name: "500", faults: objects(sample.Fault{Status: 500}), says: phrases{"it answers with status 500, server error: try again later"}},
	{name: "502", faults: objects(sample.Fault{Status: 502}), says: phrases{"it answers with status 502, server error"}},
	{name: "503", faults: objects(sample.Fault{Status: 503}), says: phrases{"it answers with status 503, server error"}},
	{name: "503, chained", chain: true, faults: objects(sample.Fault{Status: 503}), says: phrases{"it answers with status 503, server error"}},
	{name: "504", faults: objects(sample.Fault{Status: 504}), says: phrases{"it answers with status 504, server error"}},
	{name: "509", faults: objects(sample.OverQuota(509)), says: phrases{"it answers with status 509, too many requests"}},
	{name: "408 once", faults: objects(once(sample.Fault{Status: 408}))},

	{name: "dropped once", faults: objects(once(sample.Fault{Drop: true}))},
	{name: "dropped", faults: objects(sample.Fault{Drop: true}), says: phrases{"EOF"}},
	{name: "cut once", faults: objects(once(sample.Fault{Cut: 1000}))},
	{name: "cut twice, chained", chain: true, faults: objects(once(sample.Fault{Cut: 1000}), once(sample.Fault{Cut: -1}))},
	{name: "cut", faults: objects(sample.Fault{Cut: 1000}), says: phrases{"unexpected EOF"}},
	{name: "cut before the body", faults: objects(sample.Fault{Cut: -1}), says: phrases{"unexpected EOF"}},
	{name: "late", faults: objects(sample.Fault{Delay: 3 * time.Second})},
	{name: "slow", faults: objects(sample.Fault{Trickle: sample.Trickle{Bytes: 500, Every: 500 * time.Millisecond}})},
	{name: "silent", way: impatient, faults: objects(sample.Fault{Delay: time.Hour}), says: phrases{"not done in 10s: no answer in time"}},
	{name: "stalled", way: impatient, faults: objects(sample.Fault{Stall: 1000}), says: phrases{"not done in 10s: no answer in time"}},
	{name: "stalled, chained", way: impatient, chain: true, faults: objects(sample.Fault{Stall: -1}), says: phrases{"not done in 10s: no answer in time"}},
	{name: "a byte a second", way: impatient, faults: objects(sample.Fault{Trickle: sample.Trickle{Bytes: 1, Every: time.Second}}), says: phrases{"not done in 10s: no answer in time"}},

	{name: "corrupt once", faults: objects(once(sample.Fault{Corrupt: true}))},
	{name: "corrupt", faults: objects(sample.Fault{Corrupt: true}), says: phrases{"it sent something else, sha256:"}},
	{name: "corrupt, chained", chain: true, faults: objects(sample.Fault{Corrupt: true}), says: phrases{"it sent something else, sha256:"}},
	{name: "too long", faults: objects(sample.Fault{Oversize: 9}), says: phrases{"it sent something else, sha256:"}},
	{name: "too short", faults: objects(sample.Fault{Short: 9}), says: phrases{"it sent something else, sha256:"}},
	{name: "longer than it is", faults: objects(sample.Fault{Length: 9}), says: phrases{"unexpected EOF"}},
	{name: "of unknown length", faults: objects(sample.Fault{Chunked: true})},
	{name: "compressed again", faults: objects(sample.Fault{Gzip: true})},
	{name: "compressed again once", faults: objects(once(sample.Fault{Gzip: true}))},
	{name: "nothing", faults: objects(sample.Fault{Status: 200}), says: phrases{"it sent nothing"}},
	{name: "nothing once", faults: objects(once(sample.Fault{Status: 200}))},
	{name: "no content", faults: objects(sample.Fault{Status: 204}), says: phrases{"it sent nothing"}},
	{name: "not modified", faults: objects(sample.Fault{Status: 304}), says: phrases{"not-modified"}},
	{name: "a page", faults: objects(sample.Page()), says: phrases{"it sent something else, sha256:"}},
	{name: "a page once", faults: objects(once(sample.Page()))},
	{name: "a pointer", faults: objects(sample.Fault{Status: 200, Body: strayPointer}), says: phrases{"it sent something else, sha256:"}},
	{name: "a part", faults: objects(sample.Fault{Status: 206, Body: "xz"}), says: phrases{"it sent something else, sha256:"}},

	{name: "redirected", faults: objects(sample.Fault{Redirect: sample.Redirect{Hops: 3, Status: 307}})},
	{name: "redirected to a signed URL", faults: objects(sample.Fault{Redirect: sample.Redirect{Signed: true, To: sample.SecondHost}})},
	{name: "redirected without end", faults: objects(sample.Fault{Redirect: sample.Redirect{Hops: -1}}), says: phrases{"stopped after 10 redirects"}},
	{name: "redirected to a signed URL that is dead", faults: objects(led("http://127.0.0.1:1/x?X-Amz-Signature=" + sample.Signature)), says: phrases{"connection refused"}},
	{name: "redirected to a signed URL that is dead, chained", chain: true, faults: objects(led("http://127.0.0.1:1/x?X-Amz-Signature=" + sample.Signature)), says: phrases{"connection refused"}},
	{name: "redirected to no host", faults: objects(led("http://name:" + sample.Token + "@nowhere.invalid/x")), says: phrases{"nowhere.invalid"}},
	{name: "redirected to another scheme", faults: objects(sample.Fault{Redirect: sample.Redirect{To: "ftp:"}}), says: phrases{"unsupported protocol scheme"}},
	{name: "redirected to nowhere", faults: objects(sample.Fault{Status: 302}), says: phrases{"it sent nothing"}},

	{name: "one of two missing", two: true, faults: of("b.tar.xz", objects(sample.Fault{Status: 404})), says: phrases{"it answers with status 404"}},
	{name: "both missing", two: true, faults: objects(sample.Fault{Status: 404}), says: phrases{"2 objects failed: it answers with status 404"}},
	{name: "each in another way", two: true, faults: append(of("a.tar.xz", objects(sample.Fault{Status: 503})), of("b.tar.xz", objects(sample.Fault{Corrupt: true}))...),
		says: phrases{"2 objects failed\n- a.tar.xz", "it answers with status 503", "it sent something else, sha256:"}},
	{name: "each in another way, chained", two: true, chain: true, faults: append(of("a.tar.xz", objects(sample.Fault{Status: 503})), of("b.tar.xz", objects(sample.Fault{Corrupt: true}))...),
		says: phrases{"2 objects failed\n- a.tar.xz", "it answers with status 503", "it sent something else, sha256:"}},
	{name: "one of two cut once", two: true, faults: of("b.tar.xz", objects(once(sample.Fault{Cut: 1000})))},
}

// impatient is the frontend inside the test, whose patience ends sooner than that of the image.
func impatient(h *host, _ string) sandbox.Request {
	return sandbox.Request{Func: frontend.Frontend{FetchTimeout: 10 * time.Second}.Build, Attrs: h.options("case")}
}
