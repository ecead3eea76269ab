// Package faults is the git host of package githost with switches for all that can go wrong with one. Tests import it, and
// nothing that is released.
//
// A fault is a value: server.Inject(Target{Kind: githost.Batch, OID: oid}, Fault{Status: 503, Times: 2}). The
// latest injected goes first; Server.ClearFaults ends all. Target.Kind is Git, Batch, Object or Other.
//
// Any answer:
//
//	Fault{Delay: time.Minute}                        nothing for so long
//	Fault{Drop: true}                                connection closed without an answer
//	Fault{Status: 503, Body: "...", Header: h}       another answer
//	Fault{Header: h}                                 more headers on the right answer
//	Fault{Cut: 100}, Fault{Cut: -1}                  connection closed within, before the body
//	Fault{Stall: 100}, Fault{Stall: -1}              silence within, before the body
//	Fault{Trickle: Trickle{1, time.Second}}          a byte a second
//	Fault{Redirect: Redirect{Hops: 3}}               here, then the answer; Status: 307 for another than 302
//	Fault{Redirect: Redirect{Hops: -1}}              here, without end
//	Fault{Redirect: Redirect{To: SecondHost}}        to the base given to Server.SetSecondHost; its log has Host
//	Fault{Redirect: Redirect{To: "http:"}}           to plain HTTP on the same host and port
//	Fault{Redirect: Redirect{To: base}}              to anywhere
//
// An object:
//
//	Fault{Corrupt: true}                             a byte flipped
//	Fault{Oversize: 9}, Fault{Short: 9}              longer, shorter, as if that were all
//	Fault{Length: 9}                                 Content-Length says more than comes
//	Fault{Chunked: true}                             no Content-Length
//	Fault{Gzip: true}                                Content-Encoding nobody asked for
//	Fault{Range: NoRange}                            a range is answered 200, from the start
//	Fault{Range: WrongRange}                         ... with another, which Content-Range tells
//	Fault{Range: LyingRange}                         ... with another, as if it were the one
//	Fault{Range: BareRange}                          ... without Content-Range
//	Fault{Range: OtherTotal}                         ... of an object of another size
//	Fault{Redirect: Redirect{Signed: true}}          to its signed URL; with To: SecondHost in another place
//
// The batch API, as a whole:
//
//	Message(422, "...")                              also 401, 403, 404, 406, 413, 429, 500, 501, 507 ...
//	OverQuota(403), OverQuota(509)                   GitHub's words
//	RetryAfter(429, "3"), RetryAfter(503, date)      date as http.TimeFormat writes it
//	Page()                                           200 and HTML
//	SignIn(203), SignIn(302)                         a page to sign in, the way to one: Azure DevOps's
//	Silence()                                        nothing, until the client leaves
//	BrokenJSON()                                     200 and half an answer
//	Fault{Batch: BatchFault{Padding: 64 << 20}}      200 and 64 MiB
//	Fault{Batch: BatchFault{Limit: 10}}              413 for more objects
//	Fault{Batch: BatchFault{Transfer: "tus"}}        another transfer than was offered
//	Fault{Batch: BatchFault{HashAlgo: "sha512"}}
//	Fault{Batch: BatchFault{Edit: func(*BatchResponse) {...}}}
//
// An object in its answer; all of them, or that of Target.OID (fields of BatchFault):
//
//	Error: &BatchError{410, "gone"}                  in place of the action
//	Omit, Bare, Twice: true                          left out; neither action nor error; said again
//	OID: other, Grow: 1                              another object's oid; another size
//	ExpiresAt: "0001-01-01T00:00:00Z"                or in the past
//	ExpiresIn: -5
//	Lifetime: time.Second                            says so, and /lfs/ refuses it afterwards
//	Lifetime: time.Second, ExpiresIn: 3600           expires before it says
//	Lifetime: -time.Second, ExpiresIn: 3600          over from the start
//	Base: "ftp:", Base: "http:"                      another scheme
//	Base: SecondHost, Base: base                     another place
//	Relative: true                                   no base
//	User: "name:password"                            user info in the URL
//	Token: true                                      /lfs/ wants the action's Authorization
//	Header: map[string]string{"Metadata-Flavor": ..} headers that must not arrive
//
// A command over SSH, of SSHServer.Inject:
//
//	Garbage(), NoCommand()                           git-lfs-authenticate says no JSON; is not there
//	Denied(LFSAuthenticate), Denied("")              "ERROR: Repository not found." of it, of any command
//	SSHFault{Hang: true}                             until the client leaves
//	SSHFault{Lifetime: -time.Minute}                 an expired token; with ExpiresIn: 600 it does not say so
//	SSHFault{Href: "http://other/info/lfs"}          another host
//	SSHFault{Stdout: "...", Stderr: "...", Status: 1} anything else
package faults
