package httpapi

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/musterhq/muster/internal/audit"
	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/internal/operator"
	"github.com/musterhq/muster/query"
	"github.com/musterhq/muster/session"
)

// bearer gives the token of a request (RFC 6750, section 2.1). Whether it is
// good is for the store to say, in the snapshot of the operation itself: a
// token that was revoked, by another process too, opens nothing from then on.
// Faults: missing_token, invalid_token.
func bearer(h http.Header) (operator.Secret, error) {
	lines := h["Authorization"]
	if len(lines) == 0 {
		return operator.Secret{}, operator.ErrMissing
	}
	kind, text, _ := strings.Cut(lines[0], " ")
	if len(lines) > 1 || !strings.EqualFold(kind, "Bearer") {
		return operator.Secret{}, operator.ErrInvalid
	}
	return operator.ParseSecret(strings.TrimSpace(text))
}

// need is what a request takes of its caller: this is the one place in which
// rights are checked. The zero need is met by nobody.
type need struct {
	all    operator.Permissions
	either operator.Permissions // one of these at least
}

// needs is what the operation takes of the caller of a request with that body:
// the permission that it declares or, for a field of the body that declares one
// of its own, that one; and what it takes to see the answer.
func (o *Operation) needs(body []byte) need {
	if len(o.Fields) == 0 {
		return need{all: operator.Of(o.Permission, o.Shows)}
	}
	var fields map[string]jsontext.Value
	if err := json.Unmarshal(body, &fields); err != nil || len(fields) == 0 {
		return o.door()
	}
	n := need{all: operator.Of(o.Shows)}
	for name := range fields {
		if p, declared := o.Fields[name]; declared {
			n.all |= operator.Of(p)
		} else {
			n.all |= operator.Of(o.Permission)
		}
	}
	return n
}

// door is what it takes to learn what is wrong with a request.
func (o *Operation) door() need {
	n := need{all: operator.Of(o.Shows), either: operator.Of(o.Permission)}
	for _, p := range o.Fields {
		n.either |= operator.Of(p)
	}
	return n
}

// check refuses a caller who may not. Faults: forbidden.
func (n need) check(c operator.Caller) error {
	switch {
	case n.all == 0 && n.either == 0:
		return errForbidden.Because(errUndeclared)
	case !n.all.Within(c.May):
		return forbidden(n.all &^ c.May)
	case n.either != 0 && n.either&c.May == 0:
		return forbidden(n.either)
	}
	return nil
}

// forbidden says what is missing: it is no secret, the documentation has it.
func forbidden(missing operator.Permissions) error {
	list := missing.List()
	parts := make([]string, len(list))
	for i, p := range list {
		parts[i] = p.String() + " (" + p.Meaning() + ")"
	}
	return fault.New(fault.Forbidden, errForbidden.Code, "Your role or your token does not allow this. It takes %s.", strings.Join(parts, " and "))
}

// caller asks who it is that holds the token, and notes that for the log, also
// when what the caller asks for then is not there or not allowed. To note it
// twice is to note it once.
func (x *exchange) caller(token operator.Secret, now time.Time, n need) query.Query[operator.Caller] {
	return query.Map(operator.Authenticate(token, now, x.api.idle), func(c operator.Caller) (operator.Caller, error) {
		x.token, x.operator = c.Token, c.Operator
		x.api.usage.Add(c.Token, now)
		return c, n.check(c)
	})
}

// owner gives whose the token is, to write the record in that name: what the
// caller may is looked at in the transaction itself. A token that this server
// has not seen yet costs a look of its own.
func (x *exchange) owner(ctx context.Context, token operator.Secret, now time.Time, n need) (operator.Owner, error) {
	if o, known := x.api.owners.Owner(token); known {
		return o, nil
	}
	var c operator.Caller
	err := x.look(func(r *session.Read) (err error) {
		c, err = session.Run(ctx, r, x.caller(token, now, n))
		return err
	}, session.Once)
	if err != nil {
		return operator.Owner{}, err
	}
	x.api.owners.Add(token, c)
	return operator.Owner{Token: c.Token, Operator: c.Operator}, nil
}

// look is a read session. A token that is new may not have reached a replica
// yet: where there are some, the server that made it is asked before the token is
// called invalid. That one was no mistyped token, for its checksum fits.
func (x *exchange) look(fn func(*session.Read) error, options ...session.Option) error {
	err := x.api.db.Read(x.ctx, fn, options...)
	if x.held != nil && errors.Is(err, operator.ErrInvalid) {
		err = x.api.db.Write(x.ctx, func(w *session.Write) error { return fn(w.Read) }, options...)
	}
	return err
}

// recorder writes the record on behalf of the caller.
func (x *exchange) recorder(o operator.Owner) audit.Recorder {
	return x.api.auditLog.Recorder(audit.Actor{Operator: o.Operator, Token: o.Token, Source: x.source(), Request: x.requestID})
}

// source is where the request comes from, for the record.
func (x *exchange) source() string {
	if from := x.client(); from.IsValid() {
		return from.String()
	}
	return "unknown"
}

// asked is who asks, in the session of the operation. It is known after the
// first exchange, with which the token travels.
type asked struct {
	caller   operator.Caller
	recorder audit.Recorder
	at       time.Time
}

// in gives who asks, and makes the first exchange if there was none.
func (a *asked) in(ctx context.Context, r *session.Read) (operator.Caller, error) {
	if a.caller.Token.IsZero() {
		if err := r.Gather(ctx); err != nil {
			return operator.Caller{}, err
		}
	}
	return a.caller, nil
}

// atDesk is a write that asks for what operators may do to operators: it needs to
// know what its caller may itself.
func (a *asked) atDesk(fn func(context.Context, *session.Write, operator.Principal) (reply, error)) writer {
	return func(ctx context.Context, w *session.Write) (reply, error) {
		c, err := a.in(ctx, w.Read)
		if err != nil {
			return reply{}, err
		}
		return fn(ctx, w, operator.Principal{Caller: c, Recorder: a.recorder, At: a.at})
	}
}
