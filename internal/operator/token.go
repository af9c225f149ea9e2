package operator

import (
	"fmt"
	"strings"
	"time"

	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/internal/field"
	"github.com/musterhq/muster/internal/ids"
)

// The faults of authentication. The holder of a genuine token learns what is
// wrong with it; for anything else there is one answer.
var (
	ErrMissing  = fault.New(fault.Unauthenticated, "missing_token", "Send a token: Authorization: Bearer muster_…")
	ErrInvalid  = fault.New(fault.Unauthenticated, "invalid_token", "This is not a valid token.")
	ErrExpired  = fault.New(fault.Unauthenticated, "expired_token", "The token has expired.")
	ErrRevoked  = fault.New(fault.Unauthenticated, "revoked_token", "The token was revoked.")
	ErrIdle     = fault.New(fault.Unauthenticated, "idle_token", "The token has expired because it was not used for too long.")
	ErrDisabled = fault.New(fault.Unauthenticated, "disabled_operator", "The operator of this token is disabled.")
)

// The faults of managing tokens.
var (
	ErrNoToken   = fault.New(fault.NotFound, "token_not_found", "No such token.")
	ErrAmbiguous = fault.New(fault.Conflict, "token_ambiguous", "Several tokens have this name. Use the id or the prefix.")
)

// Token is an API token as it is stored, without its secret.
type Token struct {
	ID         ids.Row      `json:"id" doc:"The id. Ids sort by time of creation." example:"0190a5c6-7d2e-7b31-8f60-2f1c5d0e9a47" format:"uuid" readOnly:"true"`
	Operator   ids.Operator `json:"operator_id" db:"-" doc:"The operator that the token belongs to." example:"0190a5c6-7d2e-7b31-8f60-2f1c5d0e9a47" format:"uuid" readOnly:"true"`
	Name       string       `json:"name" doc:"The person or program that uses the token." example:"nightly report" minLength:"1" maxLength:"100"`
	Prefix     string       `json:"prefix" doc:"The part of the secret after muster_, by which to recognise the token." example:"k4x7mq2p" readOnly:"true"`
	Scope      Scope        `json:"scope" db:"-" doc:"The permissions that the token is limited to; null for all permissions of its operator." example:"dashboard:read" nil:"null"`
	CreatedAt  time.Time    `json:"created_at" doc:"The time of creation." example:"2026-01-31T09:00:00.123456Z" readOnly:"true"`
	ExpiresAt  *time.Time   `json:"expires_at" doc:"The time at which the token expires; null for never." example:"2026-01-31T09:00:00.123456Z" readOnly:"true"`
	RevokedAt  *time.Time   `json:"revoked_at" doc:"The time at which the token was revoked; null if it was not." readOnly:"true"`
	LastUsedAt *time.Time   `json:"last_used_at" doc:"The time of the last use, to the minute; null before the first." readOnly:"true"`
}

var tokens = field.For[Token]()

// NewToken is what to create a token from.
type NewToken struct {
	Name      string
	Scope     []string   // nil: all that the operator may do
	ExpiresAt *time.Time // nil: never
}

// Scope is what a token is limited to; nil for no limit.
type Scope []Word

// scopeOf reads the scope of a row.
func scopeOf(text string) Scope {
	scope := Scope{}
	for word := range strings.FieldsSeq(text) {
		scope = append(scope, Word(word))
	}
	return scope
}

// String returns the words, separated by spaces, as a row stores them.
func (s Scope) String() string { return strings.Trim(fmt.Sprint([]Word(s)), "[]") }

// Caller is the holder of a token, as the database describes it at one moment.
type Caller struct {
	Token     ids.Row
	Operator  ids.Operator
	Role      string
	May       Permissions // what both the role and the token allow
	Scoped    bool        // the token has a scope
	ExpiresAt *time.Time  // of the token; nil: never
}

// Root returns the caller with all permissions: whoever has the data directory
// or the database, and calls from the command line.
func Root() Caller { return Caller{May: All()} }
