package main

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"

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
	return o.asRoot(ctx, c, openOptions{create: true}, func(s rootStore) error {
		var created operator.Operator
		err := s.db.Write(ctx, func(w *session.Write) (err error) {
			created, err = operator.Create(ctx, w, s.Principal, operator.New{Name: o.Name, Role: o.Role})
			return err
		})
		if err != nil {
			return err
		}
		return o.printOperator(c, created, "Created %s, with the role %s.\n")
	})
}

// printOperator writes an operator after a change.
func (f Format) printOperator(c console, o operator.Operator, text string) error {
	return f.print(c, o, func(w io.Writer) error {
		_, err := fmt.Fprintf(w, text, o.Name, o.Role)
		return err
	})
}

type operatorListCmd struct {
	Store
	Format
}

func (o operatorListCmd) Run(ctx context.Context, c console) error {
	return o.with(ctx, openOptions{}, func(s *store) error {
		var list []operator.Operator
		err := s.db.Read(ctx, func(r *session.Read) (err error) {
			list, err = session.Run(ctx, r, operator.Operators())
			return err
		}, session.Once)
		if err != nil {
			return fmt.Errorf("listing the operators: %w", err)
		}
		return o.print(c, list, func(out io.Writer) error {
			w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "NAME\tROLE\tCREATED\tDISABLED\tID")
			for _, o := range list {
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", o.Name, o.Role, timeCell(&o.CreatedAt, ""), timeCell(o.DisabledAt, "no"), o.ID)
			}
			return w.Flush()
		})
	})
}

// OneOperator are the flags of commands that change an operator.
type OneOperator struct {
	AuditedStore
	Replicas
	Format
	Name string `help:"The name or the ID of the operator." required:"" placeholder:"NAME"`
}

// update changes the operator and writes the result.
func (n OneOperator) update(ctx context.Context, c console, p operator.Patch, text string) error {
	return n.asRoot(ctx, c, openOptions{replicas: n.replicas()}, func(s rootStore) error {
		var updated operator.Operator
		err := s.revoke(ctx, func(w *session.Write) error {
			o, err := operator.Find(ctx, w, n.Name)
			if err == nil {
				updated, _, err = operator.Update(ctx, w, s.Principal, o.ID, p, nil)
			}
			return err
		})
		if err != nil {
			return err
		}
		return n.printOperator(c, updated, text)
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
