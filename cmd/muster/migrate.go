package main

import (
	"context"
	"fmt"

	"github.com/musterhq/muster/internal/schema"
)

type migrateCmd struct {
	Store
	Format
	DryRun bool `help:"Only say what would be done."`
}

// Help is shown below the flags.
func (migrateCmd) Help() string {
	return `Serve does this by itself when it starts. Make a backup first, of the whole folder, or of the PostgreSQL database.

Example:

    muster migrate --data /var/lib/muster`
}

// Run brings the database up to date.
func (m migrateCmd) Run(ctx context.Context, c console) error {
	state, err := m.migrate(ctx)
	if err != nil {
		return err
	}
	if m.JSON {
		return writeJSON(c.out, state)
	}
	for _, name := range state.Applied {
		fmt.Fprintln(c.out, "applied", name)
	}
	for _, name := range state.Pending {
		fmt.Fprintln(c.out, "pending", name)
	}
	_, err = fmt.Fprintf(c.out, "The database has version %d of %d.\n", state.Version, state.Latest)
	return err
}

func (m migrateCmd) migrate(ctx context.Context) (schema.State, error) {
	if m.DryRun {
		return m.inspect(ctx)
	}
	s, err := m.open(ctx, opening{begin: true, upgrade: true})
	if err != nil {
		return schema.State{}, err
	}
	return s.state, s.close()
}

func (m migrateCmd) inspect(ctx context.Context) (schema.State, error) {
	if m.Database != "" {
		return m.Postgres.inspect(ctx)
	}
	f, err := m.filled()
	if err != nil {
		return schema.State{}, err
	}
	return f.inspect(ctx)
}
