package main

import (
	"context"
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
	Create tokenCreateCmd `cmd:"" help:"Create a token and print it. It cannot be shown again."`
	List   tokenListCmd   `cmd:"" help:"List the tokens, newest first, without their secrets."`
	Revoke tokenRevokeCmd `cmd:"" help:"Revoke a token. It is refused from the next request on."`
}

type tokenCreateCmd struct {
	AuditedStore
	Format
	Operator string        `help:"The operator that the token acts for, by name or ID. Default: the administrator that the first start created." placeholder:"NAME"`
	Name     string        `help:"The name of the person or program that uses the token. Default: the operator's name." placeholder:"NAME"`
	Scope    []string      `help:"A permission that the token is limited to; repeat the flag for several. Without it, the token allows what the operator's role allows. See muster role list." placeholder:"PERMISSION"`
	Expires  time.Duration `help:"How long the token is valid, such as 720h; 0s: until it is revoked. Default: ${default}." default:"8760h" placeholder:"DURATION"`
}

func (t tokenCreateCmd) Run(ctx context.Context, c console) error {
	if t.Expires < 0 {
		return usage("--expires must be in the future, such as 720h")
	}
	return t.asRoot(ctx, c, openOptions{create: true}, func(s rootStore) error {
		n := operator.NewToken{Name: t.Name, Scope: t.Scope}
		if t.Expires > 0 {
			n.ExpiresAt = new(s.At.Add(t.Expires))
		}
		token, secret, err := s.createToken(ctx, t.Operator, n)
		if err != nil {
			return err
		}
		result := struct {
			operator.Token
			Secret string `json:"token"`
		}{token, secret.Reveal()}
		return t.print(c, result, func(w io.Writer) error {
			_, err := fmt.Fprintln(w, secret.Reveal())
			return err
		})
	})
}

// createToken creates a token of the operator of that name; of the first one, if
// the name is empty.
func (s rootStore) createToken(ctx context.Context, name string, n operator.NewToken) (t operator.Token, secret operator.Secret, err error) {
	err = s.db.Write(ctx, func(w *session.Write) error {
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
		t, secret, err = operator.CreateToken(ctx, w, s.Principal, owner.ID, n)
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

func (t tokenListCmd) Run(ctx context.Context, c console) error {
	return t.with(ctx, openOptions{}, func(s *store) error {
		list, err := s.tokens(ctx)
		if err != nil {
			return err
		}
		return t.print(c, list, func(w io.Writer) error { return writeTokens(w, list, time.Now()) })
	})
}

func writeTokens(out io.Writer, list []namedToken, now time.Time) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "PREFIX\tNAME\tOPERATOR\tSCOPE\tCREATED\tEXPIRES\tLAST USED\tSTATE\tID")
	for _, t := range list {
		state := "valid"
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
			timeCell(&t.CreatedAt, ""), timeCell(t.ExpiresAt, "never"), timeCell(t.LastUsedAt, "never"), state, t.ID)
	}
	return w.Flush()
}

type tokenRevokeCmd struct {
	AuditedStore
	Replicas
	Format
	Token string `arg:"" help:"The ID, the prefix or the name of the token, as in the list."`
}

func (t tokenRevokeCmd) Run(ctx context.Context, c console) error {
	return t.asRoot(ctx, c, openOptions{replicas: t.replicas()}, func(s rootStore) error {
		var revoked operator.Token
		err := s.revoke(ctx, func(w *session.Write) (err error) {
			if revoked, err = operator.FindToken(ctx, w, t.Token); err == nil {
				revoked, err = operator.RevokeToken(ctx, w, s.Principal, ids.Operator{}, revoked.ID)
			}
			return err
		})
		if err != nil {
			return err
		}
		return t.print(c, revoked, func(w io.Writer) error {
			_, err := fmt.Fprintf(w, "Revoked %s (%s).\n", revoked.Prefix, revoked.Name)
			return err
		})
	})
}
