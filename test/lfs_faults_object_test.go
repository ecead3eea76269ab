package test

import (
	"time"

	"lambdabase/internal/sample"
)

// objectTroubles are those of the URLs that the batch API names.
var objectTroubles = []trouble{
	{name: "404 once", faults: objects(once(sample.Fault{Status: 404})), seen: asked(2, sample.Batch)},
	{name: "404", faults: objects(sample.Fault{Status: 404}), says: phrases{"not found"}},
	{name: "410", faults: objects(sample.Fault{Status: 410}), says: phrases{"(410 from "}},
	{name: "400", faults: objects(sample.Fault{Status: 400}), says: phrases{"unexpected answer (400 from "}},
	{name: "401", faults: objects(sample.Fault{Status: 401}), says: phrases{"unauthorized (401 from "}},
	{name: "403 once", faults: objects(once(sample.Fault{Status: 403})), seen: asked(2, sample.Batch)},
	{name: "403", faults: objects(sample.Fault{Status: 403}), says: phrases{"forbidden (403 from "}},
	{name: "403, chained", chain: true, faults: objects(sample.Fault{Status: 403}), says: phrases{"forbidden (403 from "}},
	{name: "416", faults: objects(sample.Fault{Status: 416}), says: phrases{"unexpected answer (416 from "}},
	{name: "429 once, for seconds", faults: objects(once(sample.RetryAfter(429, "2")))},
	{name: "429 for an hour", faults: objects(sample.RetryAfter(429, "3600")), says: phrases{"the server asks to wait 1h0m0s (429 from "}},
	{name: "500 once", faults: objects(once(sample.Fault{Status: 500}))},
	{name: "503", limit: retried, faults: objects(sample.Fault{Status: 503}), says: phrases{"server error (503 from "}},
	{name: "503 once, chained", chain: true, faults: objects(once(sample.Fault{Status: 503}))},
	{name: "no content", limit: retried, faults: objects(sample.Fault{Status: 204}), says: phrases{"unexpected answer (204 from "}},
	{name: "nothing", limit: retried, faults: objects(sample.Fault{Status: 200}), says: phrases{"the server would send 0 bytes, the object has "}},
	{name: "a page", limit: retried, faults: objects(sample.Page()), says: phrases{"an HTML page"}},
	{name: "a page once", faults: objects(once(sample.Page()))},
	{name: "a pointer", limit: retried, faults: objects(sample.Fault{Status: 200, Body: strayPointer}), says: phrases{"a Git LFS pointer"}},

	{name: "dropped once", faults: objects(once(sample.Fault{Drop: true}))},
	{name: "dropped", limit: retried, faults: objects(sample.Fault{Drop: true}), says: phrases{"no answer: EOF"}},
	{name: "cut once", faults: objects(once(sample.Fault{Cut: 1000})), seen: ranges("", "bytes=1000-")},
	{name: "cut each time", faults: objects(sample.Fault{Cut: 1000}), seen: ranges("", "bytes=1000-", "bytes=2000-")},
	{name: "cut before the body", limit: retried, faults: objects(sample.Fault{Cut: -1}), says: phrases{"the answer was cut after 0 of "}},
	{name: "cut, and no ranges", limit: retried, faults: objects(sample.Fault{Cut: 1000, Range: sample.NoRange}), says: phrases{"the answer was cut after 1000 of "}},
	{name: "cut once, and no ranges", faults: objects(once(sample.Fault{Cut: 1000}), sample.Fault{Range: sample.NoRange}), seen: ranges("", "bytes=1000-")},
	{name: "cut once, and another range", faults: objects(once(sample.Fault{Cut: 1000}), sample.Fault{Range: sample.WrongRange}), seen: ranges("", "bytes=1000-", "")},
	{name: "cut once, and a range that lies", faults: objects(once(sample.Fault{Cut: 1000}), sample.Fault{Range: sample.LyingRange}), seen: ranges("", "bytes=1000-", "")},
	{name: "cut once, and a range that isn't told", faults: objects(once(sample.Fault{Cut: 1000}), sample.Fault{Range: sample.BareRange}), seen: ranges("", "bytes=1000-", "")},
	{name: "cut once, and a range of something else", faults: objects(once(sample.Fault{Cut: 1000}), sample.Fault{Range: sample.OtherTotal}), seen: ranges("", "bytes=1000-", "")},
	{name: "cut once, and the range refused", faults: objects(once(sample.Fault{Cut: 1000}), once(sample.Fault{Status: 416})), seen: ranges("", "bytes=1000-", "")},
	{name: "cut once, then changed", faults: objects(once(sample.Fault{Cut: 1000, Corrupt: true, Header: map[string][]string{"Etag": {`"other"`}}})), seen: ranges("", "bytes=1000-")},
	{name: "late", faults: objects(sample.Fault{Delay: 3 * time.Second})},
	{name: "slow", faults: objects(sample.Fault{Trickle: sample.Trickle{Bytes: 500, Every: 500 * time.Millisecond}})},
	{name: "stalled once", limit: stalled, faults: objects(once(sample.Fault{Stall: 1000})), seen: ranges("", "bytes=1000-")},
	{name: "silent once", limit: stalled, faults: objects(once(sample.Fault{Delay: time.Hour}))},
	{name: "stalled", limit: 2 * stalled, faults: objects(sample.Fault{Stall: -1}), says: phrases{"nothing arrived for 30s after 0 of "}},

	{name: "corrupt once", faults: objects(once(sample.Fault{Corrupt: true}))},
	{name: "corrupt", faults: objects(sample.Fault{Corrupt: true}), says: phrases{"the server sent something else: sha256:"}},
	{name: "corrupt, chained", chain: true, faults: objects(sample.Fault{Corrupt: true}), says: phrases{"the server sent something else: sha256:"}},
	{name: "too long", faults: objects(sample.Fault{Oversize: 9}), says: phrases{"the server would send "}},
	{name: "too long, not said", faults: objects(sample.Fault{Oversize: 9, Chunked: true}), says: phrases{"the server sends more than the object's "}},
	{name: "too short", faults: objects(sample.Fault{Short: 9}), says: phrases{"the server would send "}},
	{name: "too short, not said", limit: retried, faults: objects(sample.Fault{Short: 9, Chunked: true}), says: phrases{"the answer ends after "}},
	{name: "longer than it is", faults: objects(sample.Fault{Length: 9}), says: phrases{"the server would send "}},
	{name: "of unknown length", faults: objects(sample.Fault{Chunked: true})},
	{name: "compressed again", faults: objects(sample.Fault{Gzip: true}), says: phrases{`content encoding "gzip", which was not asked for`}},

	{name: "redirected", faults: objects(sample.Fault{Redirect: sample.Redirect{Hops: 3}})},
	{name: "redirected too often", faults: objects(sample.Fault{Redirect: sample.Redirect{Hops: 4}}), says: phrases{"more than 3 redirects, the last one to host 127.0.0.1:"}},
	{name: "redirected without end", faults: objects(sample.Fault{Redirect: sample.Redirect{Hops: -1}}), says: phrases{"more than 3 redirects"}},
	{name: "redirected to another host", secret: "GIT_AUTH_TOKEN", faults: objects(sample.Fault{Redirect: sample.Redirect{To: sample.SecondHost}}), seen: discreet},
	{name: "redirected to another host's signed URL", secret: "GIT_AUTH_TOKEN", faults: objects(sample.Fault{Redirect: sample.Redirect{To: sample.SecondHost, Signed: true}}), seen: discreet},
	{name: "redirected to a signed URL that is dead", limit: retried, faults: objects(led("http://127.0.0.1:1/x?X-Amz-Signature=" + sample.Signature)), says: phrases{"connection refused"}},
	{name: "redirected to a file", faults: objects(led("file:///etc/passwd")), says: phrases{"redirect: no absolute http or https URL"}},
	{name: "redirected with user information", faults: objects(led("http://name:" + sample.Token + "@127.0.0.1/x")), says: phrases{"has user information in it"}},
	{name: "redirected to nowhere", faults: objects(sample.Fault{Status: 302}), says: phrases{"redirect to nowhere"}},

	{name: "one of two missing", two: true, faults: of("b.tar.xz", objects(sample.Fault{Status: 404})), says: phrases{"404 from "}},
	{name: "both missing", two: true, faults: objects(sample.Fault{Status: 404}), says: phrases{"2 objects failed", "404 from "}},
	{name: "each in another way, chained", two: true, chain: true, faults: append(of("a.tar.xz", objects(sample.Fault{Status: 404})), of("b.tar.xz", objects(sample.Fault{Corrupt: true}))...),
		says: phrases{"2 objects failed\n- a.tar.xz", "404 from ", "the server sent something else: sha256:"}},
}
