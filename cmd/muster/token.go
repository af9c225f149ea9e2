package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/musterhq/muster/internal/ids"
	"github.com/musterhq/muster/internal/operator"
	"github.com/musterhq/muster/query"
	"github.com/musterhq/muster/session"
)

type tokenCmd struct {
	Create tokenCreateCmd `cmd:"" help:"Make a token and print it, and nothing else. It cannot be shown again."`
	List   tokenListCmd   `cmd:"" help:"List the tokens, the newest first, without their secrets."`
	Revoke tokenRevokeCmd `cmd:"" help:"End a token. The next request with it is refused."`
}

type tokenCreateCmd struct {
	Recording
	Format
	Operator string        `help:"Whose token it is: the name or the id of an operator. Default: the administrator that the first start made." placeholder:"NAME"`
	Name     string        `help:"Who or what uses the token. Default: the operator's name." placeholder:"NAME"`
	Scope    []string      `help:"A permission that it is limited to; can be given several times. Without any, it allows what the operator's role does. muster role list shows them." placeholder:"PERMISSION"`
	Expires  time.Duration `help:"For how long it is good, such as 720h; 0s: until it is revoked. Default: ${default}." default:"8760h" placeholder:"DURATION"`
}

// Help is shown below the flags.
func (tokenCreateCmd) Help() string {
	return `It works beside a running server.

Examples:

    TOKEN=$(muster token create)
    TOKEN=$(muster token create --operator "Kim Minji" --name "nightly report" --scope dashboard:read --expires 720h)`
}

// Run makes the token.
func (t tokenCreateCmd) Run(ctx context.Context, c console) error {
	if t.Expires < 0 {
		return &exit{exitUsage, errors.New("--expires is a time to come, such as 720h")}
	}
	return t.at(ctx, c, opening{begin: true}, func(d principal) error {
		n := operator.NewToken{Name: t.Name, Scope: t.Scope}
		if t.Expires > 0 {
			n.ExpiresAt = new(d.At.Add(t.Expires))
		}
		token, secret, err := d.createToken(ctx, t.Operator, n)
		if err != nil {
			return err
		}
		if !t.JSON {
			_, err = fmt.Fprintln(c.out, secret.Reveal())
			return err
		}
		return writeJSON(c.out, struct {
			operator.Token
			Secret string `json:"token"`
		}{token, secret.Reveal()})
	})
}

// createToken makes a token of an operator; without a name, of the first.
func (d principal) createToken(ctx context.Context, name string, n operator.NewToken) (t operator.Token, secret operator.Secret, err error) {
	err = d.write(ctx, func(w *session.Write) error {
		var owner operator.Operator
		if name == "" {
			owner, err = session.Run(ctx, w, operator.First())
		} else {
			owner, err = operator.Find(ctx, w, name)
		}
		if err != nil {
			return err
		}
		if n.Name == "" {
			n.Name = owner.Name
		}
		t, secret, err = operator.CreateToken(ctx, w, d.Principal, owner.ID, n)
		return err
	})
	return t, secret, err
}

// namedToken is a token with the name of its operator.
type namedToken struct {
	operator.Token
	OperatorName string `json:"operator"`
}

func (s *store) tokens(ctx context.Context) ([]namedToken, error) {
	var tokens []operator.Token
	var operators []operator.Operator
	err := s.db.Read(ctx, func(r *session.Read) error {
		return r.Gather(ctx, query.Into(&tokens, operator.Tokens()), query.Into(&operators, operator.Operators()))
	}, session.Once)
	if err != nil {
		return nil, fmt.Errorf("listing the tokens: %w", err)
	}
	names := make(map[ids.Operator]string, len(operators))
	for _, o := range operators {
		names[o.ID] = o.Name
	}
	list := make([]namedToken, len(tokens))
	for i, t := range tokens {
		list[i] = namedToken{t, names[t.Operator]}
	}
	return list, nil
}

type tokenListCmd struct {
	Store
	Format
}

// Help is shown below the flags.
func (tokenListCmd) Help() string {
	return `Example:

    muster token list --json | jq -r '.[].name'`
}

// Run lists the tokens.
func (t tokenListCmd) Run(ctx context.Context, c console) error {
	return t.with(ctx, opening{}, func(s *store) error {
		list, err := s.tokens(ctx)
		if err != nil {
			return err
		}
		if t.JSON {
			return writeJSON(c.out, list)
		}
		return writeTokens(c.out, list, time.Now())
	})
}

func writeTokens(out io.Writer, list []namedToken, now time.Time) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "PREFIX\tNAME\tOPERATOR\tSCOPE\tCREATED\tEXPIRES\tLAST USED\tSTATE\tID")
	for _, t := range list {
		state := "good"
		switch {
		case t.RevokedAt != nil:
			state = "revoked"
		case t.ExpiresAt != nil && !now.Before(*t.ExpiresAt):
			state = "expired"
		}
		scope := "all"
		if t.Scope != nil {
			scope = t.Scope.String()
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", t.Prefix, t.Name, t.OperatorName, scope,
			moment(&t.CreatedAt, ""), moment(t.ExpiresAt, "never"), moment(t.LastUsedAt, "never"), state, t.ID)
	}
	return w.Flush()
}

func moment(t *time.Time, absent string) string {
	if t == nil {
		return absent
	}
	return t.UTC().Format(time.RFC3339)
}

type tokenRevokeCmd struct {
	Recording
	Replicas
	Format
	Token string `arg:"" help:"The id, the prefix or the name, as in the list."`
}

// Help is shown below the flags.
func (tokenRevokeCmd) Help() string {
	return everywhere + `

Example:

    muster token revoke "nightly report"`
}

// Run revokes the token.
func (t tokenRevokeCmd) Run(ctx context.Context, c console) error {
	return t.at(ctx, c, opening{replicas: t.replicas()}, func(d principal) error {
		var revoked operator.Token
		err := d.narrow(ctx, func(w *session.Write) (err error) {
			if revoked, err = operator.FindToken(ctx, w, t.Token); err == nil {
				revoked, err = operator.RevokeToken(ctx, w, d.Principal, ids.Operator{}, revoked.ID)
			}
			return err
		})
		if err != nil {
			return err
		}
		if t.JSON {
			return writeJSON(c.out, revoked)
		}
		_, err = fmt.Fprintf(c.out, "Revoked %s (%s).\n", revoked.Prefix, revoked.Name)
		return err
	})
}

func writeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(v)
}
