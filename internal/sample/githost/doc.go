// Package githost is a git host with Git LFS: a repository of package sample over HTTP and SSH, as github.com serves it.
// None of its answers is wrong; package faults sees to that.
//
// What the server answers, in the place of three hosts:
//
//	/aws/aws-lambda-base-images[.git]/...                         git smart HTTP          github.com
//	POST /aws/aws-lambda-base-images[.git]/info/lfs/objects/batch LFS batch API           github.com
//	GET  /lfs/<oid>?X-Amz-Signature=...                           what the batch names    GitHub's store
//	GET  /media/aws/aws-lambda-base-images/<commit>/<path>        stable, unsigned URL    media.githubusercontent.com
//	GET  /objects/<oid>, /objects/<oid0>/<oid1>/<oid>             objects by oid          a mirror
//
// The URLs that the batch names are honoured with their signature only, for an hour, as S3 does;
// anything else gets S3's 403 in XML, and a credential beside a signature its 400. Every request
// is kept in Server.Requests.
//
// Who may come in, of Server.SetAccess:
//
//	Access{Accept: []string{"Basic ..."}}            git and batch; else 401
//	Access{..., SignedURLs: true}                    /lfs/ as well
//	Access{..., PlainURLs: true}                     /media/ and /objects/ as well
//	Access{..., Missing: 404, Wrong: 403}            other statuses, as of what is not to be seen
//	Access{..., Gitea: true}                         Basic only; actions carry the caller's Authorization
//
// Further hosts:
//
//	NewCA().Certificate("github.com", "127.0.0.1")   TLS; another CA's is one that nobody trusts
//	NewProxy(route)                                  CONNECT and plain; Proxy.Authorization wants a credential
//	Link{...}.Listen(listener)                       as far away as it says, for measuring
//	NewSSH(repository, SSHOptions{...})              git-upload-pack and git-lfs-authenticate
package githost
