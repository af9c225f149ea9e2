package rest

import (
	"errors"
	"fmt"
	"reflect"

	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/internal/field"
)

// Operation is what an operation declares beside its function. The rest follows
// from the function's types: the parameters and the body from its input, the
// status, the headers and the body of the response from its result.
type Operation struct {
	Method      string
	Path        string
	ID          string
	Tag         string
	Summary     string
	Doc         string
	Trips       int          // the most round trips of a request, its authentication included
	Repeatable  bool         // it honours Idempotency-Key
	QueryInBody bool         // its parameters are fields of a JSON body, so that no URL has them
	Faults      []fault.Kind // that it has beside those of every operation
	Example     any          // of the body
}

// Auth authenticates the callers of an operation, and decides what they may do. C
// is what the operation's function knows about its caller.
type Auth[C Caller] interface {
	// Begin reads the credentials of a request. A fault refuses the request before
	// anything else about it is checked.
	Begin(x *Exchange) (C, error)
	// Valid returns an error unless it says who may call the operation.
	Valid() error
}

// Endpoint is an operation that can be mounted.
type Endpoint struct {
	Operation
	Auth   any // an [Auth]
	Writes bool
	Input  Input
	Result *field.Struct // the body of the response
	Status int           // of success
	Tagged bool          // the response has an entity tag

	invalid error // why it must not be mounted
	serve   func(h *Handler, x *Exchange) error
}

// newEndpoint describes an operation whose result has the type Out.
func newEndpoint[C Caller, In, Out any](op Operation, auth Auth[C], writes bool) *Endpoint {
	r, body := unwrap(new(Out))
	e := &Endpoint{
		Operation: op, Auth: auth, Writes: writes, Input: newInput(new(In), op.Method, op.QueryInBody),
		Result: field.Of(reflect.TypeOf(body)), Status: r.status, Tagged: r.tagged,
	}
	if e.invalid = errors.Join(auth.Valid(), e.Input.check(op.Path)); e.invalid != nil {
		e.invalid = fmt.Errorf("rest: the operation %s: %w", op.ID, e.invalid)
	}
	return e
}
