package operator

import (
	"context"
	"time"

	"github.com/musterhq/muster/internal/audit"
	"github.com/musterhq/muster/internal/fault"
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
