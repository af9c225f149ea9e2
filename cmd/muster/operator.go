package main

import (
	"context"
	"fmt"

	"github.com/musterhq/muster/internal/operator"
	"github.com/musterhq/muster/session"
)

type operatorCmd struct {
	Create  operatorCreateCmd  `cmd:"" help:"Create an operator."`
	List    operatorListCmd    `cmd:"" help:"List the operators."`
	Set     operatorSetCmd     `cmd:"" help:"Change the role or the name of an operator."`
	Disable operatorDisableCmd `cmd:"" help:"Disable an operator. Its tokens are refused from the next request on."`
	Enable  operatorEnableCmd  `cmd:"" help:"Enable an operator that was disabled."`
}

type operatorCreateCmd struct {
	AuditedStore
	Format
	Name string `help:"The name of the person or program." required:"" placeholder:"NAME"`
	Role string `help:"Its role: viewer, reviewer, manager, administrator, or a custom role." required:"" placeholder:"ROLE"`
}

func (o operatorCreateCmd) Run(ctx context.Context, c console) error {
	return o.change(ctx, c, o.Format, openOptions{create: true}, func(w *session.Write, root operator.Principal) (any, string, error) {
		created, err := operator.Create(ctx, w, root, operator.New{Name: o.Name, Role: o.Role})
		return created, fmt.Sprintf("Created %s, with the role %s.\n", created.Name, created.Role), err
	})
}

type operatorListCmd struct {
	Store
	Format
}

func (o operatorListCmd) Run(ctx context.Context, c console) error {
	return o.with(ctx, openOptions{}, func(s *store) error {
		list, err := ask(ctx, s.db, operator.Operators())
		if err != nil {
			return fmt.Errorf("listing the operators: %w", err)
		}
		return o.print(c, list, table("NAME\tROLE\tCREATED\tDISABLED\tID", list, func(o operator.Operator) string {
			return fmt.Sprintf("%s\t%s\t%s\t%s\t%s", o.Name, o.Role, timeCell(&o.CreatedAt, ""), timeCell(o.DisabledAt, "no"), o.ID)
		}))
	})
}

// OneOperator are the flags of commands that change an operator.
type OneOperator struct {
	AuditedStore
	Replicas
	Format
	Name string `help:"The name or the ID of the operator." required:"" placeholder:"NAME"`
}

// update changes the operator; text says so of its name and its role.
func (n OneOperator) update(ctx context.Context, c console, p operator.Patch, text string) error {
	return n.change(ctx, c, n.Format, openOptions{replicas: n.replicas()}, func(w *session.Write, root operator.Principal) (any, string, error) {
		found, err := operator.Find(ctx, w, n.Name)
		if err != nil {
			return nil, "", err
		}
		updated, _, err := operator.Update(ctx, w, root, found.ID, p, nil)
		return updated, fmt.Sprintf(text, updated.Name, updated.Role), err
	})
}

type operatorSetCmd struct {
	OneOperator
	Role   string `help:"The new role." placeholder:"ROLE"`
	Rename string `help:"The new name." placeholder:"NAME"`
}

func (o operatorSetCmd) Run(ctx context.Context, c console) error {
	var p operator.Patch
	if o.Role != "" {
		p.Role = &o.Role
	}
	if o.Rename != "" {
		p.Name = &o.Rename
	}
	if p == (operator.Patch{}) {
		return usage("nothing to change: give --role or --rename")
	}
	return o.update(ctx, c, p, "%s has the role %s.\n")
}

type operatorDisableCmd struct{ OneOperator }

func (o operatorDisableCmd) Run(ctx context.Context, c console) error {
	return o.update(ctx, c, operator.Patch{Disabled: new(true)}, "Disabled %s, with the role %s.\n")
}

type operatorEnableCmd struct{ OneOperator }

func (o operatorEnableCmd) Run(ctx context.Context, c console) error {
	return o.update(ctx, c, operator.Patch{Disabled: new(false)}, "Enabled %s, with the role %s.\n")
}
