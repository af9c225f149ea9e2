package fault

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Kind says what sort of failure this is, and so what the caller can do.
type Kind uint8

// The kinds of failure that a person may see.
const (
	Invalid         Kind = iota + 1 // the input is wrong; mend it
	NotFound                        // there is no such thing, or not any more
	Conflict                        // it clashes with what is stored
	Stale                           // it was changed since the caller last saw it
	Forbidden                       // the caller may not
	Unauthenticated                 // who the caller is could not be told
	Unavailable                     // not now; try again later
	TooLarge                        // more than is accepted at once
	Limited                         // too often; wait
)

// Field is what is wrong with one field of the input, and the remedy.
type Field struct {
	Name    string `json:"field" doc:"The field or parameter as it was sent, with dots for nested fields: profile.height." example:"birth_year"`
	Code    string `json:"code" doc:"A stable code for programs." example:"out_of_range"`
	Message string `json:"message" doc:"A message for people: what to send instead." example:"must be between 1900 and 2008"`
}

// Error is a failure that may be shown. It never holds personal data.
type Error struct {
	Kind    Kind
	Code    string // stable, snake_case: "phone_taken"
	Message string
	Fields  []Field
	Detail  any // what else the caller needs to mend it: shown as JSON
	cause   error
}

// New returns a fault of the kind with a stable code and a message.
func New(kind Kind, code, format string, args ...any) *Error {
	return &Error{Kind: kind, Code: code, Message: fmt.Sprintf(format, args...)}
}

// Error gives the message, with the fields that it names.
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

// Unwrap gives the internal cause, which is logged and never shown.
func (e *Error) Unwrap() error { return e.cause }

// Is reports whether target is a fault with the same code, so that a declared
// fault is found again after its message or cause was filled in.
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

// As finds the fault in err's tree, or returns nil.
func As(err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	return nil
}

// Fields gathers what is wrong with an input, so that all of it can be said at
// once. The zero value is ready. It is not safe for concurrent use.
type Fields struct{ list []Field }

// Add notes that a field is wrong; the message says what is taken instead.
func (f *Fields) Add(name, code, format string, args ...any) {
	f.list = append(f.list, Field{Name: name, Code: code, Message: fmt.Sprintf(format, args...)})
}

// Has reports whether the field is noted already.
func (f *Fields) Has(name string) bool {
	return slices.ContainsFunc(f.list, func(x Field) bool { return x.Name == name })
}

// Err returns a fault with every field that was noted, or nil.
func (f *Fields) Err() error {
	if len(f.list) == 0 {
		return nil
	}
	return &Error{Kind: Invalid, Code: "invalid", Message: "The input is not valid.", Fields: f.list}
}

// Len returns how many fields are noted.
func (f *Fields) Len() int { return len(f.list) }
