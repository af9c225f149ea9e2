package rest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/query"
	"github.com/musterhq/muster/session"
)

// Problem is the body of a failure (RFC 9457).
type Problem struct {
	Type      string        `json:"type" format:"uri-reference" example:"/docs#problem-invalid" doc:"Where the type of problem is documented."`
	Title     string        `json:"title" example:"The request is not valid" doc:"The type of problem, for a person."`
	Status    int           `json:"status" minimum:"400" maximum:"599" example:"422" doc:"The HTTP status."`
	Detail    string        `json:"detail" example:"The input is not valid." doc:"What went wrong this time, for a person."`
	Code      string        `json:"code" pattern:"^[a-z0-9_]+$" example:"invalid" doc:"What went wrong, for a program. Codes do not change between versions."`
	Errors    []fault.Field `json:"errors,omitempty" doc:"Every field that is wrong."`
	Current   any           `json:"current,omitempty" doc:"With 412: the stored state that the caller has not seen."`
	Info      any           `json:"info,omitempty" doc:"What else the caller needs to correct the request."`
	RequestID string        `json:"request_id" example:"0190a5c67d2e7b318f602f1c5d0e9a47" doc:"The request ID to quote. It is in the log, too."`
}

// ProblemType is a type of problem: its name in the documentation, its title and
// its status.
type ProblemType struct {
	Name, Title string
	Status      int
}

// internal is the type of every error that is not a fault.
var internal = ProblemType{"internal", "Something went wrong on our side", http.StatusInternalServerError}

// types is the one table from kinds of faults to HTTP.
var types = map[fault.Kind]ProblemType{
	fault.Invalid:         {"invalid", "The request is not valid", http.StatusUnprocessableEntity},
	fault.NotFound:        {"not-found", "The resource does not exist", http.StatusNotFound},
	fault.Conflict:        {"conflict", "The request conflicts with the stored state", http.StatusConflict},
	fault.Stale:           {"stale", "The resource has changed since the caller last saw it", http.StatusPreconditionFailed},
	fault.Forbidden:       {"forbidden", "The caller may not do this", http.StatusForbidden},
	fault.Unauthenticated: {"unauthenticated", "A valid token is required", http.StatusUnauthorized},
	fault.Unavailable:     {"unavailable", "The service is unavailable", http.StatusServiceUnavailable},
	fault.Limited:         {"limited", "Too many requests of this kind", http.StatusTooManyRequests},
	fault.TooLarge:        {"too-large", "The request is too large", http.StatusRequestEntityTooLarge},
}

// ProblemTypes returns all types of problems, by name.
func ProblemTypes() []ProblemType {
	list := []ProblemType{internal}
	for _, t := range types {
		list = append(list, t)
	}
	slices.SortFunc(list, func(a, b ProblemType) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// StatusOf returns the HTTP status for a kind of fault.
func StatusOf(k fault.Kind) int { return types[k].Status }

// Failure is a fault with its own HTTP status or header.
type Failure struct {
	Fault  *fault.Error
	Status int    // 0: that of the fault's kind
	Header string // may be empty
	Value  string
}

func (f *Failure) Error() string { return f.Fault.Error() }

func (f *Failure) Unwrap() error { return f.Fault }

// because returns a copy with an internal cause, for the log.
func (f *Failure) because(err error) *Failure {
	c := *f
	c.Fault = f.Fault.Because(err)
	return &c
}

// malformed is the fault of a request that cannot be parsed.
func malformed(code, format string, args ...any) *Failure {
	return &Failure{Fault: fault.New(fault.Invalid, code, format, args...), Status: http.StatusBadRequest}
}

// malformedField is the fault of a request that cannot be parsed because of one field.
func malformedField(name, code, format string, args ...any) *Failure {
	f := malformed("malformed", "The request could not be parsed.")
	f.Fault.Fields = []fault.Field{{Name: name, Code: code, Message: fmt.Sprintf(format, args...)}}
	return f
}

// ErrCursor is the fault for a cursor of another list, filter or order.
var ErrCursor = fault.New(fault.Invalid, "cursor_invalid", "The cursor does not belong to this list with this filter and order. Start again without a cursor.")

var (
	errInternal = fault.New(0, "internal", "Something went wrong on our side. It was logged under the request_id, which you can quote.")
	errBusy     = fault.New(fault.Unavailable, "unavailable", "The database is unavailable. Try again.")
	errTimeout  = fault.New(fault.Unavailable, "timeout", "The request took too long. Try again, or ask for less.")

	// errPositionLost is corrected by a request without a position.
	errPositionLost = fault.New(fault.Conflict, "position_lost",
		"The database no longer contains what preceded the Muster-Position: a failover lost it. Check whether your last change still exists, and send no position to start afresh.")

	errGone = &Failure{
		Fault:  fault.New(fault.Unavailable, "cancelled", "The request was cancelled because the caller closed the connection. Send it again, and wait for the answer."),
		Status: statusGone,
	}
)

// statusGone is for a caller that closed the connection: for the log, since
// hardly anybody receives it.
const statusGone = 499

// codeNoCredentials is the code of the fault for a request without credentials.
const codeNoCredentials = "missing_token"

// faultOf classifies an error: errors of a session become faults, and everything
// else is [errInternal].
func faultOf(err error) *fault.Error {
	if f := fault.As(err); f != nil && StatusOf(f.Kind) != 0 {
		return f
	}
	switch {
	case errors.Is(err, query.ErrCursor):
		return ErrCursor
	case errors.Is(err, session.ErrPosition):
		return errPositionLost.Because(err)
	case errors.Is(err, context.DeadlineExceeded):
		return errTimeout.Because(err)
	case errors.Is(err, session.ErrUnavailable), errors.Is(err, session.ErrConflict), errors.Is(err, session.ErrExpired):
		return errBusy.Because(err)
	}
	return errInternal.Because(err)
}

// problemOf returns the problem for err, and sets the headers that its status
// requires.
func problemOf(err error, requestID string, header http.Header) Problem {
	f := faultOf(err)
	t, known := types[f.Kind]
	if !known {
		t = internal
	}
	p := Problem{
		Type: "/docs#problem-" + t.Name, Title: t.Title, Status: t.Status,
		Detail: f.Message, Code: f.Code, Errors: f.Fields, RequestID: requestID,
	}
	if f.Kind == fault.Stale {
		p.Current = f.Detail
	} else {
		p.Info = f.Detail
	}
	if own, ok := errors.AsType[*Failure](err); ok {
		if own.Status != 0 {
			p.Status = own.Status
		}
		if own.Header != "" {
			header.Set(own.Header, own.Value)
		}
	}
	switch p.Status {
	case http.StatusUnauthorized:
		header.Set("WWW-Authenticate", challenge(f))
	case http.StatusServiceUnavailable:
		header.Set("Retry-After", "1")
	}
	return p
}

// challenge says which token is missing or wrong (RFC 6750, section 3).
func challenge(f *fault.Error) string {
	if f.Code == codeNoCredentials {
		return `Bearer realm="muster"`
	}
	return fmt.Sprintf(`Bearer realm="muster", error="invalid_token", error_description="%s"`, strings.ReplaceAll(f.Message, `"`, "'"))
}

// encode returns p as JSON. A detail that cannot be encoded is left out.
func (p Problem) encode() []byte {
	b, err := json.Marshal(p)
	if err != nil {
		p.Current, p.Info = nil, nil
		b, _ = json.Marshal(p) // strings and numbers: they always encode, but for invalid UTF-8
	}
	return b
}
