package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/musterhq/muster/engine/sqlite"
	"github.com/musterhq/muster/internal/schema"
	"github.com/musterhq/muster/session"
)

// bulk are the options for writing thousands of members at a time: the pages of
// every index that they fall into stay in the writer's cache of 48 MiB, and a
// write session may take its time.
var bulk = sqlite.Options{CacheKiB: 12 << 10, WriteLimit: time.Minute}

// openEmbedded opens the database in the data directory.
func openEmbedded(ctx context.Context, path string, o openOptions) (_ engine, state schema.State, err error) {
	if len(o.replicas) > 0 {
		return nil, state, usage("--replica names a server that follows another: name that one with --database")
	}
	find := findDatabase
	if o.create {
		find = createDataDir
	}
	d, err := find(path)
	if err != nil {
		return nil, state, err
	}
	var options sqlite.Options
	if o.bulk {
		options = bulk
	}
	options.Path = d.database()
	e, err := sqlite.Open(ctx, options)
	if err != nil {
		return nil, state, fmt.Errorf("%s: %w", d.database(), err)
	}
	if state, err = migrateEmbedded(ctx, d, o); err != nil {
		return nil, state, errors.Join(err, e.Close())
	}
	return embedded{e}, state, nil
}

func migrateEmbedded(ctx context.Context, d dataDir, o openOptions) (schema.State, error) {
	state, err := inspectEmbedded(ctx, d)
	if err != nil {
		return state, err
	}
	o.create = true // the file exists: what is missing is in it
	if err := o.admit(state, "", "muster migrate --data "+string(d)); err != nil {
		return state, err
	}
	state, err = schema.Migrate(ctx, d.database())
	if err != nil {
		return state, unusable("%s: %w", d.database(), err)
	}
	return state, nil
}

// inspectEmbedded returns the version of the database.
func inspectEmbedded(ctx context.Context, d dataDir) (schema.State, error) {
	state, err := schema.Inspect(ctx, d.database())
	if err != nil {
		return state, unusable("%s: %w", d.database(), err)
	}
	return state, nil
}

// embedded is the engine of the data directory.
type embedded struct{ *sqlite.Engine }

func (e embedded) history() session.History { return nil }

func (e embedded) optimize(ctx context.Context, _ bool) error { return e.Optimize(ctx) }

func (e embedded) Nodes() []session.Node {
	s := e.Stats()
	return []session.Node{{
		Name: "sqlite", Role: session.RoleEmbedded, Healthy: true,
		Pool: session.Pool{InUse: s.Reading, Size: s.Readers},
	}}
}
