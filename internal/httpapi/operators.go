package httpapi

import (
	"context"
	"net/http"
	"reflect"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/internal/ids"
	"github.com/musterhq/muster/internal/operator"
	"github.com/musterhq/muster/session"
)

// Me is who calls, and what that allows.
type Me struct {
	OperatorID  ids.Operator `json:"operator_id"`
	Name        string       `json:"name"`
	Role        string       `json:"role"`
	Permissions []string     `json:"permissions"`
	TokenID     ids.Row      `json:"token_id"`
	ExpiresAt   *time.Time   `json:"expires_at"`
}

// NewOperator is what an operator is made of.
type NewOperator struct {
	Name string `json:"name"`
	Role string `json:"role"`
}

// OperatorPatch is what can be changed of an operator (RFC 7396).
type OperatorPatch struct {
	Name     *string `json:"name,omitempty"`
	Role     *string `json:"role,omitempty"`
	Disabled *bool   `json:"disabled,omitempty"`
}

// OperatorList is all operators.
type OperatorList struct {
	Items []operator.Operator `json:"items"`
}

// NewToken is what a token is made of.
type NewToken struct {
	Name      string         `json:"name"`
	Scope     []string       `json:"scope,omitempty"`
	ExpiresAt jsontext.Value `json:"expires_at,omitempty"`
}

// MadeToken is a token with its secret, which is told this once.
type MadeToken struct {
	operator.Token
	Secret string `json:"token"`
}

// TokenList is all tokens of an operator.
type TokenList struct {
	Items []operator.Token `json:"items"`
}

func meOperations() []Operation {
	return []Operation{
		{
			Method: http.MethodGet, Path: "/me", ID: "get-me", Tag: "Me", Permission: operator.Anyone, Trips: 2,
			Summary: "See who calls",
			Doc:     "The operator of the token, and what it may do with it at this moment.",
			answer:  reflect.TypeFor[Me](), status: http.StatusOK, readWith: getMe,
		},
		{
			Method: http.MethodGet, Path: "/me/tokens", ID: "list-my-tokens", Tag: "Me", Permission: operator.Anyone, Trips: 2,
			Summary: "List one's own tokens",
			Doc:     "The tokens of the calling operator, the newest first, without their secrets.",
			answer:  reflect.TypeFor[TokenList](), status: http.StatusOK, readWith: listTokens(ownTokens),
		},
		{
			Method: http.MethodPost, Path: "/me/tokens", ID: "create-my-token", Tag: "Me", Permission: operator.WriteTokens, Writes: true, Trips: 3,
			Summary: "Make a token of one's own",
			Doc:     docMade,
			body:    reflect.TypeFor[NewToken](), accepts: []string{typeJSON}, answer: reflect.TypeFor[MadeToken](), status: http.StatusCreated,
			faults: []fault.Kind{fault.Conflict}, writeWith: createToken(ownTokens),
		},
		{
			Method: http.MethodDelete, Path: "/me/tokens/{token_id}", ID: "revoke-my-token", Tag: "Me", Permission: operator.WriteTokens, Writes: true, Trips: 3,
			Summary: "End one of one's own tokens",
			Doc:     docEnded,
			answer:  reflect.TypeFor[operator.Token](), status: http.StatusOK,
			faults: []fault.Kind{fault.NotFound}, writeWith: revokeToken(ownTokens),
		},
	}
}

const (
	docMade  = "Makes a token and tells it, this once. It allows no more than the one that asks for it, and lives no longer; without expires_at, 90 days."
	docEnded = "Ends a token. When this is answered, no server takes it any more. One that has ended already stays as it is."
)

func operatorOperations() []Operation {
	one := reflect.TypeFor[operator.Operator]()
	return []Operation{
		{
			Method: http.MethodGet, Path: "/operators", ID: "list-operators", Tag: "Operators", Permission: operator.ReadOperators, Trips: 1,
			Summary: "List operators",
			Doc:     "All operators, in the order of their creation; at most 1,000.",
			answer:  reflect.TypeFor[OperatorList](), status: http.StatusOK,
			readWith: func(*API, *input) reading {
				return reading{once: true, run: func(ctx context.Context, r *session.Read) (reply, error) {
					list, err := session.Run(ctx, r, operator.Operators())
					return reply{body: OperatorList{list}}, err
				}}
			},
		},
		{
			Method: http.MethodPost, Path: "/operators", ID: "create-operator", Tag: "Operators", Permission: operator.WriteOperators, Writes: true, Trips: 3,
			Summary: "Create an operator",
			Doc:     "Makes an operator with a role that allows no more than the caller may. It calls with tokens.",
			body:    reflect.TypeFor[NewOperator](), accepts: []string{typeJSON}, repeated: true, answer: one, tagged: true, status: http.StatusCreated,
			faults: []fault.Kind{fault.Conflict}, writeWith: createOperator,
		},
		{
			Method: http.MethodGet, Path: "/operators/{operator_id}", ID: "get-operator", Tag: "Operators", Permission: operator.ReadOperators, Trips: 1,
			Summary: "Open an operator", Doc: "An operator.", answer: one, tagged: true, status: http.StatusOK,
			faults: []fault.Kind{fault.NotFound},
			readWith: func(_ *API, in *input) reading {
				return reading{once: true, run: func(ctx context.Context, r *session.Read) (reply, error) {
					o, err := session.Run(ctx, r, operator.ByID(in.operator))
					return reply{body: o, etag: entityTag(o.Version)}, err
				}}
			},
		},
		{
			Method: http.MethodPatch, Path: "/operators/{operator_id}", ID: "update-operator", Tag: "Operators", Permission: operator.WriteOperators, Writes: true, Trips: 5,
			Summary: "Change an operator",
			Doc:     "Changes the name or the role, disables an operator or enables it again. One who may less than before is refused everywhere when this is answered. One administrator at least is always left.",
			body:    reflect.TypeFor[OperatorPatch](), accepts: []string{typeMerge, typeJSON}, compares: true, answer: one, tagged: true, status: http.StatusOK,
			faults: []fault.Kind{fault.NotFound, fault.Conflict, fault.Stale}, writeWith: updateOperator,
		},
	}
}

// tokenOperations are those for the tokens of any operator.
func tokenOperations() []Operation {
	return []Operation{
		{
			Method: http.MethodGet, Path: "/operators/{operator_id}/tokens", ID: "list-tokens", Tag: "Operators", Permission: operator.ReadOperators, Trips: 2,
			Summary: "List the tokens of an operator",
			Doc:     "The tokens, the newest first, without their secrets.",
			answer:  reflect.TypeFor[TokenList](), status: http.StatusOK,
			faults: []fault.Kind{fault.NotFound}, readWith: listTokens(tokensOfOperator),
		},
		{
			Method: http.MethodPost, Path: "/operators/{operator_id}/tokens", ID: "create-token", Tag: "Operators", Permission: operator.WriteOperators, Writes: true, Trips: 4,
			Summary: "Make a token of an operator",
			Doc:     docMade,
			body:    reflect.TypeFor[NewToken](), accepts: []string{typeJSON}, answer: reflect.TypeFor[MadeToken](), status: http.StatusCreated,
			faults: []fault.Kind{fault.NotFound, fault.Conflict}, writeWith: createToken(tokensOfOperator),
		},
		{
			Method: http.MethodDelete, Path: "/operators/{operator_id}/tokens/{token_id}", ID: "revoke-token", Tag: "Operators", Permission: operator.WriteOperators, Writes: true, Trips: 5,
			Summary: "End a token of an operator",
			Doc:     docEnded,
			answer:  reflect.TypeFor[operator.Token](), status: http.StatusOK,
			faults: []fault.Kind{fault.NotFound}, writeWith: revokeToken(tokensOfOperator),
		},
	}
}

func getMe(_ *API, in *input) reading {
	return reading{run: func(ctx context.Context, r *session.Read) (reply, error) {
		c, err := in.in(ctx, r)
		if err != nil {
			return reply{}, err
		}
		o, err := session.Run(ctx, r, operator.ByID(c.Operator))
		return reply{body: Me{
			OperatorID: c.Operator, Name: o.Name, Role: c.Role, Permissions: c.May.Words(), TokenID: c.Token, ExpiresAt: c.ExpiresAt,
		}}, err
	}}
}

// owner says whose tokens an operation is about.
type owner func(ctx context.Context, in *input, r *session.Read) (ids.Operator, error)

// ownTokens are those of the caller.
func ownTokens(ctx context.Context, in *input, r *session.Read) (ids.Operator, error) {
	c, err := in.in(ctx, r)
	return c.Operator, err
}

// tokensOfOperator are those of the operator in the path.
func tokensOfOperator(ctx context.Context, in *input, r *session.Read) (ids.Operator, error) {
	o, err := session.Run(ctx, r, operator.ByID(in.operator))
	return o.ID, err
}

func listTokens(of owner) func(*API, *input) reading {
	return func(_ *API, in *input) reading {
		return reading{run: func(ctx context.Context, r *session.Read) (reply, error) {
			id, err := of(ctx, in, r)
			if err != nil {
				return reply{}, err
			}
			list, err := session.Run(ctx, r, operator.TokensOf(id))
			return reply{body: TokenList{list}}, err
		}}
	}
}

// usualTokenLife is how long a token is good if nobody says.
const usualTokenLife = 90 * 24 * time.Hour

func createToken(of owner) func(*API, *input) writer {
	return func(_ *API, in *input) writer {
		var q NewToken
		if err := decode(in.body, &q); err != nil {
			in.refuse(err)
			return nil
		}
		n := operator.NewToken{Name: q.Name, Scope: q.Scope, ExpiresAt: in.end(q.ExpiresAt)}
		return in.atDesk(func(ctx context.Context, w *session.Write, principal operator.Principal) (reply, error) {
			id, err := of(ctx, in, w.Read)
			if err != nil {
				return reply{}, err
			}
			asked := n
			if end := principal.Caller.ExpiresAt; q.ExpiresAt == nil && end != nil && end.Before(*asked.ExpiresAt) {
				asked.ExpiresAt = end
			}
			t, secret, err := operator.CreateToken(ctx, w, principal, id, asked)
			return reply{body: MadeToken{t, secret.Reveal()}}, err
		})
	}
}

// end reads when a token is to end: in 90 days if nothing is said, never if that
// is said.
func (in *input) end(value jsontext.Value) *time.Time {
	switch text := strings.TrimSpace(string(value)); text {
	case "":
		return new(in.now.Add(usualTokenLife))
	case "null":
		return nil
	default:
		at, err := time.Parse(`"`+time.RFC3339+`"`, text)
		if err != nil || at.Year() > 9998 {
			in.wrong.Add("expires_at", "not_a_time", "It is a time such as 2027-01-31T09:00:00Z, or null for never.")
		}
		return &at
	}
}

func revokeToken(of owner) func(*API, *input) writer {
	return func(_ *API, in *input) writer {
		return in.atDesk(func(ctx context.Context, w *session.Write, principal operator.Principal) (reply, error) {
			id, err := of(ctx, in, w.Read)
			if err != nil {
				return reply{}, err
			}
			t, err := operator.RevokeToken(ctx, w, principal, id, in.token)
			return reply{body: t, narrows: true}, err
		})
	}
}

func createOperator(_ *API, in *input) writer {
	var q NewOperator
	if err := decode(in.body, &q); err != nil {
		in.refuse(err)
		return nil
	}
	return in.atDesk(func(ctx context.Context, w *session.Write, principal operator.Principal) (reply, error) {
		o, err := operator.Create(ctx, w, principal, operator.New{Name: q.Name, Role: q.Role})
		return reply{body: o, etag: entityTag(o.Version), location: prefix + "/operators/" + o.ID.String()}, err
	})
}

func updateOperator(_ *API, in *input) writer {
	var q OperatorPatch
	if err := decode(in.body, &q); err != nil {
		in.refuse(err)
		return nil
	}
	version := in.oneVersion()
	return in.atDesk(func(ctx context.Context, w *session.Write, principal operator.Principal) (reply, error) {
		o, narrows, err := operator.Update(ctx, w, principal, in.operator, operator.Patch(q), version)
		return reply{body: o, etag: entityTag(o.Version), narrows: narrows}, err
	})
}

// oneVersion is the version that If-Match asks for, or nil; of several it takes
// none, which nothing has.
func (in *input) oneVersion() *int64 {
	switch list := in.ifMatch.versions(); {
	case list == nil:
		return nil
	case len(list) == 1:
		return &list[0]
	default:
		return new(never)
	}
}
