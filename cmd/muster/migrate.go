package main

import (
	"context"
	"fmt"
	"io"

	"github.com/musterhq/muster/internal/schema"
)

type migrateCmd struct {
	Store
	Format
	DryRun bool `help:"Show what would be done, and change nothing."`
}

func (m migrateCmd) Run(ctx context.Context, c console) error {
	state, err := m.migrate(ctx)
	if err != nil {
		return err
	}
	return m.print(c, state, func(w io.Writer) error {
		for _, name := range state.Applied {
			fmt.Fprintln(w, "applied", name)
		}
		for _, name := range state.Pending {
			fmt.Fprintln(w, "pending", name)
		}
		_, err := fmt.Fprintf(w, "The database has version %d of %d.\n", state.Version, state.Latest)
		return err
	})
}

func (m migrateCmd) migrate(ctx context.Context) (schema.State, error) {
	if m.DryRun {
		return m.inspect(ctx)
	}
	s, err := m.open(ctx, openOptions{create: true, migrate: true})
	if err != nil {
		return schema.State{}, err
	}
	return s.state, s.close()
}

func (m migrateCmd) inspect(ctx context.Context) (schema.State, error) {
	if m.Database != "" {
		return m.Postgres.inspect(ctx)
	}
	d, err := findDatabase(m.Data)
	if err != nil {
		return schema.State{}, err
	}
	return inspectEmbedded(ctx, d)
}
