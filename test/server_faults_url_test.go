package test

import (
	"time"

	"lambdabase/frontend"
	"lambdabase/internal/sample/faults"
	"lambdabase/internal/sample/githost"
	"lambdabase/test/sandbox"
)

// strayPointer is what a server sends that serves files of git as they are.
const strayPointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n"

// urlFaults are those of objects at URLs of their own, which BuildKit's HTTP source gets.
var urlFaults = []faultCase{
	{name: "400", faults: ofObject(faults.Fault{Status: 400}), wantErr: phrases{"it answers with status 400, bad request"}},
	{name: "401", faults: ofObject(faults.Fault{Status: 401}), wantErr: phrases{"it answers with status 401, unauthorized: pass what it asks for as the secret HTTP_AUTH_TOKEN_127.0.0.1"}},
	{name: "403", faults: ofObject(faults.Fault{Status: 403}), wantErr: phrases{"it answers with status 403, forbidden: pass what it asks for as the secret HTTP_AUTH_TOKEN_127.0.0.1"}},
	{name: "404", faults: ofObject(faults.Fault{Status: 404}), wantErr: phrases{"it answers with status 404, not found: the template may be wrong"}},
	{name: "404, chained", chain: true, faults: ofObject(faults.Fault{Status: 404}), wantErr: phrases{"it answers with status 404, not found"}},
	{name: "410", faults: ofObject(faults.Fault{Status: 410}), wantErr: phrases{"it answers with status 410, not found"}},
	{name: "418", faults: ofObject(faults.Fault{Status: 418}), wantErr: phrases{"it answers with status 418, i'm a teapot"}},
	{name: "429 once", faults: ofObject(once(faults.Fault{Status: 429}))},
	{name: "429", faults: ofObject(faults.RetryAfter(429, "3600")), wantErr: phrases{"it answers with status 429, too many requests: try again later"}},
	{name: "500 once", faults: ofObject(once(faults.Fault{Status: 500}))},
	{name: "500 once, chained", chain: true, faults: ofObject(once(faults.Fault{Status: 500}))},
	{name: "500", faults: ofObject(faults.Fault{Status: 500}), wantErr: phrases{"it answers with status 500, server error: try again later"}},
	{name: "502", faults: ofObject(faults.Fault{Status: 502}), wantErr: phrases{"it answers with status 502, server error"}},
	{name: "503", faults: ofObject(faults.Fault{Status: 503}), wantErr: phrases{"it answers with status 503, server error"}},
	{name: "503, chained", chain: true, faults: ofObject(faults.Fault{Status: 503}), wantErr: phrases{"it answers with status 503, server error"}},
	{name: "504", faults: ofObject(faults.Fault{Status: 504}), wantErr: phrases{"it answers with status 504, server error"}},
	{name: "509", faults: ofObject(faults.OverQuota(509)), wantErr: phrases{"it answers with status 509, too many requests"}},
	{name: "408 once", faults: ofObject(once(faults.Fault{Status: 408}))},

	{name: "dropped once", faults: ofObject(once(faults.Fault{Drop: true}))},
	{name: "dropped", faults: ofObject(faults.Fault{Drop: true}), wantErr: phrases{"EOF"}},
	{name: "cut once", faults: ofObject(once(faults.Fault{Cut: 1000}))},
	{name: "cut twice, chained", chain: true, faults: ofObject(once(faults.Fault{Cut: 1000}), once(faults.Fault{Cut: -1}))},
	{name: "cut", faults: ofObject(faults.Fault{Cut: 1000}), wantErr: phrases{"unexpected EOF"}},
	{name: "cut before the body", faults: ofObject(faults.Fault{Cut: -1}), wantErr: phrases{"unexpected EOF"}},
	{name: "late", faults: ofObject(faults.Fault{Delay: 3 * time.Second})},
	{name: "slow", faults: ofObject(faults.Fault{Trickle: faults.Trickle{Bytes: 500, Every: 500 * time.Millisecond}})},
	{name: "silent", via: shortTimeout, faults: ofObject(faults.Fault{Delay: time.Hour}), wantErr: phrases{"not done in 10s: no answer in time"}},
	{name: "stalled", via: shortTimeout, faults: ofObject(faults.Fault{Stall: 1000}), wantErr: phrases{"not done in 10s: no answer in time"}},
	{name: "stalled, chained", via: shortTimeout, chain: true, faults: ofObject(faults.Fault{Stall: -1}), wantErr: phrases{"not done in 10s: no answer in time"}},
	{name: "a byte a second", via: shortTimeout, faults: ofObject(faults.Fault{Trickle: faults.Trickle{Bytes: 1, Every: time.Second}}), wantErr: phrases{"not done in 10s: no answer in time"}},

	{name: "corrupt once", faults: ofObject(once(faults.Fault{Corrupt: true}))},
	{name: "corrupt", faults: ofObject(faults.Fault{Corrupt: true}), wantErr: phrases{"it sent something else, sha256:"}},
	{name: "corrupt, chained", chain: true, faults: ofObject(faults.Fault{Corrupt: true}), wantErr: phrases{"it sent something else, sha256:"}},
	{name: "too long", faults: ofObject(faults.Fault{Oversize: 9}), wantErr: phrases{"it sent something else, sha256:"}},
	{name: "too short", faults: ofObject(faults.Fault{Short: 9}), wantErr: phrases{"it sent something else, sha256:"}},
	{name: "longer than it is", faults: ofObject(faults.Fault{Length: 9}), wantErr: phrases{"unexpected EOF"}},
	{name: "of unknown length", faults: ofObject(faults.Fault{Chunked: true})},
	{name: "compressed again", faults: ofObject(faults.Fault{Gzip: true})},
	{name: "compressed again once", faults: ofObject(once(faults.Fault{Gzip: true}))},
	{name: "nothing", faults: ofObject(faults.Fault{Status: 200}), wantErr: phrases{"it sent nothing"}},
	{name: "nothing once", faults: ofObject(once(faults.Fault{Status: 200}))},
	{name: "no content", faults: ofObject(faults.Fault{Status: 204}), wantErr: phrases{"it sent nothing"}},
	{name: "not modified", faults: ofObject(faults.Fault{Status: 304}), wantErr: phrases{"not-modified"}},
	{name: "a page", faults: ofObject(faults.Page()), wantErr: phrases{"it sent something else, sha256:"}},
	{name: "a page once", faults: ofObject(once(faults.Page()))},
	{name: "a pointer", faults: ofObject(faults.Fault{Status: 200, Body: strayPointer}), wantErr: phrases{"it sent something else, sha256:"}},
	{name: "a part", faults: ofObject(faults.Fault{Status: 206, Body: "xz"}), wantErr: phrases{"it sent something else, sha256:"}},

	{name: "redirected", faults: ofObject(faults.Fault{Redirect: faults.Redirect{Hops: 3, Status: 307}})},
	{name: "redirected to a signed URL", faults: ofObject(faults.Fault{Redirect: faults.Redirect{Signed: true, To: faults.SecondHost}})},
	{name: "redirected without end", faults: ofObject(faults.Fault{Redirect: faults.Redirect{Hops: -1}}), wantErr: phrases{"stopped after 10 redirects"}},
	{name: "redirected to a signed URL that is dead", faults: ofObject(redirectTo("http://127.0.0.1:1/x?X-Amz-Signature=" + githost.Signature)), wantErr: phrases{"connection refused"}},
	{name: "redirected to a signed URL that is dead, chained", chain: true, faults: ofObject(redirectTo("http://127.0.0.1:1/x?X-Amz-Signature=" + githost.Signature)), wantErr: phrases{"connection refused"}},
	{name: "redirected to no host", faults: ofObject(redirectTo("http://name:" + githost.Token + "@nowhere.invalid/x")), wantErr: phrases{"nowhere.invalid"}},
	{name: "redirected to another scheme", faults: ofObject(faults.Fault{Redirect: faults.Redirect{To: "ftp:"}}), wantErr: phrases{"unsupported protocol scheme"}},
	{name: "redirected to nowhere", faults: ofObject(faults.Fault{Status: 302}), wantErr: phrases{"it sent nothing"}},

	{name: "one of two missing", twoTarballs: true, faults: forPath("b.tar.xz", ofObject(faults.Fault{Status: 404})), wantErr: phrases{"it answers with status 404"}},
	{name: "both missing", twoTarballs: true, faults: ofObject(faults.Fault{Status: 404}), wantErr: phrases{"2 objects failed: it answers with status 404"}},
	{name: "each in another way", twoTarballs: true, faults: append(forPath("a.tar.xz", ofObject(faults.Fault{Status: 503})), forPath("b.tar.xz", ofObject(faults.Fault{Corrupt: true}))...),
		wantErr: phrases{"2 objects failed\n- a.tar.xz", "it answers with status 503", "it sent something else, sha256:"}},
	{name: "each in another way, chained", twoTarballs: true, chain: true, faults: append(forPath("a.tar.xz", ofObject(faults.Fault{Status: 503})), forPath("b.tar.xz", ofObject(faults.Fault{Corrupt: true}))...),
		wantErr: phrases{"2 objects failed\n- a.tar.xz", "it answers with status 503", "it sent something else, sha256:"}},
	{name: "one of two cut once", twoTarballs: true, faults: forPath("b.tar.xz", ofObject(once(faults.Fault{Cut: 1000})))},
}

// shortTimeout is the frontend inside the test, whose patience ends sooner than that of the image.
func shortTimeout(h *repoServer, _ string) sandbox.Request {
	return sandbox.Request{Func: frontend.Frontend{FetchTimeout: 10 * time.Second}.Build, Attrs: h.options("case")}
}
