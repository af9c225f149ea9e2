package operator

import (
	"context"

	"github.com/musterhq/muster/internal/audit"
	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/session"
)

// The actions on roles that are logged.
const (
	ActionRoleSet     audit.Action = "role.set"
	ActionRoleDeleted audit.Action = "role.delete"
)

// SetRole creates a custom role, or changes what it allows, and returns it as it
// is then. Narrows is that of [Update]. Faults: invalid, fields role and
// permissions; version_mismatch, privilege_exceeded, too_many_roles.
func SetRole(ctx context.Context, w *session.Write, p Principal, name string, words []string, ifVersion *int64) (role Role, narrows bool, err error) {
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
		role, err = p.createRole(ctx, w, name, may)
		return role, false, err
	}
	if err := p.holds(may | old.Permissions); err != nil {
		return role, false, err
	}
	role = *old
	if role.Permissions == may {
		return role, true, nil
	}
	role.Permissions, role.UpdatedAt = may, p.now()
	w.Add(updateRole(role))
	role.Version++
	p.record(w, audit.Event{Action: ActionRoleSet, Target: name, Was: old.logged(), Became: role.logged()})
	return role, !old.Permissions.Within(may), nil
}

func (p Principal) createRole(ctx context.Context, w *session.Write, name string, may Permissions) (Role, error) {
	if err := p.holds(may); err != nil {
		return Role{}, err
	}
	n, err := session.Run(ctx, w, countRoles())
	if err != nil {
		return Role{}, err
	}
	if n >= maxRoles {
		return Role{}, fault.New(fault.Conflict, "too_many_roles", "There are already %d custom roles. Change or delete one.", maxRoles)
	}
	role := Role{Name: name, Permissions: may, Custom: true, CreatedAt: p.now(), UpdatedAt: p.now(), Version: 1}
	w.Add(insertRole(role))
	p.record(w, audit.Event{Action: ActionRoleSet, Target: name, Became: role.logged()})
	return role, nil
}

// DeleteRole deletes a custom role that no operator has. Faults: role_not_found,
// role_in_use, privilege_exceeded.
func DeleteRole(ctx context.Context, w *session.Write, p Principal, name string) (Role, error) {
	old, err := session.Run(ctx, w, customRole(name))
	if err == nil && old == nil {
		err = ErrNoRole
	}
	if err != nil {
		return Role{}, err
	}
	if err := p.holds(old.Permissions); err != nil {
		return Role{}, err
	}
	inUse, err := session.Run(ctx, w, holders(name))
	if err == nil && inUse > 0 {
		err = ErrRoleInUse
	}
	if err != nil {
		return Role{}, err
	}
	w.Add(deleteRole(name))
	p.record(w, audit.Event{Action: ActionRoleDeleted, Target: name, Was: old.logged()})
	return *old, nil
}

// logged returns what the audit log holds of a role.
func (r *Role) logged() map[string]any { return map[string]any{"permissions": r.Permissions.Words()} }
