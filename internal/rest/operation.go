package rest

import (
	"context"
	"net/http"

	"github.com/musterhq/muster/query"
	"github.com/musterhq/muster/session"
)

// mountable returns the endpoint that serves each request with run, once it is read.
func mountable[C Caller, In, Out any](op Operation, auth Auth[C], writes bool, run func(*Handler, *Exchange, *Endpoint, C, *In) error) *Endpoint {
	e := newEndpoint[C, In, Out](op, auth, writes)
	e.serve = func(h *Handler, x *Exchange) error {
		c, in, err := begin[C, In](h, x, e, auth)
		if err != nil {
			return err
		}
		return run(h, x, e, c, in)
	}
	return e
}

// Query is an operation that runs one query.
func Query[C Caller, In, Out any](op Operation, auth Auth[C], fn func(C, In) query.Query[Out]) *Endpoint {
	return mountable[C, In, Out](op, auth, false, func(h *Handler, x *Exchange, e *Endpoint, c C, in *In) error {
		out := new(Out)
		part := query.Into(out, fn(c, *in))
		ask := func(r *session.Read) error { return r.Gather(x.ctx, part) }
		return h.read(x, e, ask, out, session.First(c.Check(x.body)), session.Once)
	})
}

// single is an input that knows that its read asks once: all of it is then one
// round trip.
type single interface{ Once() bool }

// Read is an operation that reads, in one snapshot.
func Read[C Caller, In, Out any](op Operation, auth Auth[C], fn func(context.Context, *session.Read, C, In) (Out, error)) *Endpoint {
	return mountable[C, In, Out](op, auth, false, func(h *Handler, x *Exchange, e *Endpoint, c C, in *In) error {
		return runRead(h, x, e, c, in, fn)
	})
}

func runRead[C Caller, In, Out any](h *Handler, x *Exchange, e *Endpoint, c C, in *In, fn func(context.Context, *session.Read, C, In) (Out, error)) error {
	options := []session.Option{session.First(c.Check(x.body))}
	if s, ok := any(in).(single); ok && s.Once() {
		options = append(options, session.Once)
	}
	out := new(Out)
	run := func(r *session.Read) (err error) {
		*out, err = fn(x.ctx, r, c, *in)
		return err
	}
	return h.read(x, e, run, out, options...)
}

// LoggedRead is a Read that, for some inputs, must be on the audit log before it
// is answered: log then runs before fn, in the same session, which writes.
func LoggedRead[C Caller, In, Out any](
	op Operation, auth Auth[C], isLogged func(In) bool, log func(context.Context, *session.Write, C, In) error, fn func(context.Context, *session.Read, C, In) (Out, error),
) *Endpoint {
	return mountable[C, In, Out](op, auth, false, func(h *Handler, x *Exchange, e *Endpoint, c C, in *In) error {
		if !isLogged(*in) {
			return runRead(h, x, e, c, in, fn)
		}
		return runWrite(h, x, e, c, in, func(ctx context.Context, w *session.Write, c C, in In) (out Out, err error) {
			if err = log(ctx, w, c, in); err != nil {
				return out, err
			}
			return fn(ctx, w.Read, c, in)
		})
	})
}

// Write is an operation that writes, in one transaction. Fn may run twice, like
// that of [session.DB.Write]. The response is encoded inside the transaction, so
// one that cannot be encoded leaves nothing behind.
func Write[C Caller, In, Out any](op Operation, auth Auth[C], fn func(context.Context, *session.Write, C, In) (Out, error)) *Endpoint {
	return mountable[C, In, Out](op, auth, true, func(h *Handler, x *Exchange, e *Endpoint, c C, in *In) error {
		return runWrite(h, x, e, c, in, fn)
	})
}

func runWrite[C Caller, In, Out any](h *Handler, x *Exchange, e *Endpoint, c C, in *In, fn func(context.Context, *session.Write, C, In) (Out, error)) error {
	return h.write(x, e, c, func(w *session.Write) (any, error) {
		out, err := fn(x.ctx, w, c, *in)
		return &out, err
	})
}

// begin reads a request: who calls, and what for. If the request is wrong, a
// caller who may not make it learns only that.
func begin[C Caller, In any](h *Handler, x *Exchange, e *Endpoint, auth Auth[C]) (c C, in *In, err error) {
	if !acceptsJSON(x.Request.Header) {
		return c, nil, errAcceptable
	}
	if c, err = authenticate(h, x, auth); err != nil {
		return c, nil, err
	}
	in = new(In)
	if err = h.positions.check(x.position, e.Writes); err == nil {
		x.body, err = e.Input.decode(x, x.Request, in)
	}
	if err != nil {
		err = h.refuse(x, c, err)
	}
	return c, in, err
}

func authenticate[C Caller](h *Handler, x *Exchange, auth Auth[C]) (c C, err error) {
	x.At = h.clock()
	if c, err = auth.Begin(x); err == nil {
		x.caller = c
	}
	return c, err
}

// Refuse returns err to a caller who is authenticated, and otherwise only that the
// caller is not.
func Refuse[C Caller](h *Handler, x *Exchange, auth Auth[C], err error) error {
	c, refusal := authenticate(h, x, auth)
	if refusal != nil {
		return refusal
	}
	return h.refuse(x, c, err)
}

// Mount adds an operation. The error says that it is not declared whole.
func (h *Handler) Mount(e *Endpoint) error {
	if e.invalid != nil {
		return e.invalid
	}
	route := h.prefix + e.Path
	h.mux.HandleFunc(e.Method+" "+route, func(w http.ResponseWriter, r *http.Request) {
		x := w.(*Exchange) //nolint:forcetypeassert // the mux is inside ServeHTTP
		x.route = route
		if err := e.serve(h, x); err != nil {
			x.fail(err)
		}
	})
	return nil
}
