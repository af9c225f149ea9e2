package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/internal/ids"
	"github.com/musterhq/muster/internal/operator"
	"github.com/musterhq/muster/internal/rest"
	"github.com/musterhq/muster/session"
)

// me are the operations of callers on themselves.
type me struct{ *tokens }

// Me is the caller, and what the caller may do.
type Me struct {
	OperatorID  ids.Operator `json:"operator_id" doc:"The operator who calls." example:"0190a5c6-7d2e-7b31-8f60-2f1c5d0e9a47" format:"uuid" readOnly:"true"`
	Name        string       `json:"name" doc:"The name of the operator." example:"Kim Minji" readOnly:"true"`
	Role        string       `json:"role" doc:"The role of the operator." example:"reviewer" readOnly:"true"`
	Permissions []string     `json:"permissions" doc:"The permissions that the role has now, within the scope of the token." example:"members:read" readOnly:"true"`
	TokenID     ids.Row      `json:"token_id" doc:"The token of the request." example:"0190a5c6-7d2e-7b31-8f60-2f1c5d0e9a47" format:"uuid" readOnly:"true"`
	ExpiresAt   *time.Time   `json:"expires_at" doc:"The time at which the token expires; null for never." example:"2026-01-31T09:00:00.123456Z" readOnly:"true"`
}

func (m me) operations() []*rest.Endpoint {
	return []*rest.Endpoint{
		rest.Read(rest.Operation{
			Method: http.MethodGet, Path: "/me", ID: "get-me", Tag: "Me", Trips: 2,
			Summary: "Get the caller",
			Doc:     "Returns the operator of the token, and what the token allows at this moment.",
		}, m.may(operator.Anyone), m.get),
		rest.Read(rest.Operation{
			Method: http.MethodGet, Path: "/me/tokens", ID: "list-my-tokens", Tag: "Me", Trips: 2,
			Summary: "List your tokens",
			Doc:     "Returns the tokens of the calling operator, newest first, without their secrets.",
		}, m.may(operator.Anyone), m.listTokens),
		rest.Write(rest.Operation{
			Method: http.MethodPost, Path: "/me/tokens", ID: "create-my-token", Tag: "Me", Trips: 3,
			Summary: "Create a token for yourself",
			Doc:     docCreateToken,
			Faults:  []fault.Kind{fault.Conflict},
			Example: exampleToken,
		}, m.may(operator.WriteTokens), byPrincipal(m.createToken)),
		rest.Write(rest.Operation{
			Method: http.MethodDelete, Path: "/me/tokens/{token_id}", ID: "revoke-my-token", Tag: "Me", Trips: 3,
			Summary: "Revoke one of your tokens",
			Doc:     docRevokeToken,
			Faults:  []fault.Kind{fault.NotFound},
		}, m.may(operator.WriteTokens), byPrincipal(m.revokeToken)),
	}
}

func (m me) get(ctx context.Context, r *session.Read, c *Call, _ struct{}) (Me, error) {
	caller, err := c.Caller(ctx, r)
	if err != nil {
		return Me{}, err
	}
	o, err := session.Run(ctx, r, operator.ByID(caller.Operator))
	return Me{
		OperatorID: caller.Operator, Name: o.Name, Role: caller.Role, Permissions: caller.May.Words(),
		TokenID: caller.Token, ExpiresAt: caller.ExpiresAt,
	}, err
}

func (m me) listTokens(ctx context.Context, r *session.Read, c *Call, _ struct{}) (TokenList, error) {
	caller, err := c.Caller(ctx, r)
	if err != nil {
		return TokenList{}, err
	}
	list, err := session.Run(ctx, r, operator.TokensOf(caller.Operator))
	return TokenList{list}, err
}

func (m me) createToken(ctx context.Context, w *session.Write, p operator.Principal, in NewToken) (rest.Created[CreatedToken], error) {
	return in.create(ctx, w, p, p.Caller.Operator)
}

func (m me) revokeToken(ctx context.Context, w *session.Write, p operator.Principal, in tokenPath) (rest.Replicated[operator.Token], error) {
	t, err := operator.RevokeToken(ctx, w, p, p.Caller.Operator, in.Token)
	return rest.Replicated[operator.Token]{Value: t, Narrow: true}, err
}
