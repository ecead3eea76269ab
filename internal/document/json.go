package document

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/pkg/errors"
)

// MaxSize is the size in bytes that no document comes near to: one of a runtime has some 5 KB.
const MaxSize = 8 << 20

// maxValues is how many values no document comes near to: an empty one takes two bytes in a file, and a hundred in memory.
const maxValues = 1 << 17

// decode reads a document strictly: a field that is unknown may be the one that the writer relies on, and of one that is there twice
// a reader may see the other.
func decode(name string, dt []byte, v any) error {
	if len(dt) > MaxSize {
		return errors.Errorf("%s has %d bytes, at most %d are expected", name, len(dt), MaxSize)
	}
	if bytes.Count(dt, []byte(",")) > maxValues {
		return errors.Errorf("%s has more than %d values", name, maxValues)
	}
	d := json.NewDecoder(bytes.NewReader(dt))
	d.DisallowUnknownFields()
	err := d.Decode(v)
	if err == nil {
		if _, end := d.Token(); end != io.EOF {
			err = errors.New("something follows the document")
		}
	}
	if err == nil {
		d = json.NewDecoder(bytes.NewReader(dt))
		err = checkKeys(d)
	}
	if err == nil {
		return nil
	}
	offset, err := locate(dt, d.InputOffset(), err)
	return errors.Wrapf(err, "%s:%d", name, lineOf(dt, offset))
}

// locate says where an error of encoding/json is, which knows that of some only, and what it means.
func locate(dt []byte, offset int64, err error) (int64, error) {
	var wrongType *json.UnmarshalTypeError
	var syntax *json.SyntaxError
	var date *time.ParseError
	switch {
	case errors.As(err, &wrongType):
		field := strings.ReplaceAll(wrongType.Field, "Pointer.", "") // whose fields are those of the layer
		return wrongType.Offset, errors.Errorf("%s: %s where %s is expected", field, wrongType.Value, wrongType.Type)
	case len(bytes.TrimSpace(dt)) == 0:
		return 0, errors.New("it is empty: restore it, or lock anew")
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return int64(len(dt)), errors.New("it is cut")
	case bytes.HasPrefix(dt, []byte("<<<<<<< ")), bytes.Contains(dt, []byte("\n<<<<<<< ")):
		return int64(bytes.Index(dt, []byte("<<<<<<< "))), errors.New("a conflict of a merge is left in it")
	case errors.As(err, &syntax):
		return syntax.Offset, err
	case errors.As(err, &date):
		return offsetOf(dt, offset, date.Value), errors.Errorf("%q is no time, want one like 2024-10-14T14:15:39Z", date.Value)
	}
	if name, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		name = strings.Trim(name, `"`)
		return offsetOf(dt, offset, name), errors.Errorf("unknown field %q", name)
	}
	return offset, err
}

// offsetOf returns where a string first is in a document, or else what is known.
func offsetOf(dt []byte, known int64, text string) int64 {
	if i := bytes.Index(dt, []byte(`"`+text+`"`)); i >= 0 {
		return int64(i)
	}
	return known
}

// checkKeys finds what encoding/json lets pass in a document that it has read: a key that is there twice, and one in other letters
// than the field's.
func checkKeys(d *json.Decoder) error {
	start, err := d.Token()
	if err != nil || start != json.Delim('{') && start != json.Delim('[') {
		return err
	}
	seen := map[string]bool{}
	for d.More() {
		if start == json.Delim('{') {
			token, err := d.Token()
			if err != nil {
				return err
			}
			key := token.(string)
			if seen[key] {
				return errors.Errorf("%s is there twice", key)
			}
			if strings.ContainsFunc(key, func(r rune) bool { return r < 'a' || r > 'z' }) {
				return errors.Errorf("unknown field %q", key)
			}
			seen[key] = true
		}
		if err := checkKeys(d); err != nil {
			return err
		}
	}
	_, err = d.Token()
	return err
}

// lineOf returns the line that an offset is in, from 1.
func lineOf(dt []byte, offset int64) int {
	return 1 + bytes.Count(dt[:min(offset, int64(len(dt)))], []byte("\n"))
}

func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err := e.Encode(v)
	return b.Bytes(), errors.Wrap(err, "document")
}

// invalidField is what is wrong with a document, and in which field.
type invalidField struct {
	field string
	cause error
}

func (e *invalidField) Error() string { return e.field + ": " + e.cause.Error() }

func (e *invalidField) Unwrap() error { return e.cause }

// fieldError says in which field an error is, which may be one within the field.
func fieldError(err error, format string, args ...any) error {
	field := fmt.Sprintf(format, args...)
	if inner, ok := err.(*invalidField); ok { //nolint:errorlint // only the outermost is joined
		return &invalidField{field: field + "." + inner.field, cause: inner.cause}
	}
	return &invalidField{field: field, cause: err}
}

// wrapField names the file of an error.
func wrapField(err error, name string) error { return errors.WithMessage(err, name) }
