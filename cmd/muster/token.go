package main

import (
	"context"
	"fmt"
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
	return t.change(ctx, c, t.Format, openOptions{create: true}, func(w *session.Write, root operator.Principal) (any, string, error) {
		n := operator.NewToken{Name: t.Name, Scope: t.Scope}
		if t.Expires > 0 {
			n.ExpiresAt = new(root.At.Add(t.Expires))
		}
		token, secret, err := createToken(ctx, w, root, t.Operator, n)
		result := struct {
			operator.Token
			Secret string `json:"token"`
		}{token, secret.Reveal()}
		return result, secret.Reveal() + "\n", err
	})
}

// createToken creates a token of the operator of that name; of the first one, if
// the name is empty.
func createToken(ctx context.Context, w *session.Write, root operator.Principal, name string, n operator.NewToken) (t operator.Token, secret operator.Secret, err error) {
	var owner operator.Operator
	if name == "" {
		owner, err = session.Run(ctx, w, operator.First())
	} else {
		owner, err = operator.Find(ctx, w, name)
	}
	if err != nil {
		return t, secret, err
	}
	if n.Name == "" {
		n.Name = owner.Name
	}
	return operator.CreateToken(ctx, w, root, owner.ID, n)
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
		return t.print(c, list, table("PREFIX\tNAME\tOPERATOR\tSCOPE\tCREATED\tEXPIRES\tLAST USED\tSTATE\tID", list, namedToken.row))
	})
}

func (t namedToken) row() string {
	state := "valid"
	switch {
	case t.RevokedAt != nil:
		state = "revoked"
	case t.ExpiresAt != nil && !time.Now().Before(*t.ExpiresAt):
		state = "expired"
	}
	scope := "all"
	if t.Scope != nil {
		scope = t.Scope.String()
	}
	return fmt.Sprintf("%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s", t.Prefix, t.Name, t.OperatorName, scope,
		timeCell(&t.CreatedAt, ""), timeCell(t.ExpiresAt, "never"), timeCell(t.LastUsedAt, "never"), state, t.ID)
}

type tokenRevokeCmd struct {
	AuditedStore
	Replicas
	Format
	Token string `arg:"" help:"The ID, the prefix or the name of the token, as in the list."`
}

func (t tokenRevokeCmd) Run(ctx context.Context, c console) error {
	return t.change(ctx, c, t.Format, openOptions{replicas: t.replicas()}, func(w *session.Write, root operator.Principal) (any, string, error) {
		found, err := operator.FindToken(ctx, w, t.Token)
		if err != nil {
			return nil, "", err
		}
		revoked, err := operator.RevokeToken(ctx, w, root, ids.Operator{}, found.ID)
		return revoked, fmt.Sprintf("Revoked %s (%s).\n", revoked.Prefix, revoked.Name), err
	})
}
