package fault

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Kind is the class of a fault; it says what the caller can do.
type Kind uint8

// The kinds of faults.
const (
	Invalid         Kind = iota + 1 // the input is wrong; correct it
	NotFound                        // it does not exist, or no longer
	Conflict                        // it conflicts with what is stored
	Stale                           // it has changed since the caller last saw it
	Forbidden                       // the caller lacks a permission
	Unauthenticated                 // the caller is unknown
	Unavailable                     // try again later
	TooLarge                        // too much at once
	Limited                         // too many requests; wait
)

// Field is what is wrong with one field of the input, and the remedy.
type Field struct {
	Name    string `json:"field" doc:"The field or parameter as it was sent, with dots for nested fields: profile.height." example:"birth_year"`
	Code    string `json:"code" doc:"A stable code for programs." example:"out_of_range"`
	Message string `json:"message" doc:"A message for people: what to send instead." example:"must be between 1900 and 2008"`
}

// Error is a fault: an error that users may see. It never holds personal data.
type Error struct {
	Kind    Kind
	Code    string // stable, snake_case: "phone_taken"
	Message string
	Fields  []Field
	Detail  any // what else the caller needs to correct it, as JSON
	cause   error
}

// New returns a fault of the kind with a stable code and a message.
func New(kind Kind, code, format string, args ...any) *Error {
	return &Error{Kind: kind, Code: code, Message: fmt.Sprintf(format, args...)}
}

// Error returns the message and those of the fields.
func (e *Error) Error() string {
	if len(e.Fields) == 0 {
		return e.Message
	}
	parts := make([]string, len(e.Fields))
	for i, f := range e.Fields {
		parts[i] = f.Name + ": " + f.Message
	}
	return e.Message + ": " + strings.Join(parts, "; ")
}

// Unwrap returns the internal cause, which is logged and never shown.
func (e *Error) Unwrap() error { return e.cause }

// Is reports whether target is a fault with the same code, so that errors.Is finds
// a declared fault after its message or cause was filled in.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code
}

// Because returns a copy with an internal cause, for the log.
func (e *Error) Because(err error) *Error {
	c := *e
	c.cause = err
	return &c
}

// With returns a copy that carries detail to the caller.
func (e *Error) With(detail any) *Error {
	c := *e
	c.Detail = detail
	return &c
}

// As returns the first fault in the tree of err, or nil.
func As(err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	return nil
}

// Fields collects what is wrong with an input, to report all of it at once. The
// zero value is ready. It is not safe for concurrent use.
type Fields struct{ list []Field }

// Add notes that a field is wrong; the message says what to send instead.
func (f *Fields) Add(name, code, format string, args ...any) {
	f.list = append(f.list, Field{Name: name, Code: code, Message: fmt.Sprintf(format, args...)})
}

// Has reports whether the field was noted.
func (f *Fields) Has(name string) bool {
	return slices.ContainsFunc(f.list, func(x Field) bool { return x.Name == name })
}

// Err returns a fault with all noted fields, or nil if there are none.
func (f *Fields) Err() error {
	if len(f.list) == 0 {
		return nil
	}
	return &Error{Kind: Invalid, Code: "invalid", Message: "The input is not valid.", Fields: f.list}
}

// Len returns how many fields are noted.
func (f *Fields) Len() int { return len(f.list) }
