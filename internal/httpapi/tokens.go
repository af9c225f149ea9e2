package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/internal/field"
	"github.com/musterhq/muster/internal/ids"
	"github.com/musterhq/muster/internal/operator"
	"github.com/musterhq/muster/internal/rest"
	"github.com/musterhq/muster/session"
)

// NewToken is what a token is created from.
type NewToken struct {
	Name      string         `json:"name" doc:"The person or program that uses the token." example:"nightly report" minLength:"1" maxLength:"100"`
	Scope     operator.Scope `json:"scope,omitempty" doc:"The permissions that the token is limited to; null for all permissions of its operator." example:"dashboard:read" minItems:"1" nil:"null"`
	ExpiresAt *time.Time     `json:"expires_at,omitempty" doc:"The time at which the token expires; null for never, and in 90 days if absent." example:"2026-01-31T09:00:00.123456Z"`
	rest.Given
}

// CreatedToken is a token with its secret, which is returned this once.
type CreatedToken struct {
	operator.Token
	Secret string `json:"token" doc:"The secret. It is returned only here." example:"muster_k4x7mq2p_…" readOnly:"true"`
}

// TokenList is all tokens of an operator.
type TokenList struct {
	Items []operator.Token `json:"items" doc:"The tokens."`
}

const (
	docCreateToken = "Creates a token and returns its secret, only here. The token allows no more than the token that creates it, and lives no longer; by default it expires in 90 days."
	docRevokeToken = "Revokes a token. Once this is answered, no server accepts the token. A token that is revoked already stays as it is." //nolint:gosec // words about tokens
)

var exampleToken = map[string]any{"name": "nightly report", "scope": []string{"dashboard:read"}}

// operations are those on the tokens of any operator.
func (t *tokens) operations() []*rest.Endpoint {
	return []*rest.Endpoint{
		rest.Read(rest.Operation{
			Method: http.MethodGet, Path: "/operators/{operator_id}/tokens", ID: "list-tokens", Tag: "Operators", Trips: 2,
			Summary: "List the tokens of an operator",
			Doc:     "Returns the tokens, newest first, without their secrets.",
			Faults:  []fault.Kind{fault.NotFound},
		}, t.may(operator.ReadOperators), t.list),
		rest.Write(rest.Operation{
			Method: http.MethodPost, Path: "/operators/{operator_id}/tokens", ID: "create-token", Tag: "Operators", Trips: 3,
			Summary: "Create a token for an operator",
			Doc:     docCreateToken,
			Faults:  []fault.Kind{fault.NotFound, fault.Conflict},
			Example: exampleToken,
		}, t.may(operator.WriteOperators), byPrincipal(t.create)),
		rest.Write(rest.Operation{
			Method: http.MethodDelete, Path: "/operators/{operator_id}/tokens/{token_id}", ID: "revoke-token", Tag: "Operators", Trips: 5,
			Summary: "Revoke a token of an operator",
			Doc:     docRevokeToken,
			Faults:  []fault.Kind{fault.NotFound},
		}, t.may(operator.WriteOperators), byPrincipal(t.revoke)),
	}
}

func (t *tokens) list(ctx context.Context, r *session.Read, _ *Call, in operatorPath) (TokenList, error) {
	if _, err := session.Run(ctx, r, operator.ByID(in.Operator)); err != nil {
		return TokenList{}, err
	}
	list, err := session.Run(ctx, r, operator.TokensOf(in.Operator))
	return TokenList{list}, err
}

type createToken struct {
	operatorPath
	NewToken
}

func (t *tokens) create(ctx context.Context, w *session.Write, p operator.Principal, in createToken) (rest.Created[CreatedToken], error) {
	return in.create(ctx, w, p, in.Operator)
}

// defaultTokenLife is how long a token is valid by default.
const defaultTokenLife = 90 * 24 * time.Hour

// create creates the token for an operator. By default it expires in 90 days, or
// with the token that creates it.
func (n *NewToken) create(ctx context.Context, w *session.Write, p operator.Principal, owner ids.Operator) (rest.Created[CreatedToken], error) {
	expires := n.ExpiresAt
	if !n.Has("expires_at") {
		expires = new(p.At.Add(defaultTokenLife))
		if end := p.Caller.ExpiresAt; end != nil && end.Before(*expires) {
			expires = end
		}
	}
	var words []string
	if n.Scope != nil {
		words = field.Strings(n.Scope)
	}
	t, secret, err := operator.CreateToken(ctx, w, p, owner, operator.NewToken{Name: n.Name, Scope: words, ExpiresAt: expires})
	return rest.Created[CreatedToken]{Value: CreatedToken{t, secret.Reveal()}}, err
}

type revokeToken struct {
	operatorPath
	tokenPath
}

func (t *tokens) revoke(ctx context.Context, w *session.Write, p operator.Principal, in revokeToken) (rest.Replicated[operator.Token], error) {
	if _, err := session.Run(ctx, w, operator.ByID(in.Operator)); err != nil {
		return rest.Replicated[operator.Token]{}, err
	}
	revoked, err := operator.RevokeToken(ctx, w, p, in.Operator, in.Token)
	return rest.Replicated[operator.Token]{Value: revoked, Narrow: true}, err
}
