package field

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// MaxDepth is how many levels deep JSON may be nested.
const MaxDepth = 32

// SyntaxError is why a body is not JSON that can be decoded.
type SyntaxError struct {
	Code    string // malformed_json, body_missing, nested_too_deeply, trailing_data; or malformed, with a field
	Message string

	Field     string // the wrong field; empty for none
	FieldCode string // duplicate or invalid_text
	FieldText string
}

// Error returns the message.
func (e *SyntaxError) Error() string { return e.Message }

func unreadable(code, format string, args ...any) *SyntaxError {
	return &SyntaxError{Code: code, Message: fmt.Sprintf(format, args...)}
}

func unreadableField(p jsontext.Pointer, code, message string) *SyntaxError {
	return &SyntaxError{Code: CodeMalformed, Message: "The request could not be read.", Field: pointerName(p), FieldCode: code, FieldText: message}
}

// CheckSyntax returns a [*SyntaxError] unless body is one JSON value: UTF-8 without
// NUL, not nested too deeply, without duplicate names.
func CheckSyntax(body []byte) error {
	if jsontext.Value(body).IsValid() && isShallow(body) && !bytes.Contains(body, []byte(`\u0000`)) {
		return nil
	}
	if len(bytes.TrimSpace(body)) == 0 {
		return unreadable("body_missing", "The body is empty. Send a JSON object.")
	}
	d := jsontext.NewDecoder(bytes.NewReader(body))
	for {
		token, err := d.ReadToken()
		if err != nil {
			return syntaxError(body, err)
		}
		if d.StackDepth() > MaxDepth {
			return unreadable("nested_too_deeply", "JSON may be nested up to %d levels deep.", MaxDepth)
		}
		if token.Kind() == '"' && strings.IndexByte(token.String(), 0) >= 0 {
			return unreadableField(d.StackPointer(), CodeInvalidText, "Must not contain the character NUL.")
		}
		if d.StackDepth() == 0 {
			break
		}
	}
	if len(bytes.TrimSpace(body[d.InputOffset():])) > 0 {
		return unreadable("trailing_data", "Something follows the JSON value.")
	}
	return nil
}

// isShallow reports whether body is nested no deeper than allowed. It counts every
// bracket, those in strings too: a quick yes, or a perhaps.
func isShallow(body []byte) bool {
	open := 0
	for _, c := range body {
		switch c {
		case '{', '[':
			if open++; open > MaxDepth {
				return false
			}
		case '}', ']':
			open--
		}
	}
	return true
}

func syntaxError(body []byte, err error) error {
	s, ok := errors.AsType[*jsontext.SyntacticError](err)
	switch {
	case !ok:
		return unreadable("malformed_json", "The body is not JSON.")
	case errors.Is(err, jsontext.ErrDuplicateName):
		return unreadableField(s.JSONPointer, CodeDuplicate, "Given twice; give it once.")
	case !utf8.Valid(body):
		return unreadableField(s.JSONPointer, CodeInvalidText, "Must be valid UTF-8.")
	case errors.Is(err, io.ErrUnexpectedEOF):
		return unreadable("malformed_json", "The JSON ends too early, at byte %d.", s.ByteOffset)
	}
	return unreadable("malformed_json", "The body is not JSON: see byte %d.", s.ByteOffset)
}

// pointerName returns a pointer in the form of field names: lifestyle.hobbies.2.
func pointerName(p jsontext.Pointer) string {
	var parts []string
	for name := range p.Tokens() {
		parts = append(parts, printable(name))
	}
	if len(parts) == 0 {
		return "body"
	}
	return strings.Join(parts, ".")
}
