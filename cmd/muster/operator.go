package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/user"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/musterhq/muster/internal/audit"
	"github.com/musterhq/muster/internal/operator"
	"github.com/musterhq/muster/session"
)

// Recording are the flags of commands that change something for which somebody
// may be asked: they write the record.
type Recording struct {
	Store
	Keyring
}

// principal is where a command asks for what operators may: with every right, for it
// has the database, and on the record.
type principal struct {
	operator.Principal
	*store
}

// at opens the store and the record, with a first administrator if there is
// none, and hands both to fn.
func (r Recording) at(ctx context.Context, c console, o opening, fn func(principal) error) error {
	return r.with(ctx, o, func(s *store) error {
		l, err := s.auditLog(ctx, r.keys(folder(r.Data)), false, c.plainLog())
		if err != nil {
			return err
		}
		d := principal{operator.Principal{Caller: operator.Root(), Recorder: l.Recorder(commandLine()), At: time.Now()}, s}
		if err := d.settle(ctx); err != nil {
			return err
		}
		return fn(d)
	})
}

// settle makes the first administrator of a store that has no operators.
func (d principal) settle(ctx context.Context) error {
	if err := d.write(ctx, func(w *session.Write) error { return operator.EnsureAdministrator(ctx, w, d.Principal) }); err != nil {
		return fmt.Errorf("making the first administrator: %w", err)
	}
	return nil
}

// commandLine is who acts from the command line: the account, as far as the
// system knows it.
func commandLine() audit.Actor {
	source := "command line"
	if u, err := user.Current(); err == nil {
		source += ", " + u.Username
	}
	return audit.Actor{Source: source}
}

func (s *store) write(ctx context.Context, fn func(*session.Write) error) error {
	return s.db.Write(ctx, fn)
}

// narrow is write for a change that takes rights away: it returns when no server
// of the database honours them any more.
func (s *store) narrow(ctx context.Context, fn func(*session.Write) error) error {
	ctx, cost := session.Track(ctx, "")
	if err := s.write(ctx, fn); err != nil {
		return err
	}
	h := s.engine.history()
	if h == nil {
		return nil
	}
	if err := h.AwaitReplicas(ctx, cost.Total().Position); err != nil {
		return fmt.Errorf("it is done, but a server of the database may not know it yet; run the command again to be sure: %w", err)
	}
	return nil
}

func (s *store) read(ctx context.Context, fn func(*session.Read) error) error {
	return s.db.Read(ctx, fn)
}

type operatorCmd struct {
	Create  operatorCreateCmd  `cmd:"" help:"Make an operator, who calls with tokens."`
	List    operatorListCmd    `cmd:"" help:"List the operators."`
	Set     operatorSetCmd     `cmd:"" help:"Give an operator another role, or another name."`
	Disable operatorDisableCmd `cmd:"" help:"Have an operator do nothing from now on. Its tokens are refused with the next request."`
	Enable  operatorEnableCmd  `cmd:"" help:"Enable an operator again."`
}

type operatorCreateCmd struct {
	Recording
	Format
	Name string `help:"Who it is: a person, or a program." required:"" placeholder:"NAME"`
	Role string `help:"What it may do: viewer, reviewer, manager, administrator, or a role that was made here." required:"" placeholder:"ROLE"`
}

// Help is shown below the flags.
func (operatorCreateCmd) Help() string {
	return `It works beside a running server.

Example:

    muster operator create --name "Kim Minji" --role reviewer
    muster token create --operator "Kim Minji"`
}

// Run makes the operator.
func (o operatorCreateCmd) Run(ctx context.Context, c console) error {
	return o.at(ctx, c, opening{begin: true}, func(d principal) error {
		var made operator.Operator
		err := d.write(ctx, func(w *session.Write) (err error) {
			made, err = operator.Create(ctx, w, d.Principal, operator.New{Name: o.Name, Role: o.Role})
			return err
		})
		return o.tell(c, made, err, "Made %s, with the role %s.\n")
	})
}

// tell writes what became of an operator.
func (f Format) tell(c console, o operator.Operator, err error, text string) error {
	switch {
	case err != nil:
		return err
	case f.JSON:
		return writeJSON(c.out, o)
	}
	_, err = fmt.Fprintf(c.out, text, o.Name, o.Role)
	return err
}

type operatorListCmd struct {
	Store
	Format
}

// Help is shown below the flags.
func (operatorListCmd) Help() string {
	return `Example:

    muster operator list --json | jq -r '.[] | select(.disabled_at == null).name'`
}

// Run lists the operators.
func (o operatorListCmd) Run(ctx context.Context, c console) error {
	return o.with(ctx, opening{}, func(s *store) error {
		var list []operator.Operator
		err := s.read(ctx, func(r *session.Read) (err error) {
			list, err = session.Run(ctx, r, operator.Operators())
			return err
		})
		switch {
		case err != nil:
			return fmt.Errorf("listing the operators: %w", err)
		case o.JSON:
			return writeJSON(c.out, list)
		}
		return writeOperators(c.out, list)
	})
}

func writeOperators(out io.Writer, list []operator.Operator) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "NAME\tROLE\tCREATED\tDISABLED\tID")
	for _, o := range list {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", o.Name, o.Role, moment(&o.CreatedAt, ""), moment(o.DisabledAt, "no"), o.ID)
	}
	return w.Flush()
}

// Named are the flags of commands about one operator.
type Named struct {
	Recording
	Replicas
	Format
	Name string `help:"The name or the id of the operator." required:"" placeholder:"NAME"`
}

// change changes the operator and tells what became of it.
func (n Named) change(ctx context.Context, c console, p operator.Patch, text string) error {
	return n.at(ctx, c, opening{replicas: n.replicas()}, func(d principal) error {
		var changed operator.Operator
		err := d.narrow(ctx, func(w *session.Write) error {
			o, err := operator.Find(ctx, w, n.Name)
			if err == nil {
				changed, _, err = operator.Update(ctx, w, d.Principal, o.ID, p, nil)
			}
			return err
		})
		return n.tell(c, changed, err, text)
	})
}

const everywhere = `On PostgreSQL with replicas, name these with --replica, as for serve: the command then returns when no server honours the old rights any more.`

type operatorSetCmd struct {
	Named
	Role   string `help:"The role that it gets." placeholder:"ROLE"`
	Rename string `help:"The name that it gets." placeholder:"NAME"`
}

// Help is shown below the flags.
func (operatorSetCmd) Help() string {
	return `The next request is made with the new rights. ` + everywhere + `

Example:

    muster operator set --name "Kim Minji" --role manager`
}

// Run changes the operator.
func (o operatorSetCmd) Run(ctx context.Context, c console) error {
	var p operator.Patch
	if o.Role != "" {
		p.Role = &o.Role
	}
	if o.Rename != "" {
		p.Name = &o.Rename
	}
	if p == (operator.Patch{}) {
		return &exit{exitUsage, errors.New("--role or --rename says what is to change")}
	}
	return o.change(ctx, c, p, "%s has the role %s.\n")
}

type operatorDisableCmd struct{ Named }

// Help is shown below the flags.
func (operatorDisableCmd) Help() string {
	return everywhere + `

Example:

    muster operator disable --name "Kim Minji"`
}

// Run disables the operator.
func (o operatorDisableCmd) Run(ctx context.Context, c console) error {
	return o.change(ctx, c, operator.Patch{Disabled: new(true)}, "Disabled %s, with the role %s.\n")
}

type operatorEnableCmd struct{ Named }

// Help is shown below the flags.
func (operatorEnableCmd) Help() string {
	return `Its tokens are taken again, as far as they were not revoked.

Example:

    muster operator enable --name "Kim Minji"`
}

// Run enables the operator.
func (o operatorEnableCmd) Run(ctx context.Context, c console) error {
	return o.change(ctx, c, operator.Patch{Disabled: new(false)}, "Enabled %s, with the role %s.\n")
}

type roleCmd struct {
	List   roleListCmd   `cmd:"" help:"List the roles and what they allow."`
	Set    roleSetCmd    `cmd:"" help:"Make a role, or change what it allows."`
	Delete roleDeleteCmd `cmd:"" help:"Delete a role that nobody has."`
}

type roleListCmd struct {
	Store
	Format
}

// Help is shown below the flags.
func (roleListCmd) Help() string {
	return `Example:

    muster role list`
}

// toldRole is a role as it is told.
type toldRole struct {
	Name        string   `json:"name"`
	Permissions []string `json:"permissions"`
	Custom      bool     `json:"custom"`
}

func tellRole(r operator.Role) toldRole { return toldRole{r.Name, r.Permissions.Words(), r.Custom} }

// Run lists the roles.
func (r roleListCmd) Run(ctx context.Context, c console) error {
	return r.with(ctx, opening{}, func(s *store) error {
		var list []operator.Role
		err := s.read(ctx, func(read *session.Read) (err error) {
			list, err = session.Run(ctx, read, operator.Roles())
			return err
		})
		if err != nil {
			return fmt.Errorf("listing the roles: %w", err)
		}
		told := make([]toldRole, len(list))
		for i := range list {
			told[i] = tellRole(list[i])
		}
		if r.JSON {
			return writeJSON(c.out, told)
		}
		w := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "ROLE\tALLOWS")
		for _, r := range told {
			fmt.Fprintf(w, "%s\t%s\n", r.Name, strings.Join(r.Permissions, " "))
		}
		return w.Flush()
	})
}

type roleSetCmd struct {
	Recording
	Replicas
	Format
	Role       string   `arg:"" help:"The name of the role." placeholder:"ROLE"`
	Permission []string `help:"What it allows; can be given several times. Without any, nothing." placeholder:"PERMISSION"`
}

// Help is shown below the flags.
func (roleSetCmd) Help() string {
	list := operator.Grantable()
	lines := make([]string, len(list))
	for i, p := range list {
		lines[i] = fmt.Sprintf("    %-18s %s", p, p.Meaning())
	}
	return everywhere + "\n\nThe permissions:\n\n" + strings.Join(lines, "\n") + `

Example:

    muster role set accountant --permission dashboard:read --permission members:read`
}

// Run makes or changes the role.
func (r roleSetCmd) Run(ctx context.Context, c console) error {
	return r.at(ctx, c, opening{begin: true, replicas: r.replicas()}, func(d principal) error {
		var role operator.Role
		err := d.narrow(ctx, func(w *session.Write) (err error) {
			role, _, err = operator.SetRole(ctx, w, d.Principal, r.Role, r.Permission, nil)
			return err
		})
		switch {
		case err != nil:
			return err
		case r.JSON:
			return writeJSON(c.out, tellRole(role))
		}
		_, err = fmt.Fprintf(c.out, "%s allows: %s\n", role.Name, role.Permissions)
		return err
	})
}

type roleDeleteCmd struct {
	Recording
	Role string `arg:"" help:"The name of the role." placeholder:"ROLE"`
}

// Help is shown below the flags.
func (roleDeleteCmd) Help() string {
	return `Example:

    muster role delete accountant`
}

// Run deletes the role.
func (r roleDeleteCmd) Run(ctx context.Context, c console) error {
	return r.at(ctx, c, opening{}, func(d principal) error {
		err := d.write(ctx, func(w *session.Write) error {
			_, err := operator.DeleteRole(ctx, w, d.Principal, r.Role)
			return err
		})
		if err == nil {
			_, err = fmt.Fprintf(c.out, "Deleted %s.\n", r.Role)
		}
		return err
	})
}
