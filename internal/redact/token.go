package redact

import "regexp"

// token are credentials that can be told by their form: of GitHub, GitLab, AWS and Slack, and JSON Web Tokens.
var token = regexp.MustCompile(`gh[pousr]_[A-Za-z0-9]{10,}` +
	`|github_pat_[A-Za-z0-9_]{10,}` +
	`|gl(?:pat|dt|rt|rtr|ptt|ft|cbt|imt|agent|soat|ffct|oas)-[A-Za-z0-9_.-]{10,}` +
	`|A[KS]IA[A-Z0-9]{16,}` +
	`|xox[a-z]-[A-Za-z0-9-]{10,}` +
	`|eyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]+){1,4}`)

func tokens(s string) string { return token.ReplaceAllString(s, placeholder) }
