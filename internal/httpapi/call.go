package httpapi

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/musterhq/muster/internal/audit"
	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/internal/ids"
	"github.com/musterhq/muster/internal/operator"
	"github.com/musterhq/muster/internal/rest"
	"github.com/musterhq/muster/query"
	"github.com/musterhq/muster/session"
)

// Access declares what an operation requires of its callers.
type Access struct {
	Permission operator.Permission
	Fields     map[string]operator.Permission // that fields of the body require instead
	Answer     operator.Permission            // that is required besides, to see the answer; may be zero
}

// need is what a request requires of its caller. This is the one place that
// checks rights. The zero need is met by nobody.
type need struct {
	all    operator.Permissions
	either operator.Permissions // at least one of these
}

// need returns what a request with that body requires: for each field, the
// permission that is declared for it, or that of the operation. A body that has no
// fields requires one of these.
func (a *Access) need(body []byte) need {
	if len(a.Fields) == 0 {
		return need{all: operator.Of(a.Permission, a.Answer)}
	}
	var fields map[string]jsontext.Value
	if err := json.Unmarshal(body, &fields); err != nil || len(fields) == 0 {
		return a.least()
	}
	n := need{all: operator.Of(a.Answer)}
	for name := range fields {
		if p, declared := a.Fields[name]; declared {
			n.all |= operator.Of(p)
		} else {
			n.all |= operator.Of(a.Permission)
		}
	}
	return n
}

// least returns what every request requires.
func (a *Access) least() need {
	n := need{all: operator.Of(a.Answer), either: operator.Of(a.Permission)}
	for _, p := range a.Fields {
		n.either |= operator.Of(p)
	}
	return n
}

var (
	errForbidden = fault.New(fault.Forbidden, "forbidden", "Your role or your token does not allow this.")

	// errUndeclared is for an operation that does not declare who may call it.
	errUndeclared = errors.New("the operation declares no permission")
)

// check refuses a caller who lacks a permission. Faults: forbidden.
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

// forbidden names what is missing: it is no secret, the documentation has it.
func forbidden(missing operator.Permissions) error {
	list := missing.List()
	parts := make([]string, len(list))
	for i, p := range list {
		parts[i] = p.String() + " (" + p.Meaning() + ")"
	}
	return fault.New(fault.Forbidden, errForbidden.Code, "Your role or your token does not allow this. It requires %s.", strings.Join(parts, " and "))
}

// Valid implements [rest.Auth].
func (a *Access) Valid() error {
	valid := a.Permission.Valid() && (a.Answer == 0 || a.Answer.Valid())
	for _, p := range a.Fields {
		valid = valid && p.Valid()
	}
	if !valid {
		return errUndeclared
	}
	return nil
}

// Extensions returns what the OpenAPI document says about the access.
func (a *Access) Extensions() map[string]any {
	list := map[string]any{"x-permission": a.Permission.String()}
	if a.Answer != 0 {
		list["x-answer-permission"] = a.Answer.String()
	}
	if len(a.Fields) > 0 {
		fields := make(map[string]string, len(a.Fields))
		for name, p := range a.Fields {
			fields[name] = p.String()
		}
		list["x-field-permissions"] = fields
	}
	return list
}

// tokens authenticates callers by their tokens.
type tokens struct {
	usage    *operator.Usage
	cache    operator.TokenCache
	idle     time.Duration // a token that is unused for so long expires; 0: none does
	auditLog *audit.Log
}

// token is the authentication of an operation by a token. It implements
// [rest.Auth].
type token struct {
	*tokens
	*Access
}

// require returns the authentication for an operation with that access.
func (t *tokens) require(a Access) token { return token{t, &a} }

// may is require for an operation with one permission.
func (t *tokens) may(p operator.Permission) token { return t.require(Access{Permission: p}) }

// Begin implements [rest.Auth]. Whether the token is valid is for the store to
// say, in the snapshot of the operation: a revoked token, revoked by another
// process too, opens nothing from then on.
func (t token) Begin(x *rest.Exchange) (*Call, error) {
	secret, err := bearer(x.Request.Header)
	if err != nil {
		return nil, err
	}
	return &Call{At: x.At, x: x, token: t, secret: secret}, nil
}

// bearer returns the token of a request (RFC 6750, section 2.1). Faults:
// missing_token, invalid_token.
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

// Call is a request as its operation sees it: when it was made, and by whom. It
// implements [rest.Caller].
type Call struct {
	At       time.Time
	Recorder audit.Recorder // of a write, in the name of the caller

	x      *rest.Exchange
	token  token
	secret operator.Secret
	owner  operator.Owner  // of the token, in a write
	caller operator.Caller // known once the first exchange has run, with which the token travels
}

// Caller returns who calls. It runs the first exchange of the session, if none has
// run.
func (c *Call) Caller(ctx context.Context, r *session.Read) (operator.Caller, error) {
	if c.caller.Token.IsZero() {
		if err := r.Gather(ctx); err != nil {
			return operator.Caller{}, err
		}
	}
	return c.caller, nil
}

// byPrincipal adapts a write that needs to know who calls.
func byPrincipal[In, Out any](fn func(context.Context, *session.Write, operator.Principal, In) (Out, error)) func(context.Context, *session.Write, *Call, In) (Out, error) {
	return func(ctx context.Context, w *session.Write, c *Call, in In) (out Out, err error) {
		caller, err := c.Caller(ctx, w.Read)
		if err != nil {
			return out, err
		}
		return fn(ctx, w, operator.Principal{Caller: caller, Recorder: c.Recorder, At: c.At}, in)
	}
}

// Check implements [rest.Caller].
func (c *Call) Check(body []byte) query.Part {
	return query.Into(&c.caller, operator.Authenticate(c.secret, c.At, c.token.idle).Check(c.token.need(body).check))
}

// Identify implements [rest.Caller]. The operator of a token never changes, so a
// server that has seen the token knows in whose name to log a write: the check
// still travels with the commit.
func (c *Call) Identify(check func() error) error {
	var cached bool
	if c.owner, cached = c.token.cache.Owner(c.secret); !cached {
		if c.caller.Token.IsZero() {
			if err := check(); err != nil {
				return err
			}
		}
		c.token.cache.Add(c.secret, c.caller)
		c.owner = operator.Owner{Token: c.caller.Token, Operator: c.caller.Operator}
	}
	c.Recorder = c.token.auditLog.Recorder(audit.Actor{Operator: c.owner.Operator, Token: c.owner.Token, Source: c.source(), Request: c.x.ID})
	return nil
}

// source returns where the request comes from, for the audit log.
func (c *Call) source() string {
	if from := c.x.Client(); from.IsValid() {
		return from.String()
	}
	return "unknown"
}

// Credential implements [rest.Caller].
func (c *Call) Credential() (id ids.Row, hash []byte) { return c.owner.Token, c.secret.Hash() }

// Attrs implements [rest.Caller].
func (c *Call) Attrs() []slog.Attr {
	if c.caller.Token.IsZero() {
		return nil
	}
	return []slog.Attr{slog.String("token", c.caller.Token.String()), slog.String("operator", c.caller.Operator.String())}
}

// Done implements [rest.Caller]: a token was used by every caller who is known,
// also by one who was refused.
func (c *Call) Done() {
	if !c.caller.Token.IsZero() {
		c.token.usage.Add(c.caller.Token, c.At)
	}
}
