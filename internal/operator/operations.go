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

// What is recorded of operators, roles and tokens.
const (
	ActionCreated      audit.Action = "operator.create"
	ActionChanged      audit.Action = "operator.change"
	ActionRoleSet      audit.Action = "role.set"
	ActionRoleDeleted  audit.Action = "role.delete"
	ActionTokenCreated audit.Action = "token.create"
	ActionTokenRevoked audit.Action = "token.revoke"
)

// Principal is where an operation is asked for: by whom, with which rights, when, and
// with what it writes the record.
type Principal struct {
	Caller   Caller
	Recorder audit.Recorder
	At       time.Time
}

func (d Principal) now() time.Time { return d.At.UTC().Truncate(time.Microsecond) }

// EnsureAdministrator makes the first administrator where there is no operator, and gives it
// the tokens that have none. It does nothing in a store that has operators.
func EnsureAdministrator(ctx context.Context, w *session.Write, d Principal) error {
	some, err := session.Run(ctx, w, anyOperator())
	if err != nil || some > 0 {
		return err
	}
	first := d.create(w, New{Name: FirstAdministrator, Role: Administrator})
	w.Add(adopt(first.ID))
	return nil
}

// New is what an operator is made of.
type New struct{ Name, Role string }

// Create makes an operator. Faults: invalid, fields name and role;
// operator_name_taken, privilege_exceeded.
func Create(ctx context.Context, w *session.Write, d Principal, n New) (Operator, error) {
	n.Name = strings.TrimSpace(n.Name)
	var f fault.Fields
	checkName(&f, n.Name)
	if err := f.Err(); err != nil {
		return Operator{}, err
	}
	if err := d.mayGive(ctx, w, n.Role); err != nil {
		return Operator{}, err
	}
	return d.create(w, n), nil
}

func (d Principal) create(w *session.Write, n New) Operator {
	o := Operator{ID: ids.New[ids.Operator](d.At), Name: n.Name, Role: n.Role, Version: 1}
	o.CreatedAt = o.ID.Time()
	o.UpdatedAt = o.CreatedAt
	w.Add(insertOperator(o))
	d.Recorder.Record(w, audit.Event{
		Action: ActionCreated, Target: o.ID.String(), Became: map[string]any{"name": o.Name, "role": o.Role},
	}, d.At)
	return o
}

// roleAllows is what a role allows. Faults: invalid, field role, for one that is
// not there.
func roleAllows(ctx context.Context, r session.Reader, name string) (Permissions, error) {
	if role, ok := standardRole(name); ok {
		return role.Permissions, nil
	}
	role, err := session.Run(ctx, r, customRole(name))
	if err == nil && role == nil {
		var f fault.Fields
		f.Add("role", "not_a_choice", "It is viewer, reviewer, manager, administrator, or a role that was made here.")
		err = f.Err()
	}
	if err != nil {
		return 0, err
	}
	return role.Permissions, nil
}

// mayGive refuses a role that allows more than the caller may.
func (d Principal) mayGive(ctx context.Context, r session.Reader, role string) error {
	may, err := roleAllows(ctx, r, role)
	if err == nil && !may.Within(d.Caller.May) {
		err = ErrPrivilegeExceeded
	}
	return err
}

// Patch is what is to change of an operator; nil stays.
type Patch struct {
	Name     *string
	Role     *string
	Disabled *bool
}

// Update changes an operator and gives it as it is then; one that is so already
// stays as it is. IfVersion, if not nil, is the version that the caller saw.
// Narrows reports whether somebody may less than before; also where that is so
// already, since who asks again may have been told that it was not yet so
// everywhere. Faults: operator_not_found, invalid, version_mismatch, operator_name_taken,
// privilege_exceeded, last_administrator.
func Update(ctx context.Context, w *session.Write, d Principal, id ids.Operator, p Patch, ifVersion *int64) (o Operator, narrows bool, err error) {
	old, err := session.Run(ctx, w, ByID(id))
	if err != nil {
		return o, false, err
	}
	if ifVersion != nil && *ifVersion != old.Version {
		return o, false, ErrVersionMismatch.With(map[string]any{"version": old.Version, "updated_at": old.UpdatedAt})
	}
	if err := d.mayTouch(ctx, w, old.Role); err != nil {
		return o, false, err
	}
	if o, err = d.patched(ctx, w, old, p); err != nil {
		return old, false, err
	}
	narrows = p.Role != nil || o.DisabledAt != nil
	if o == old {
		return old, narrows, nil
	}
	if old.administrates() && !o.administrates() {
		others, err := session.Run(ctx, w, otherAdministrators(id))
		if err != nil {
			return o, false, err
		}
		if others == 0 {
			return o, false, ErrLastAdministrator
		}
	}
	o.Version, o.UpdatedAt = old.Version+1, d.now()
	w.Add(updateOperator(old, o))
	was, became := differences(old, o)
	d.Recorder.Record(w, audit.Event{Action: ActionChanged, Target: id.String(), Was: was, Became: became}, d.At)
	return o, narrows, nil
}

// mayTouch refuses to change an operator who may more than the caller.
func (d Principal) mayTouch(ctx context.Context, r session.Reader, role string) error {
	var may Permissions
	if standard, ok := standardRole(role); ok {
		may = standard.Permissions
	} else if custom, err := session.Run(ctx, r, customRole(role)); err != nil {
		return err
	} else if custom != nil {
		may = custom.Permissions
	}
	if !may.Within(d.Caller.May) {
		return ErrPrivilegeExceeded
	}
	return nil
}

// patched is the operator with what is to change.
func (d Principal) patched(ctx context.Context, r session.Reader, o Operator, p Patch) (Operator, error) {
	if p.Name != nil {
		var f fault.Fields
		o.Name = strings.TrimSpace(*p.Name)
		checkName(&f, o.Name)
		if err := f.Err(); err != nil {
			return o, err
		}
	}
	if p.Role != nil && *p.Role != o.Role {
		if err := d.mayGive(ctx, r, *p.Role); err != nil {
			return o, err
		}
		o.Role = *p.Role
	}
	if p.Disabled != nil && *p.Disabled != (o.DisabledAt != nil) {
		o.DisabledAt = nil
		if *p.Disabled {
			o.DisabledAt = new(d.now())
		}
	}
	return o, nil
}

// differences are the fields in which two states of an operator differ.
func differences(old, o Operator) (was, became map[string]any) {
	was, became = map[string]any{}, map[string]any{}
	note := func(name string, before, after any) {
		if before != after {
			was[name], became[name] = before, after
		}
	}
	note("name", old.Name, o.Name)
	note("role", old.Role, o.Role)
	note("disabled", old.DisabledAt != nil, o.DisabledAt != nil)
	return was, became
}

// SetRole makes a role of that name, or changes what it allows, and gives it as
// it is then. Narrows is as that of [Update]. Faults: invalid, fields role and
// permissions; version_mismatch, privilege_exceeded.
func SetRole(ctx context.Context, w *session.Write, d Principal, name string, words []string, ifVersion *int64) (role Role, narrows bool, err error) {
	if err := checkRoleName(name); err != nil {
		return role, false, err
	}
	may, err := ParsePermissions("permissions", words)
	if err != nil {
		return role, false, err
	}
	old, err := session.Run(ctx, w, customRole(name))
	if err != nil {
		return role, false, err
	}
	if ifVersion != nil && (old == nil || *ifVersion != old.Version) {
		return role, false, ErrVersionMismatch
	}
	if old == nil {
		role, err = d.newRole(ctx, w, name, may)
		return role, false, err
	}
	if !(may | old.Permissions).Within(d.Caller.May) {
		return role, false, ErrPrivilegeExceeded
	}
	role = *old
	if role.Permissions == may {
		return role, true, nil
	}
	role.Permissions, role.UpdatedAt = may, d.now()
	w.Add(updateRole(role))
	role.Version++
	d.Recorder.Record(w, audit.Event{
		Action: ActionRoleSet, Target: name,
		Was: map[string]any{"permissions": old.Permissions.Words()}, Became: map[string]any{"permissions": may.Words()},
	}, d.At)
	return role, !old.Permissions.Within(may), nil
}

func (d Principal) newRole(ctx context.Context, w *session.Write, name string, may Permissions) (Role, error) {
	if !may.Within(d.Caller.May) {
		return Role{}, ErrPrivilegeExceeded
	}
	n, err := session.Run(ctx, w, countRoles())
	if err != nil {
		return Role{}, err
	}
	if n >= maxRoles {
		return Role{}, fault.New(fault.Conflict, "too_many_roles", "There are %d roles already: change or delete one.", maxRoles)
	}
	role := Role{Name: name, Permissions: may, Custom: true, CreatedAt: d.now(), UpdatedAt: d.now(), Version: 1}
	w.Add(insertRole(role))
	d.Recorder.Record(w, audit.Event{Action: ActionRoleSet, Target: name, Became: map[string]any{"permissions": may.Words()}}, d.At)
	return role, nil
}

// DeleteRole takes a role away that nobody has. Faults: role_not_found,
// role_in_use, privilege_exceeded.
func DeleteRole(ctx context.Context, w *session.Write, d Principal, name string) (Role, error) {
	old, err := session.Run(ctx, w, customRole(name))
	switch {
	case err != nil:
		return Role{}, err
	case old == nil:
		return Role{}, ErrNoRole
	case !old.Permissions.Within(d.Caller.May):
		return Role{}, ErrPrivilegeExceeded
	}
	inUse, err := session.Run(ctx, w, holders(name))
	if err != nil {
		return Role{}, err
	}
	if inUse > 0 {
		return Role{}, ErrRoleInUse
	}
	w.Add(deleteRole(name))
	d.Recorder.Record(w, audit.Event{Action: ActionRoleDeleted, Target: name, Was: map[string]any{"permissions": old.Permissions.Words()}}, d.At)
	return *old, nil
}

// CreateToken makes a token of an operator. The secret is given here and never
// again. A token is never worth more than the one that asks for it: it allows no
// more and lives no longer. Faults: invalid, fields name, scope and expires_at;
// operator_not_found, disabled_operator, privilege_exceeded.
func CreateToken(ctx context.Context, w *session.Write, d Principal, owner ids.Operator, n NewToken) (Token, Secret, error) {
	o, err := session.Run(ctx, w, ByID(owner))
	if err != nil {
		return Token{}, Secret{}, err
	}
	may, err := roleAllows(ctx, w, o.Role)
	if err != nil {
		return Token{}, Secret{}, err
	}
	n.Name = strings.TrimSpace(n.Name)
	scope, err := d.checkToken(&n, o, may)
	if err != nil {
		return Token{}, Secret{}, err
	}
	secret := newSecret()
	t := Token{ID: ids.New[ids.Row](d.At), Operator: owner, Name: n.Name, Prefix: secret.Prefix(), ExpiresAt: n.ExpiresAt}
	t.CreatedAt = t.ID.Time()
	if scope != nil {
		t.Scope = scopeOf(*scope)
	}
	w.Add(insertToken(t, secret.Hash(), scope))
	d.Recorder.Record(w, audit.Event{
		Action: ActionTokenCreated, Target: owner.String(),
		Became: map[string]any{"token": t.ID.String(), "name": t.Name, "prefix": t.Prefix, "scope": t.Scope, "expires_at": t.ExpiresAt},
	}, d.At)
	return t, secret, nil
}

// checkToken checks what a token is to be made of, and gives its scope as a row
// has it.
func (d Principal) checkToken(n *NewToken, o Operator, may Permissions) (scope *string, err error) {
	var f fault.Fields
	checkName(&f, n.Name)
	switch end := d.Caller.ExpiresAt; {
	case n.ExpiresAt == nil:
		if end != nil {
			f.Add("expires_at", "out_of_range", "Your own token ends at %s: this one cannot outlive it.", end.Format(time.RFC3339))
		}
	case !n.ExpiresAt.After(d.At):
		f.Add("expires_at", "out_of_range", "It lies in the future.")
	case end != nil && n.ExpiresAt.After(*end):
		f.Add("expires_at", "out_of_range", "Your own token ends at %s: this one cannot outlive it.", end.Format(time.RFC3339))
	default:
		n.ExpiresAt = new(n.ExpiresAt.UTC().Truncate(time.Microsecond))
	}
	if n.Scope != nil {
		asked, err := ParsePermissions("scope", n.Scope)
		switch {
		case err != nil:
			f.Add("scope", "not_a_choice", "It has words of: %s.", may)
		case asked == 0:
			f.Add("scope", "empty", "It has one permission at least; leave it out for all that the operator may.")
		case !asked.Within(may):
			f.Add("scope", "beyond_the_role", "The role %s allows %s.", o.Role, may)
		}
		may = asked
		scope = new(asked.String())
	} else if d.Caller.Scoped {
		f.Add("scope", "required", "Your own token is limited, and so must this one be.")
	}
	if err := f.Err(); err != nil {
		return nil, err
	}
	if !may.Within(d.Caller.May) {
		return nil, ErrPrivilegeExceeded
	}
	if o.DisabledAt != nil {
		return nil, fault.New(fault.Conflict, ErrDisabled.Code, "The operator is disabled: enable it first.")
	}
	return scope, nil
}

// RevokeToken ends a token of an operator, or of any if owner is zero, and gives
// it as it is then. One that is revoked already stays so. The next request that
// comes with it is refused. Faults: token_not_found; privilege_exceeded, for a
// token of an operator who may more than the caller.
func RevokeToken(ctx context.Context, w *session.Write, d Principal, owner ids.Operator, id ids.Row) (Token, error) {
	t, err := session.Run(ctx, w, tokenByID(id))
	if err == nil && !owner.IsZero() && t.Operator != owner {
		err = ErrNoToken
	}
	if err != nil || t.RevokedAt != nil {
		return t, err
	}
	if t.Operator != d.Caller.Operator {
		o, err := session.Run(ctx, w, ByID(t.Operator))
		if err != nil {
			return t, err
		}
		if err := d.mayTouch(ctx, w, o.Role); err != nil {
			return t, err
		}
	}
	t.RevokedAt = new(d.now())
	w.Add(revokeToken(t.ID, *t.RevokedAt))
	d.Recorder.Record(w, audit.Event{
		Action: ActionTokenRevoked, Target: t.Operator.String(), Was: map[string]any{"token": t.ID.String(), "name": t.Name, "prefix": t.Prefix},
	}, d.At)
	return t, nil
}

// FindToken gives the token with this id, prefix (with or without muster_), name
// or secret. Whoever calls a token by the prefix of another does not hide that
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

// Find gives the operator with this id or name. Faults: operator_not_found.
func Find(ctx context.Context, r session.Reader, text string) (Operator, error) {
	if id, err := ids.Parse[ids.Operator](text); err == nil {
		return session.Run(ctx, r, ByID(id))
	}
	return session.Run(ctx, r, ByName(text))
}
