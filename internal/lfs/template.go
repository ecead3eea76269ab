package lfs

import (
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"lambdabase/internal/redact"
	"lambdabase/internal/weburl"

	"github.com/moby/buildkit/util/suggest"
	"github.com/pkg/errors"
)

// Object is a file of a commit's tree whose content is kept in LFS.
type Object struct {
	Pointer
	Path   string `json:"path"` // in the tree, with slashes
	Commit string `json:"-"`    // full id
}

// Template makes the URL of an object out of what is known of it.
type Template struct {
	path, query string // both with placeholders; path holds scheme and host too
}

var (
	placeholder  = regexp.MustCompile(`\{[^{}]*\}`)
	placeholders = []string{"oid", "size", "path", "commit", "oid0", "oid1"}

	// What a query may say besides the keys of the allow-list: names, and values that are names or say nothing.
	plainValue = regexp.MustCompile(`^(true|false|[0-9]{1,4}|(\{[a-z01]+\})*)$`)
	wordKey    = regexp.MustCompile(`^[A-Za-z-]{1,24}$`)
)

// ParseTemplate reads a template: an http or https URL with {oid}, {size}, {path}, {commit}, {oid0} and {oid1} (first
// and second two digits of the oid). Errors never repeat what may be a credential.
func ParseTemplate(s string) (Template, error) {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return Template{}, errors.New("no http or https URL")
	}
	if err := weburl.CheckUserInfo(u); err != nil {
		return Template{}, errors.Errorf("%v, which would end up in provenance and logs", err)
	}
	if err := weburl.CheckPort(u); err != nil {
		return Template{}, err
	}
	if strings.Contains(s, "#") {
		return Template{}, errors.New("fragment, which never reaches a server")
	}
	if err := checkPlaceholders(s); err != nil {
		return Template{}, err
	}
	if err := checkQuery(u); err != nil {
		return Template{}, err
	}
	path, query, _ := strings.Cut(s, "?")
	return Template{path: path, query: query}, nil
}

func checkPlaceholders(s string) error {
	found := placeholder.FindAllString(s, -1)
	for _, p := range found {
		name := strings.Trim(p, "{}")
		if !slices.Contains(placeholders, name) {
			err := errors.Errorf("unknown placeholder %s, want one of {%s}", p, strings.Join(placeholders, "} {"))
			return suggest.WrapError(err, name, placeholders, true)
		}
	}
	if rest := placeholder.ReplaceAllString(s, ""); strings.ContainsAny(rest, "{}") {
		return errors.New("unbalanced brace")
	}
	if !slices.Contains(found, "{oid}") && !slices.Contains(found, "{path}") {
		return errors.New("neither {oid} nor {path}, so every object would have the same URL")
	}
	return nil
}

func checkQuery(u *url.URL) error {
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return errors.New("malformed query")
	}
	for key, values := range query {
		harmless := redact.IsSafeQueryKey(key) || wordKey.MatchString(key) && !slices.ContainsFunc(values, isNotPlain)
		if !harmless {
			return errors.Errorf("query key %s may carry a credential, which would end up in provenance and logs; known to carry none are %s",
				displayKey(key), strings.Join(redact.SafeQueryKeys(), ", "))
		}
	}
	return nil
}

func isNotPlain(value string) bool { return !plainValue.MatchString(value) }

// displayKey is a key as an error may repeat it: a bare token is a key too.
func displayKey(key string) string {
	if wordKey.MatchString(key) {
		return strconv.Quote(key)
	}
	return "(not shown)"
}

// IsZero reports whether t is a template that was never parsed.
func (t Template) IsZero() bool { return t.path == "" }

// ByOID reports whether an object's oid and size are enough to make its URL.
func (t Template) ByOID() bool {
	return !strings.Contains(t.path+t.query, "{path}") && !strings.Contains(t.path+t.query, "{commit}")
}

// URL returns where the object is served.
func (t Template) URL(o Object) string {
	u := t.fill(t.path, o, func(s string) string {
		return strings.ReplaceAll(url.PathEscape(s), "%2F", "/")
	})
	if t.query != "" {
		u += "?" + t.fill(t.query, o, url.QueryEscape)
	}
	return u
}

func (t Template) fill(s string, o Object, escape func(string) string) string {
	return strings.NewReplacer(
		"{oid}", o.OID,
		"{size}", strconv.FormatInt(o.Size, 10),
		"{path}", escape(o.Path),
		"{commit}", o.Commit,
		"{oid0}", o.OID[:2],
		"{oid1}", o.OID[2:4],
	).Replace(s)
}
