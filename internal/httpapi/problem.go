package httpapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/internal/operator"
	"github.com/musterhq/muster/query"
	"github.com/musterhq/muster/session"
)

// Problem is how a failure is told (RFC 9457).
type Problem struct {
	Type      string        `json:"type" format:"uri-reference" example:"/docs#problem-invalid" doc:"Where this sort of problem is explained."`
	Title     string        `json:"title" example:"The request cannot be carried out as it is" doc:"What sort of problem it is, in words."`
	Status    int           `json:"status" minimum:"400" maximum:"599" example:"422" doc:"The HTTP status."`
	Detail    string        `json:"detail" example:"The input is not valid." doc:"What is the matter this time, for a person."`
	Code      string        `json:"code" pattern:"^[a-z0-9_]+$" example:"invalid" doc:"What is the matter, for a program. It does not change between versions."`
	Errors    []fault.Field `json:"errors,omitempty" doc:"Every field that is wrong."`
	Current   any           `json:"current,omitempty" doc:"With 412: what is stored now and the caller had not seen."`
	Info      any           `json:"info,omitempty" doc:"What else is needed to mend it."`
	RequestID string        `json:"request_id" example:"0190a5c67d2e7b318f602f1c5d0e9a47" doc:"The number to quote; the log has it too."`
}

// sort is a sort of problem: its name in the page of documentation, its title
// and its status.
type sort struct {
	name, title string
	status      int
}

// internal is what everything is that has no other place.
var internal = sort{"internal", "Something went wrong on our side", http.StatusInternalServerError}

// sorts is the one table from a kind of fault to HTTP.
var sorts = map[fault.Kind]sort{
	fault.Invalid:         {"invalid", "The request cannot be carried out as it is", http.StatusUnprocessableEntity},
	fault.NotFound:        {"not-found", "There is no such thing", http.StatusNotFound},
	fault.Conflict:        {"conflict", "The request clashes with what is stored", http.StatusConflict},
	fault.Stale:           {"stale", "It was changed since it was last seen", http.StatusPreconditionFailed},
	fault.Forbidden:       {"forbidden", "This is not allowed", http.StatusForbidden},
	fault.Unauthenticated: {"unauthenticated", "A valid token is needed", http.StatusUnauthorized},
	fault.Unavailable:     {"unavailable", "This cannot be done now", http.StatusServiceUnavailable},
	fault.Limited:         {"limited", "This was asked for too often", http.StatusTooManyRequests},
	fault.TooLarge:        {"too-large", "This is more than is taken at once", http.StatusRequestEntityTooLarge},
}

// refusal is a fault that only HTTP knows: it has a status and a header of its
// own.
type refusal struct {
	fault  *fault.Error
	status int
	name   string // of a header, or empty
	value  string
}

func (r *refusal) Error() string { return r.fault.Error() }

func (r *refusal) Unwrap() error { return r.fault }

// because returns a copy with an internal cause, for the log.
func (r *refusal) because(err error) *refusal {
	c := *r
	c.fault = r.fault.Because(err)
	return &c
}

// malformed is a request that could not be read at all.
func malformed(code, format string, args ...any) *refusal {
	return &refusal{fault: fault.New(fault.Invalid, code, format, args...), status: http.StatusBadRequest}
}

// malformedField is a request that could not be read because of one field.
func malformedField(name, code, format string, args ...any) *refusal {
	r := malformed("malformed", "The request could not be read.")
	r.fault.Fields = []fault.Field{{Name: name, Code: code, Message: fmt.Sprintf(format, args...)}}
	return r
}

// The faults of HTTP itself.
var (
	errRoute     = fault.New(fault.NotFound, "route_not_found", "There is nothing under this path; /docs lists what there is.")
	errCrossSite = fault.New(fault.Forbidden, "cross_origin", "A browser sent this from another site.")
	errForbidden = fault.New(fault.Forbidden, "forbidden", "Your role or your token does not allow this.")
	errTooLarge  = fault.New(fault.TooLarge, "body_too_large", "A body has at most %d bytes.", maxBody)
	errInternal  = fault.New(0, "internal", "Something went wrong on our side; it was logged under the request_id, which you can quote.")
	errBusy      = fault.New(fault.Unavailable, "unavailable", "The database cannot serve now; try again.")
	errTimeout   = fault.New(fault.Unavailable, "timeout", "This took longer than a request may; try again, or ask for less.")
	errCursor    = fault.New(fault.Invalid, "cursor_invalid", "The cursor does not belong to this list with this filter and order. Start again without a cursor.")
	errGone      = &refusal{
		fault:  fault.New(fault.Unavailable, "cancelled", "The request was given up, since the connection was closed on the caller's side. Send it again, and wait for the answer."),
		status: statusGone,
	}
	// errReplicationPending follows a commit: to repeat the request is safe, and ends well.
	errReplicationPending = fault.New(fault.Unavailable, "replication_pending", "It is done, but a server of the database may not know it yet. Ask again to be sure.")
	errAcceptable         = &refusal{
		fault:  fault.New(fault.Invalid, "not_acceptable", "The answer is application/json, which the Accept header rules out."),
		status: http.StatusNotAcceptable,
	}
)

// errUndeclared is why nobody may: the operation does not say what it takes.
var errUndeclared = errors.New("the operation declares no permission")

func errMethod(allow string) error {
	return &refusal{
		fault:  fault.New(fault.Invalid, "method_not_allowed", "This path takes %s.", allow),
		status: http.StatusMethodNotAllowed, name: "Allow", value: allow,
	}
}

func errMediaType(accepted string) error {
	return &refusal{
		fault:  fault.New(fault.Invalid, "media_type_not_supported", "The body is %s in UTF-8, without a Content-Encoding.", accepted),
		status: http.StatusUnsupportedMediaType, name: "Accept", value: accepted,
	}
}

// faultOf classifies an error: what a session says of the database becomes a
// fault, and what is none is [errInternal].
func faultOf(err error) *fault.Error {
	if f := fault.As(err); f != nil && sorts[f.Kind].status != 0 {
		return f
	}
	switch {
	case errors.Is(err, query.ErrCursor):
		return errCursor
	case errors.Is(err, session.ErrPosition):
		return errPositionLost.Because(err)
	case errors.Is(err, context.DeadlineExceeded):
		return errTimeout.Because(err)
	case errors.Is(err, session.ErrUnavailable), errors.Is(err, session.ErrConflict), errors.Is(err, session.ErrExpired):
		return errBusy.Because(err)
	}
	return errInternal.Because(err)
}

// problemOf tells err to the caller; header may get what the status asks for.
func problemOf(err error, requestID string, header http.Header) Problem {
	f := faultOf(err)
	s, known := sorts[f.Kind]
	if !known {
		s = internal
	}
	p := Problem{
		Type: "/docs#problem-" + s.name, Title: s.title, Status: s.status,
		Detail: f.Message, Code: f.Code, Errors: f.Fields, RequestID: requestID,
	}
	if f.Kind == fault.Stale {
		p.Current = f.Detail
	} else {
		p.Info = f.Detail
	}
	if r, ok := errors.AsType[*refusal](err); ok {
		p.Status = r.status
		if r.name != "" {
			header.Set(r.name, r.value)
		}
	}
	switch p.Status {
	case http.StatusUnauthorized:
		header.Set("WWW-Authenticate", challenge(f))
	case http.StatusServiceUnavailable:
		header.Set("Retry-After", "1")
	case http.StatusTooManyRequests:
		header.Set("Retry-After", retryReveal)
	}
	return p
}

// challenge says which token is missing or wrong (RFC 6750, section 3).
func challenge(f *fault.Error) string {
	if f.Code == operator.ErrMissing.Code {
		return `Bearer realm="muster"`
	}
	return fmt.Sprintf(`Bearer realm="muster", error="invalid_token", error_description="%s"`, strings.ReplaceAll(f.Message, `"`, "'"))
}

// encode gives p as JSON. A detail that is no JSON costs only itself.
func (p Problem) encode() []byte {
	b, err := json.Marshal(p)
	if err != nil {
		p.Current, p.Info = nil, nil
		b, _ = json.Marshal(p) // strings and numbers: they always encode, but for invalid UTF-8
	}
	return b
}
