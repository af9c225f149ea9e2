package main

import (
	"context"
	"fmt"
	"strings"

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
	var text strings.Builder
	for _, name := range state.Applied {
		fmt.Fprintln(&text, "applied", name)
	}
	for _, name := range state.Pending {
		fmt.Fprintln(&text, "pending", name)
	}
	fmt.Fprintf(&text, "The database has version %d of %d.\n", state.Version, state.Latest)
	return m.print(c, state, text.String())
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
