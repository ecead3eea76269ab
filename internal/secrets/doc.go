// Package secrets knows which of BuildKit's secrets serve a host, so that one secret serves git, Git LFS and the URLs of
// objects alike.
//
// BuildKit v0.33.1 asks for them by name: its git source for GIT_AUTH_HEADER.<host>, GIT_AUTH_TOKEN.<host>,
// GIT_AUTH_HEADER and GIT_AUTH_TOKEN, the first that is there (the host with its port, as the URL has it); its HTTP
// source for HTTP_AUTH_HEADER_<host> and HTTP_AUTH_TOKEN_<host>, where the token wins (the host without its port).
package secrets
