package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

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
		var roles []operator.Role
		err := s.db.Read(ctx, func(read *session.Read) (err error) {
			roles, err = session.Run(ctx, read, operator.Roles())
			return err
		}, session.Once)
		if err != nil {
			return fmt.Errorf("listing the roles: %w", err)
		}
		list := make([]roleJSON, len(roles))
		for i := range roles {
			list[i] = newRoleJSON(roles[i])
		}
		return r.print(c, list, func(out io.Writer) error {
			w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "ROLE\tALLOWS")
			for _, role := range list {
				fmt.Fprintf(w, "%s\t%s\n", role.Name, strings.Join(role.Permissions, " "))
			}
			return w.Flush()
		})
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
	return r.asRoot(ctx, c, openOptions{create: true, replicas: r.replicas()}, func(s rootStore) error {
		var role operator.Role
		err := s.revoke(ctx, func(w *session.Write) (err error) {
			role, _, err = operator.SetRole(ctx, w, s.Principal, r.Role, r.Permission, nil)
			return err
		})
		if err != nil {
			return err
		}
		return r.print(c, newRoleJSON(role), func(w io.Writer) error {
			_, err := fmt.Fprintf(w, "%s allows: %s\n", role.Name, role.Permissions)
			return err
		})
	})
}

type roleDeleteCmd struct {
	AuditedStore
	Role string `arg:"" help:"The name of the role." placeholder:"ROLE"`
}

func (r roleDeleteCmd) Run(ctx context.Context, c console) error {
	return r.asRoot(ctx, c, openOptions{}, func(s rootStore) error {
		err := s.db.Write(ctx, func(w *session.Write) error {
			_, err := operator.DeleteRole(ctx, w, s.Principal, r.Role)
			return err
		})
		if err == nil {
			_, err = fmt.Fprintf(c.out, "Deleted %s.\n", r.Role)
		}
		return err
	})
}
