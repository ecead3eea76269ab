package test

import (
	"time"

	"lambdabase/internal/sample/faults"
	"lambdabase/internal/sample/githost"
)

// objectFaults are those of the URLs that the batch API names.
var objectFaults = []faultCase{
	{name: "404 once", faults: ofObject(once(faults.Fault{Status: 404})), checkRequests: wantRequests(2, githost.Batch)},
	{name: "404", faults: ofObject(faults.Fault{Status: 404}), wantErr: phrases{"not found"}},
	{name: "410", faults: ofObject(faults.Fault{Status: 410}), wantErr: phrases{"(410 from "}},
	{name: "400", faults: ofObject(faults.Fault{Status: 400}), wantErr: phrases{"unexpected answer (400 from "}},
	{name: "401", faults: ofObject(faults.Fault{Status: 401}), wantErr: phrases{"unauthorized (401 from "}},
	{name: "403 once", faults: ofObject(once(faults.Fault{Status: 403})), checkRequests: wantRequests(2, githost.Batch)},
	{name: "403", faults: ofObject(faults.Fault{Status: 403}), wantErr: phrases{"forbidden (403 from "}},
	{name: "403, chained", chain: true, faults: ofObject(faults.Fault{Status: 403}), wantErr: phrases{"forbidden (403 from "}},
	{name: "416", faults: ofObject(faults.Fault{Status: 416}), wantErr: phrases{"unexpected answer (416 from "}},
	{name: "429 once, for seconds", faults: ofObject(once(faults.RetryAfter(429, "2")))},
	{name: "429 for an hour", faults: ofObject(faults.RetryAfter(429, "3600")), wantErr: phrases{"the server asks to wait 1h0m0s (429 from "}},
	{name: "500 once", faults: ofObject(once(faults.Fault{Status: 500}))},
	{name: "503", limit: retryLimit, faults: ofObject(faults.Fault{Status: 503}), wantErr: phrases{"server error (503 from "}},
	{name: "503 once, chained", chain: true, faults: ofObject(once(faults.Fault{Status: 503}))},
	{name: "no content", limit: retryLimit, faults: ofObject(faults.Fault{Status: 204}), wantErr: phrases{"unexpected answer (204 from "}},
	{name: "nothing", limit: retryLimit, faults: ofObject(faults.Fault{Status: 200}), wantErr: phrases{"the server would send 0 bytes, the object has "}},
	{name: "a page", limit: retryLimit, faults: ofObject(faults.Page()), wantErr: phrases{"an HTML page"}},
	{name: "a page once", faults: ofObject(once(faults.Page()))},
	{name: "a pointer", limit: retryLimit, faults: ofObject(faults.Fault{Status: 200, Body: strayPointer}), wantErr: phrases{"a Git LFS pointer"}},

	{name: "dropped once", faults: ofObject(once(faults.Fault{Drop: true}))},
	{name: "dropped", limit: retryLimit, faults: ofObject(faults.Fault{Drop: true}), wantErr: phrases{"no answer: EOF"}},
	{name: "cut once", faults: ofObject(once(faults.Fault{Cut: 1000})), checkRequests: wantRanges("", "bytes=1000-")},
	{name: "cut each time", faults: ofObject(faults.Fault{Cut: 1000}), checkRequests: wantRanges("", "bytes=1000-", "bytes=2000-")},
	{name: "cut before the body", limit: retryLimit, faults: ofObject(faults.Fault{Cut: -1}), wantErr: phrases{"the answer was cut after 0 of "}},
	{name: "cut, and no ranges", limit: retryLimit, faults: ofObject(faults.Fault{Cut: 1000, Range: faults.NoRange}), wantErr: phrases{"the answer was cut after 1000 of "}},
	{name: "cut once, and no ranges", faults: ofObject(once(faults.Fault{Cut: 1000}), faults.Fault{Range: faults.NoRange}), checkRequests: wantRanges("", "bytes=1000-")},
	{name: "cut once, and another range", faults: ofObject(once(faults.Fault{Cut: 1000}), faults.Fault{Range: faults.WrongRange}), checkRequests: wantRanges("", "bytes=1000-", "")},
	{name: "cut once, and a range that lies", faults: ofObject(once(faults.Fault{Cut: 1000}), faults.Fault{Range: faults.LyingRange}), checkRequests: wantRanges("", "bytes=1000-", "")},
	{name: "cut once, and a range that isn't told", faults: ofObject(once(faults.Fault{Cut: 1000}), faults.Fault{Range: faults.BareRange}), checkRequests: wantRanges("", "bytes=1000-", "")},
	{name: "cut once, and a range of something else", faults: ofObject(once(faults.Fault{Cut: 1000}), faults.Fault{Range: faults.OtherTotal}), checkRequests: wantRanges("", "bytes=1000-", "")},
	{name: "cut once, and the range refused", faults: ofObject(once(faults.Fault{Cut: 1000}), once(faults.Fault{Status: 416})), checkRequests: wantRanges("", "bytes=1000-", "")},
	{name: "cut once, then changed", faults: ofObject(once(faults.Fault{Cut: 1000, Corrupt: true, Header: map[string][]string{"Etag": {`"other"`}}})), checkRequests: wantRanges("", "bytes=1000-")},
	{name: "late", faults: ofObject(faults.Fault{Delay: 3 * time.Second})},
	{name: "slow", faults: ofObject(faults.Fault{Trickle: faults.Trickle{Bytes: 500, Every: 500 * time.Millisecond}})},
	{name: "stalled once", limit: stallLimit, faults: ofObject(once(faults.Fault{Stall: 1000})), checkRequests: wantRanges("", "bytes=1000-")},
	{name: "silent once", limit: stallLimit, faults: ofObject(once(faults.Fault{Delay: time.Hour}))},
	{name: "stalled", limit: 2 * stallLimit, faults: ofObject(faults.Fault{Stall: -1}), wantErr: phrases{"nothing arrived for 30s after 0 of "}},

	{name: "corrupt once", faults: ofObject(once(faults.Fault{Corrupt: true}))},
	{name: "corrupt", faults: ofObject(faults.Fault{Corrupt: true}), wantErr: phrases{"the server sent something else: sha256:"}},
	{name: "corrupt, chained", chain: true, faults: ofObject(faults.Fault{Corrupt: true}), wantErr: phrases{"the server sent something else: sha256:"}},
	{name: "too long", faults: ofObject(faults.Fault{Oversize: 9}), wantErr: phrases{"the server would send "}},
	{name: "too long, not said", faults: ofObject(faults.Fault{Oversize: 9, Chunked: true}), wantErr: phrases{"the server sends more than the object's "}},
	{name: "too short", faults: ofObject(faults.Fault{Short: 9}), wantErr: phrases{"the server would send "}},
	{name: "too short, not said", limit: retryLimit, faults: ofObject(faults.Fault{Short: 9, Chunked: true}), wantErr: phrases{"the answer ends after "}},
	{name: "longer than it is", faults: ofObject(faults.Fault{Length: 9}), wantErr: phrases{"the server would send "}},
	{name: "of unknown length", faults: ofObject(faults.Fault{Chunked: true})},
	{name: "compressed again", faults: ofObject(faults.Fault{Gzip: true}), wantErr: phrases{`content encoding "gzip", which was not asked for`}},

	{name: "redirected", faults: ofObject(faults.Fault{Redirect: faults.Redirect{Hops: 3}})},
	{name: "redirected too often", faults: ofObject(faults.Fault{Redirect: faults.Redirect{Hops: 4}}), wantErr: phrases{"more than 3 redirects, the last one to host 127.0.0.1:"}},
	{name: "redirected without end", faults: ofObject(faults.Fault{Redirect: faults.Redirect{Hops: -1}}), wantErr: phrases{"more than 3 redirects"}},
	{name: "redirected to another host", secret: "GIT_AUTH_TOKEN", faults: ofObject(faults.Fault{Redirect: faults.Redirect{To: faults.SecondHost}}), checkRequests: noCredentialLeak},
	{name: "redirected to another host's signed URL", secret: "GIT_AUTH_TOKEN", faults: ofObject(faults.Fault{Redirect: faults.Redirect{To: faults.SecondHost, Signed: true}}), checkRequests: noCredentialLeak},
	{name: "redirected to a signed URL that is dead", limit: retryLimit, faults: ofObject(redirectTo("http://127.0.0.1:1/x?X-Amz-Signature=" + githost.Signature)), wantErr: phrases{"connection refused"}},
	{name: "redirected to a file", faults: ofObject(redirectTo("file:///etc/passwd")), wantErr: phrases{"redirect: no absolute http or https URL"}},
	{name: "redirected with user information", faults: ofObject(redirectTo("http://name:" + githost.Token + "@127.0.0.1/x")), wantErr: phrases{"has user information in it"}},
	{name: "redirected to nowhere", faults: ofObject(faults.Fault{Status: 302}), wantErr: phrases{"redirect to nowhere"}},

	{name: "one of two missing", twoTarballs: true, faults: forPath("b.tar.xz", ofObject(faults.Fault{Status: 404})), wantErr: phrases{"404 from "}},
	{name: "both missing", twoTarballs: true, faults: ofObject(faults.Fault{Status: 404}), wantErr: phrases{"2 objects failed", "404 from "}},
	{name: "each in another way, chained", twoTarballs: true, chain: true, faults: append(forPath("a.tar.xz", ofObject(faults.Fault{Status: 404})), forPath("b.tar.xz", ofObject(faults.Fault{Corrupt: true}))...),
		wantErr: phrases{"2 objects failed\n- a.tar.xz", "404 from ", "the server sent something else: sha256:"}},
}
