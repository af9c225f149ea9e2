package operator

import (
	"time"

	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/internal/ids"
)

// The faults of tokens. They tell the holder of a genuine token what became of
// it; for anything else there is one answer.
var (
	ErrMissing  = fault.New(fault.Unauthenticated, "missing_token", "Send a token: Authorization: Bearer muster_…")
	ErrInvalid  = fault.New(fault.Unauthenticated, "invalid_token", "This is no token of this Muster.")
	ErrExpired  = fault.New(fault.Unauthenticated, "expired_token", "The token has expired.")
	ErrRevoked  = fault.New(fault.Unauthenticated, "revoked_token", "The token was revoked.")
	ErrIdle     = fault.New(fault.Unauthenticated, "idle_token", "The token was not used for so long that it has ended.")
	ErrDisabled = fault.New(fault.Unauthenticated, "disabled_operator", "The operator of this token is disabled.")
)

// The faults of working with tokens.
var (
	ErrNoToken   = fault.New(fault.NotFound, "token_not_found", "There is no such token.")
	ErrAmbiguous = fault.New(fault.Conflict, "token_ambiguous", "Several tokens have this name; use the id or the prefix.")
)

// Token is an API token as its row says; the secret is not in it.
type Token struct {
	ID         ids.Row      `json:"id"`
	Operator   ids.Operator `json:"operator_id"`
	Name       string       `json:"name"`
	Prefix     string       `json:"prefix"` // of the secret, to recognise it by
	Scope      []string     `json:"scope"`  // the permissions that it is limited to; null: all of its operator
	CreatedAt  time.Time    `json:"created_at"`
	ExpiresAt  *time.Time   `json:"expires_at"` // absent: never
	RevokedAt  *time.Time   `json:"revoked_at"`
	LastUsedAt *time.Time   `json:"last_used_at"` // to the minute
}

// NewToken is what a token is made of.
type NewToken struct {
	Name      string
	Scope     []string   // nil: all that the operator may
	ExpiresAt *time.Time // nil: never
}
