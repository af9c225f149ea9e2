package operator

import (
	"context"
	"time"

	"github.com/musterhq/muster/internal/audit"
	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/internal/ids"
	"github.com/musterhq/muster/session"
)

// ErrPrivilegeExceeded is the fault for granting, or taking from another, more
// than one's own permissions.
var ErrPrivilegeExceeded = fault.New(fault.Forbidden, "privilege_exceeded", "You cannot grant, or take away, permissions that you do not have.")

// Principal is on whose behalf an operation runs: with whose permissions, when,
// and with which recorder it adds entries to the audit log.
type Principal struct {
	Caller   Caller
	Recorder audit.Recorder
	At       time.Time
}

func (p Principal) now() time.Time { return p.At.UTC().Truncate(time.Microsecond) }

func (p Principal) record(w *session.Write, e audit.Event) { p.Recorder.Record(w, e, p.At) }

// holds refuses what goes beyond the caller's own permissions.
func (p Principal) holds(set Permissions) error {
	if !set.Within(p.Caller.May) {
		return ErrPrivilegeExceeded
	}
	return nil
}

// mayAssign refuses a role that allows more than the caller may, and one that
// does not exist.
func (p Principal) mayAssign(ctx context.Context, r session.Reader, role string) error {
	set, exists, err := permissionsOf(ctx, r, role)
	if err != nil {
		return err
	}
	if !exists {
		var f fault.Fields
		f.Add("role", "not_a_choice", "Must be viewer, reviewer, manager, administrator, or a custom role.")
		return f.Err()
	}
	return p.holds(set)
}

// mayManage refuses an operator whose role allows more than the caller may.
func (p Principal) mayManage(ctx context.Context, r session.Reader, o Operator) error {
	set, _, err := permissionsOf(ctx, r, o.Role)
	if err != nil {
		return err
	}
	return p.holds(set)
}

// permissionsOf returns what a role allows; one that does not exist allows
// nothing.
func permissionsOf(ctx context.Context, r session.Reader, name string) (set Permissions, exists bool, err error) {
	if role, ok := standardRole(name); ok {
		return role.Permissions, true, nil
	}
	role, err := session.Run(ctx, r, customRole(name))
	if err != nil || role == nil {
		return 0, false, err
	}
	return role.Permissions, true, nil
}

// The actions on operators and roles that are logged.
const (
	ActionCreated     audit.Action = "operator.create"
	ActionChanged     audit.Action = "operator.change"
	ActionRoleSet     audit.Action = "role.set"
	ActionRoleDeleted audit.Action = "role.delete"
)

// EnsureAdministrator creates the first administrator in a store without
// operators, and assigns it the tokens that have no owner.
func EnsureAdministrator(ctx context.Context, w *session.Write, p Principal) error {
	some, err := session.Run(ctx, w, anyOperator())
	if err != nil || some > 0 {
		return err
	}
	first := p.create(w, Operator{Name: FirstAdministrator, Role: Administrator})
	w.Add(adopt(first.ID))
	return nil
}

// New is what to create an operator from.
type New struct{ Name, Role string }

// Create creates an operator. Faults: invalid, fields name and role;
// operator_name_taken, privilege_exceeded.
func Create(ctx context.Context, w *session.Write, p Principal, n New) (Operator, error) {
	o := Operator{Name: n.Name, Role: n.Role}
	if err := o.check(); err != nil {
		return Operator{}, err
	}
	if err := p.mayAssign(ctx, w, o.Role); err != nil {
		return Operator{}, err
	}
	return p.create(w, o), nil
}

func (p Principal) create(w *session.Write, o Operator) Operator {
	o.ID, o.Version = ids.New[ids.Operator](p.At), 1
	o.CreatedAt = o.ID.Time()
	o.UpdatedAt = o.CreatedAt
	w.Add(insertOperator(o))
	p.record(w, audit.Event{Action: ActionCreated, Target: o.ID.String(), Became: map[string]any{"name": o.Name, "role": o.Role}})
	return o
}

// Patch is what to change of an operator; nil fields stay as they are.
type Patch struct {
	Name     *string
	Role     *string
	Disabled *bool
}

// Update changes an operator and returns it as it is then. A patch that changes
// nothing leaves the version as it is. IfVersion, if not nil, is the version
// that the caller has seen. Narrows reports whether somebody may do less than
// before, also when a repeated patch changes nothing: the answer to the first
// may have been that replicas did not have the change yet. Faults:
// operator_not_found, invalid, version_mismatch, operator_name_taken,
// privilege_exceeded, last_administrator.
func Update(ctx context.Context, w *session.Write, p Principal, id ids.Operator, patch Patch, ifVersion *int64) (o Operator, narrows bool, err error) {
	old, err := session.Run(ctx, w, ByID(id))
	if err != nil {
		return o, false, err
	}
	if ifVersion != nil && *ifVersion != old.Version {
		return o, false, ErrVersionMismatch.With(map[string]any{"version": old.Version, "updated_at": old.UpdatedAt})
	}
	if err := p.mayManage(ctx, w, old); err != nil {
		return o, false, err
	}
	if o, err = p.apply(ctx, w, old, patch); err != nil {
		return old, false, err
	}
	narrows = patch.Role != nil || o.DisabledAt != nil
	if o == old {
		return old, narrows, nil
	}
	if err := keepsAdministrator(ctx, w, old, o); err != nil {
		return o, false, err
	}
	was, became := differences(old, o)
	o.Version, o.UpdatedAt = old.Version+1, p.now()
	w.Add(updateOperator(old, o))
	p.record(w, audit.Event{Action: ActionChanged, Target: id.String(), Was: was, Became: became})
	return o, narrows, nil
}

// apply returns the operator with the changes of the patch.
func (p Principal) apply(ctx context.Context, r session.Reader, o Operator, patch Patch) (Operator, error) {
	old := o
	if patch.Name != nil {
		o.Name = *patch.Name
	}
	if patch.Role != nil {
		o.Role = *patch.Role
	}
	if patch.Name != nil || patch.Role != nil {
		if err := o.check(); err != nil {
			return o, err
		}
	}
	if o.Role != old.Role {
		if err := p.mayAssign(ctx, r, o.Role); err != nil {
			return o, err
		}
	}
	if patch.Disabled != nil && *patch.Disabled != (o.DisabledAt != nil) {
		o.DisabledAt = nil
		if *patch.Disabled {
			o.DisabledAt = new(p.now())
		}
	}
	return o, nil
}

// keepsAdministrator refuses a change after which no administrator is left.
func keepsAdministrator(ctx context.Context, r session.Reader, old, o Operator) error {
	if !old.isAdministrator() || o.isAdministrator() {
		return nil
	}
	others, err := session.Run(ctx, r, otherAdministrators(o.ID))
	if err == nil && others == 0 {
		err = ErrLastAdministrator
	}
	return err
}

// differences returns the fields in which two states of an operator differ.
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

// Find returns the operator with this id or name. Faults: operator_not_found.
func Find(ctx context.Context, r session.Reader, text string) (Operator, error) {
	if id, err := ids.Parse[ids.Operator](text); err == nil {
		return session.Run(ctx, r, ByID(id))
	}
	return session.Run(ctx, r, ByName(text))
}

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
