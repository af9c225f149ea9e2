package main

import (
	"context"

	"github.com/musterhq/muster/internal/schema"
	"github.com/musterhq/muster/session"
)

// engine is what commands need of an engine beside its sessions.
type engine interface {
	session.Engine
	// optimize refreshes the planner's statistics, if the database does not do so
	// by itself or much was written.
	optimize(ctx context.Context, bulk bool) error
	// Check returns what is damaged.
	Check(ctx context.Context) ([]string, error)
	// history is what positions belong to; nil where sessions have none.
	history() session.History
	// Nodes returns the last known state of the servers.
	Nodes() []session.Node
}

// openOptions say what a command needs of a store.
type openOptions struct {
	create   bool          // the store if there is none
	migrate  bool          // an older store: a server of that version may be running
	bulk     bool          // to write thousands of members
	scan     bool          // to read all members
	replicas []databaseURL // that answer reads
}

// admit refuses a database that the command cannot use in its state, and says
// what to run.
func (o openOptions) admit(s schema.State, create, migrate string) error {
	switch {
	case s.Version == 0 && !o.create:
		return unusable("the database holds no Muster store: name the right one with --database, or create one with: %s", create)
	case s.Version > 0 && len(s.Pending) > 0 && !o.migrate:
		return unusable("the database has an older version (%d, not %d): run %s, or serve it with this version of Muster", s.Version, s.Latest, migrate)
	}
	return nil
}
