// Package usergit knows what the user's own git would send to a server. Git itself is asked wherever it can tell; only
// .netrc, which libcurl reads for it, is read here.
package usergit
