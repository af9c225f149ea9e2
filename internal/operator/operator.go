package operator

import (
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/internal/ids"
)

// The faults of tokens. They tell the holder of a genuine token what became of
// it; for anything else there is one answer.
var (
	ErrMissing = fault.New(fault.Unauthenticated, "missing_token", "Send a token: Authorization: Bearer muster_…")
	ErrInvalid = fault.New(fault.Unauthenticated, "invalid_token", "This is no token of this Muster.")
	ErrExpired = fault.New(fault.Unauthenticated, "expired_token", "The token has expired.")
	ErrRevoked = fault.New(fault.Unauthenticated, "revoked_token", "The token was revoked.")
)

// The faults of working with tokens.
var (
	ErrNoToken   = fault.New(fault.NotFound, "token_not_found", "There is no such token.")
	ErrAmbiguous = fault.New(fault.Conflict, "token_ambiguous", "Several tokens have this name; use the id or the prefix.")
)

// Token is an API token as its row says; the secret is not in it.
type Token struct {
	ID         ids.Row    `json:"id"`
	Name       string     `json:"name"`
	Prefix     string     `json:"prefix"` // of the secret, to recognise it by
	CreatedAt  time.Time  `json:"created_at"`
	ExpiresAt  *time.Time `json:"expires_at"` // absent: never
	RevokedAt  *time.Time `json:"revoked_at"`
	LastUsedAt *time.Time `json:"last_used_at"` // to the minute
}

// check is nil when the token is good at the time.
func (t Token) check(at time.Time) error {
	switch {
	case t.RevokedAt != nil:
		return ErrRevoked
	case t.ExpiresAt != nil && !at.Before(*t.ExpiresAt):
		return ErrExpired
	}
	return nil
}

const maxName = 100

func checkName(name string) error {
	var f fault.Fields
	if n := utf8.RuneCountInString(name); n == 0 || n > maxName || !utf8.ValidString(name) {
		f.Add("name", "out_of_range", "has 1 to %d characters", maxName)
	}
	for _, r := range name {
		if !unicode.IsPrint(r) {
			f.Add("name", "not_printable", "has printable characters only")
			break
		}
	}
	return f.Err()
}
