package operator

import (
	"context"
	"strings"
	"time"

	"github.com/musterhq/muster/internal/audit"
	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/internal/ids"
	"github.com/musterhq/muster/session"
)

// The actions on tokens that are logged.
const (
	ActionTokenCreated audit.Action = "token.create"
	ActionTokenRevoked audit.Action = "token.revoke"
)

// CreateToken creates a token of an operator. It returns the secret, which
// nothing returns again. A token is never worth more than the one that it was
// created with: it allows no more and expires no later. Faults: invalid, fields
// name, scope and expires_at; operator_not_found, disabled_operator,
// privilege_exceeded.
func CreateToken(ctx context.Context, w *session.Write, p Principal, owner ids.Operator, n NewToken) (Token, Secret, error) {
	o, err := session.Run(ctx, w, ByID(owner))
	if err != nil {
		return Token{}, Secret{}, err
	}
	may, _, err := permissionsOf(ctx, w, o.Role)
	if err != nil {
		return Token{}, Secret{}, err
	}
	t, err := p.newToken(n, o, may)
	if err != nil {
		return Token{}, Secret{}, err
	}
	secret := newSecret()
	t.Prefix = secret.Prefix()
	w.Add(insertToken(t, secret.Hash()))
	p.record(w, audit.Event{
		Action: ActionTokenCreated, Target: owner.String(),
		Became: map[string]any{"token": t.ID.String(), "name": t.Name, "prefix": t.Prefix, "scope": t.Scope, "expires_at": t.ExpiresAt},
	})
	return t, secret, nil
}

// newToken checks what a token is to be created from; may is what the role of
// its operator allows.
func (p Principal) newToken(n NewToken, o Operator, may Permissions) (Token, error) {
	t := Token{ID: ids.New[ids.Row](p.At), Operator: o.ID, Name: n.Name}
	t.CreatedAt = t.ID.Time()
	var f fault.Fields
	tokens.Check(&t, "", &f)
	t.ExpiresAt = p.checkExpiry(&f, n.ExpiresAt)
	if scope := p.checkScope(&f, n.Scope, o.Role, may); n.Scope != nil {
		t.Scope, may = scopeOf(scope.String()), scope
	}
	if err := f.Err(); err != nil {
		return t, err
	}
	if err := p.holds(may); err != nil {
		return t, err
	}
	if o.DisabledAt != nil {
		return t, fault.New(fault.Conflict, ErrDisabled.Code, "The operator is disabled. Enable it first.")
	}
	return t, nil
}

func (p Principal) checkExpiry(f *fault.Fields, at *time.Time) *time.Time {
	own := p.Caller.ExpiresAt
	if own != nil && (at == nil || at.After(*own)) {
		f.Add("expires_at", "out_of_range", "Must not be later than %s, when your own token expires.", own.Format(time.RFC3339))
		return at
	}
	if at == nil {
		return nil
	}
	if !at.After(p.At) {
		f.Add("expires_at", "out_of_range", "Must be in the future.")
	}
	return new(at.UTC().Truncate(time.Microsecond))
}

func (p Principal) checkScope(f *fault.Fields, words []string, role string, may Permissions) Permissions {
	if words == nil {
		if p.Caller.Scoped {
			f.Add("scope", "required", "Required, because your own token has a scope.")
		}
		return may
	}
	set, err := ParsePermissions("scope", words)
	switch {
	case err != nil:
		f.Add("scope", "not_a_choice", "Must be some of: %s.", may)
	case set == 0:
		f.Add("scope", "empty", "Must have at least one permission. Leave it out for all permissions of the operator.")
	case !set.Within(may):
		f.Add("scope", "not_allowed", "The role %s allows only: %s.", role, may)
	}
	return set
}

// RevokeToken revokes a token of an operator, or of any if owner is zero, and
// returns it as it is then. The next request with it is refused. To revoke it
// again changes nothing. Faults: token_not_found; privilege_exceeded, for a
// token of an operator who may do more than the caller.
func RevokeToken(ctx context.Context, w *session.Write, p Principal, owner ids.Operator, id ids.Row) (Token, error) {
	t, err := session.Run(ctx, w, tokenByID(id))
	if err == nil && !owner.IsZero() && t.Operator != owner {
		err = ErrNoToken
	}
	if err != nil || t.RevokedAt != nil {
		return t, err
	}
	if t.Operator != p.Caller.Operator {
		o, err := session.Run(ctx, w, ByID(t.Operator))
		if err == nil {
			err = p.mayManage(ctx, w, o)
		}
		if err != nil {
			return t, err
		}
	}
	t.RevokedAt = new(p.now())
	w.Add(revokeToken(t.ID, *t.RevokedAt))
	p.record(w, audit.Event{
		Action: ActionTokenRevoked, Target: t.Operator.String(), Was: map[string]any{"token": t.ID.String(), "name": t.Name, "prefix": t.Prefix},
	})
	return t, nil
}

// FindToken returns the token with this id, prefix (with or without muster_),
// name or secret. A token whose name is the prefix of another does not hide that
// one. Faults: token_not_found, token_ambiguous.
func FindToken(ctx context.Context, r session.Reader, text string) (Token, error) {
	if id, err := ids.Parse[ids.Row](text); err == nil {
		return session.Run(ctx, r, tokenByID(id))
	}
	prefix, isToken := strings.CutPrefix(text, scheme)
	if isToken {
		prefix, _, _ = strings.Cut(prefix, "_")
	}
	found, err := session.Run(ctx, r, tokensMatching(prefix))
	switch {
	case err != nil:
		return Token{}, err
	case len(found) == 0:
		return Token{}, ErrNoToken
	case len(found) == 2 && found[1].RevokedAt == nil && (found[0].Prefix != prefix || found[1].Prefix == prefix):
		return Token{}, ErrAmbiguous
	}
	return found[0], nil
}
