package main

import (
	"context"
	"fmt"

	"github.com/musterhq/muster/internal/operator"
	"github.com/musterhq/muster/session"
)

type roleCmd struct {
	List   roleListCmd   `cmd:"" help:"List the roles and what they allow."`
	Set    roleSetCmd    `cmd:"" help:"Create a custom role, or change what it allows."`
	Delete roleDeleteCmd `cmd:"" help:"Delete a custom role that no operator has."`
}

type roleListCmd struct {
	Store
	Format
}

// roleJSON is a role as JSON.
type roleJSON struct {
	Name        string   `json:"name"`
	Permissions []string `json:"permissions"`
	Custom      bool     `json:"custom"`
}

func newRoleJSON(r operator.Role) roleJSON {
	return roleJSON{r.Name, r.Permissions.Words(), r.Custom}
}

func (r roleListCmd) Run(ctx context.Context, c console) error {
	return r.with(ctx, openOptions{}, func(s *store) error {
		roles, err := ask(ctx, s.db, operator.Roles())
		if err != nil {
			return fmt.Errorf("listing the roles: %w", err)
		}
		list := make([]roleJSON, len(roles))
		for i := range roles {
			list[i] = newRoleJSON(roles[i])
		}
		return r.print(c, list, table("ROLE\tALLOWS", roles, func(role operator.Role) string {
			return role.Name + "\t" + role.Permissions.String()
		}))
	})
}

type roleSetCmd struct {
	AuditedStore
	Replicas
	Format
	Role       string   `arg:"" help:"The name of the role." placeholder:"ROLE"`
	Permission []string `help:"A permission that the role grants. Repeat the flag for several; without it, the role allows nothing." placeholder:"PERMISSION"`
}

func (r roleSetCmd) Run(ctx context.Context, c console) error {
	return r.change(ctx, c, r.Format, openOptions{create: true, replicas: r.replicas()}, func(w *session.Write, root operator.Principal) (any, string, error) {
		role, _, err := operator.SetRole(ctx, w, root, r.Role, r.Permission, nil)
		return newRoleJSON(role), fmt.Sprintf("%s allows: %s\n", role.Name, role.Permissions), err
	})
}

type roleDeleteCmd struct {
	AuditedStore
	Role string `arg:"" help:"The name of the role." placeholder:"ROLE"`
}

func (r roleDeleteCmd) Run(ctx context.Context, c console) error {
	return r.change(ctx, c, Format{}, openOptions{}, func(w *session.Write, root operator.Principal) (any, string, error) {
		_, err := operator.DeleteRole(ctx, w, root, r.Role)
		return nil, fmt.Sprintf("Deleted %s.\n", r.Role), err
	})
}
