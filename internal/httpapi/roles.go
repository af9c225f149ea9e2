package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/internal/field"
	"github.com/musterhq/muster/internal/operator"
	"github.com/musterhq/muster/internal/rest"
	"github.com/musterhq/muster/query"
	"github.com/musterhq/muster/session"
)

// roles are the operations on roles.
type roles struct{ *tokens }

// Role is a role as the API shows it.
type Role struct {
	Name        string          `json:"name" doc:"The name." example:"accountant" readOnly:"true"`
	Permissions []operator.Word `json:"permissions" doc:"The permissions of the role." example:"dashboard:read"`
	Custom      bool            `json:"custom" doc:"Whether the role is custom and can be changed, or is built in." readOnly:"true"`
	CreatedAt   *time.Time      `json:"created_at" doc:"The time of creation; null for a built-in role." readOnly:"true"`
	UpdatedAt   *time.Time      `json:"updated_at" doc:"The time of the last change; null for a built-in role." readOnly:"true"`
	Version     int64           `json:"version" doc:"The version, which grows with every change; 0 for a built-in role." example:"1" minimum:"0" readOnly:"true"`
}

// RoleList is all roles, and all permissions that a role can have.
type RoleList struct {
	Items       []Role       `json:"items" doc:"The roles."`
	Permissions []Permission `json:"permissions" doc:"All permissions that a role can have."`
}

// Permission is a permission that a role can have.
type Permission struct {
	Name    string `json:"name" doc:"The word for the permission." example:"members:read" readOnly:"true"`
	Meaning string `json:"meaning" doc:"What the permission allows." example:"to list and open members, with what is masked left masked" readOnly:"true"`
}

// RoleSetting is what a role is to allow.
type RoleSetting struct {
	Permissions []operator.Word `json:"permissions" doc:"The permissions of the role." example:"dashboard:read" required:"true"`
}

func (o roles) operations() []*rest.Endpoint {
	return []*rest.Endpoint{
		rest.Query(rest.Operation{
			Method: http.MethodGet, Path: "/roles", ID: "list-roles", Tag: "Operators", Trips: 1,
			Summary: "List roles",
			Doc:     "Returns the built-in roles, the custom roles, and all permissions.",
		}, o.may(operator.ReadOperators), o.list),
		rest.Write(rest.Operation{
			Method: http.MethodPut, Path: "/roles/{role}", ID: "set-role", Tag: "Operators", Trips: 4,
			Summary: "Create or update a role",
			Doc:     "Sets the permissions of a custom role: no more than the caller has. Once this is answered, every server applies them.",
			Faults:  []fault.Kind{fault.Conflict, fault.Stale},
			Example: map[string]any{"permissions": []string{"members:read", "dashboard:read"}},
		}, o.may(operator.WriteOperators), byPrincipal(o.set)),
		rest.Write(rest.Operation{
			Method: http.MethodDelete, Path: "/roles/{role}", ID: "delete-role", Tag: "Operators", Trips: 4,
			Summary: "Delete a role",
			Doc:     "Deletes a custom role that no operator has.",
			Faults:  []fault.Kind{fault.NotFound, fault.Conflict},
		}, o.may(operator.WriteOperators), byPrincipal(o.delete)),
	}
}

func (o roles) list(*Call, struct{}) query.Query[RoleList] {
	return query.Map(operator.Roles(), func(roles []operator.Role) (RoleList, error) {
		list := RoleList{Items: make([]Role, len(roles))}
		for i, r := range roles {
			list.Items[i] = showRole(r)
		}
		for _, p := range operator.Grantable() {
			list.Permissions = append(list.Permissions, Permission{p.String(), p.Meaning()})
		}
		return list, nil
	})
}

type setRole struct {
	rolePath
	rest.IfMatch
	RoleSetting
}

func (o roles) set(ctx context.Context, w *session.Write, p operator.Principal, in setRole) (changed rest.Replicated[rest.Tagged[Role]], err error) {
	r, narrows, err := operator.SetRole(ctx, w, p, in.Role, field.Strings(in.Permissions), in.One())
	changed.Value, changed.Narrow = rest.Tagged[Role]{Value: showRole(r), ETag: rest.ETag(r.Version)}, narrows
	return changed, err
}

func (o roles) delete(ctx context.Context, w *session.Write, p operator.Principal, in rolePath) (Role, error) {
	r, err := operator.DeleteRole(ctx, w, p, in.Role)
	return showRole(r), err
}

func showRole(r operator.Role) Role {
	v := Role{Name: r.Name, Permissions: []operator.Word{}, Custom: r.Custom, Version: r.Version}
	for _, word := range r.Permissions.Words() {
		v.Permissions = append(v.Permissions, operator.Word(word))
	}
	if r.Custom {
		v.CreatedAt, v.UpdatedAt = &r.CreatedAt, &r.UpdatedAt
	}
	return v
}
