package document

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"

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
	var wrongType *json.UnmarshalTypeError
	if errors.As(err, &wrongType) {
		return errors.Errorf("%s:%d: %s: %s where %s is expected", name, lineOf(dt, wrongType.Offset), wrongType.Field, wrongType.Value, wrongType.Type)
	}
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return errors.Errorf("%s:%d: it is cut", name, lineOf(dt, int64(len(dt))))
	}
	return errors.Wrapf(err, "%s:%d", name, lineOf(dt, d.InputOffset()))
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
