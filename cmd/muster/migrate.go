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
	return `Serve does this by itself when it starts. Make a backup first, of the whole folder.

Example:

    muster migrate --data /var/lib/muster`
}

// Run brings the database up to date.
func (m migrateCmd) Run(ctx context.Context, c console) error {
	f, err := m.make()
	if m.DryRun {
		f, err = m.filled()
	}
	if err != nil {
		return err
	}
	state, err := m.migrate(ctx, f)
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

func (m migrateCmd) migrate(ctx context.Context, f folder) (schema.State, error) {
	if m.DryRun {
		state, err := schema.Inspect(ctx, f.database())
		if err != nil {
			return state, unusable("%s: %w", f.database(), err)
		}
		return state, nil
	}
	s, err := f.open(ctx, true)
	if err != nil {
		return schema.State{}, err
	}
	return s.state, s.close()
}
