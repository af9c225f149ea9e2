package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/musterhq/muster/internal/operator"
	"github.com/musterhq/muster/session"
)

type tokenCmd struct {
	Create tokenCreateCmd `cmd:"" help:"Make a token and print it, and nothing else. It cannot be shown again."`
	List   tokenListCmd   `cmd:"" help:"List the tokens, the newest first, without their secrets."`
	Revoke tokenRevokeCmd `cmd:"" help:"End a token. The next request with it is refused."`
}

type tokenCreateCmd struct {
	Store
	Format
	Name    string        `help:"Who or what uses the token." required:"" placeholder:"NAME"`
	Expires time.Duration `help:"For how long it is good, such as 720h. Without it, until it is revoked." placeholder:"DURATION"`
}

// Help is shown below the flags.
func (tokenCreateCmd) Help() string {
	return `It works beside a running server.

Example:

    TOKEN=$(muster token create --name "nightly report" --expires 720h)`
}

// Run makes the token.
func (t tokenCreateCmd) Run(ctx context.Context, c console) error {
	if t.Expires < 0 {
		return &exit{exitUsage, errors.New("--expires is a time to come, such as 720h")}
	}
	return t.with(ctx, opening{begin: true}, func(s *store) error {
		token, secret, err := s.createToken(ctx, t.Name, t.Expires)
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

func (s *store) createToken(ctx context.Context, name string, life time.Duration) (t operator.Token, secret operator.Secret, err error) {
	now := time.Now()
	err = s.db.Write(ctx, func(w *session.Write) (err error) {
		t, secret, err = operator.Create(w, name, life, now)
		return err
	})
	return t, secret, err
}

func (s *store) tokens(ctx context.Context) (list []operator.Token, err error) {
	err = s.db.Read(ctx, func(r *session.Read) (err error) {
		list, err = session.Run(ctx, r, operator.Tokens())
		return err
	}, session.Once)
	if err != nil {
		return nil, fmt.Errorf("listing the tokens: %w", err)
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

func writeTokens(out io.Writer, list []operator.Token, now time.Time) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "PREFIX\tNAME\tCREATED\tEXPIRES\tLAST USED\tSTATE\tID")
	for _, t := range list {
		state := "good"
		switch {
		case t.RevokedAt != nil:
			state = "revoked"
		case t.ExpiresAt != nil && !now.Before(*t.ExpiresAt):
			state = "expired"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", t.Prefix, t.Name,
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
	Store
	Format
	Token string `arg:"" help:"The id, the prefix or the name, as in the list."`
}

// Help is shown below the flags.
func (tokenRevokeCmd) Help() string {
	return `Example:

    muster token revoke "nightly report"`
}

// Run revokes the token.
func (t tokenRevokeCmd) Run(ctx context.Context, c console) error {
	return t.with(ctx, opening{}, func(s *store) error {
		var revoked operator.Token
		now := time.Now()
		err := s.db.Write(ctx, func(w *session.Write) (err error) {
			revoked, err = operator.Revoke(ctx, w, t.Token, now)
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
