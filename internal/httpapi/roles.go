package httpapi

import (
	"context"
	"net/http"
	"reflect"
	"time"

	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/internal/operator"
	"github.com/musterhq/muster/session"
)

// Role is a role as the API shows it.
type Role struct {
	Name        string     `json:"name"`
	Permissions []string   `json:"permissions"`
	Custom      bool       `json:"custom"`
	CreatedAt   *time.Time `json:"created_at"`
	UpdatedAt   *time.Time `json:"updated_at"`
	Version     int64      `json:"version"`
}

// RoleList is all roles, and all permissions that one can have.
type RoleList struct {
	Items       []Role       `json:"items"`
	Permissions []Permission `json:"permissions"`
}

// Permission is one that a role can have.
type Permission struct {
	Name    string `json:"name"`
	Meaning string `json:"meaning"`
}

// RoleSetting is what a role is to allow.
type RoleSetting struct {
	Permissions []string `json:"permissions"`
}

func roleOperations() []Operation {
	one := reflect.TypeFor[Role]()
	return []Operation{
		{
			Method: http.MethodGet, Path: "/roles", ID: "list-roles", Tag: "Operators", Permission: operator.ReadOperators, Trips: 1,
			Summary: "List roles",
			Doc:     "The roles that every store has, those that were made here, and all permissions.",
			answer:  reflect.TypeFor[RoleList](), status: http.StatusOK,
			readWith: func(*API, *input) reading {
				return reading{once: true, run: func(ctx context.Context, r *session.Read) (reply, error) {
					list, err := session.Run(ctx, r, operator.Roles())
					return reply{body: roleList(list)}, err
				}}
			},
		},
		{
			Method: http.MethodPut, Path: "/roles/{role}", ID: "set-role", Tag: "Operators", Permission: operator.WriteOperators, Writes: true, Trips: 4,
			Summary: "Make or change a role",
			Doc:     "Says what a role of this name allows: no more than the caller may. Who has it and may less than before is refused everywhere when this is answered.",
			body:    reflect.TypeFor[RoleSetting](), accepts: []string{typeJSON}, compares: true, answer: one, tagged: true, status: http.StatusOK,
			faults: []fault.Kind{fault.Conflict, fault.Stale}, writeWith: setRole,
		},
		{
			Method: http.MethodDelete, Path: "/roles/{role}", ID: "delete-role", Tag: "Operators", Permission: operator.WriteOperators, Writes: true, Trips: 4,
			Summary: "Delete a role",
			Doc:     "Takes away a role that was made here and that nobody has.",
			answer:  one, status: http.StatusOK,
			faults: []fault.Kind{fault.NotFound, fault.Conflict},
			writeWith: func(_ *API, in *input) writer {
				return in.atDesk(func(ctx context.Context, w *session.Write, principal operator.Principal) (reply, error) {
					r, err := operator.DeleteRole(ctx, w, principal, in.role)
					return reply{body: showRole(r)}, err
				})
			},
		},
	}
}

func setRole(_ *API, in *input) writer {
	var q RoleSetting
	if err := decode(in.body, &q); err != nil {
		in.refuse(err)
		return nil
	}
	version := in.oneVersion()
	return in.atDesk(func(ctx context.Context, w *session.Write, principal operator.Principal) (reply, error) {
		r, narrows, err := operator.SetRole(ctx, w, principal, in.role, q.Permissions, version)
		return reply{body: showRole(r), etag: entityTag(r.Version), narrows: narrows}, err
	})
}

func showRole(r operator.Role) Role {
	v := Role{Name: r.Name, Permissions: r.Permissions.Words(), Custom: r.Custom, Version: r.Version}
	if r.Custom {
		v.CreatedAt, v.UpdatedAt = &r.CreatedAt, &r.UpdatedAt
	}
	return v
}

func roleList(roles []operator.Role) RoleList {
	list := RoleList{Items: make([]Role, len(roles))}
	for i, r := range roles {
		list.Items[i] = showRole(r)
	}
	for _, p := range operator.Grantable() {
		list.Permissions = append(list.Permissions, Permission{p.String(), p.Meaning()})
	}
	return list
}
