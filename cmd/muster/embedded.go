package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/musterhq/muster/engine/sqlite"
	"github.com/musterhq/muster/internal/schema"
	"github.com/musterhq/muster/query"
	"github.com/musterhq/muster/session"
)

// bulk are the options of an engine that writes thousands of members at a time:
// the pages of every index that they fall into stay in the cache of the writer,
// 48 MiB, and a write session of theirs may take its time.
var bulk = sqlite.Options{CacheKiB: 12 << 10, WriteLimit: time.Minute}

// openEmbedded opens the database of the data folder.
func (s Store) openEmbedded(ctx context.Context, o opening) (_ engine, state schema.State, err error) {
	if len(o.replicas) > 0 {
		return nil, state, &exit{exitUsage, errors.New("--replica names a server that follows another: name that one with --database")}
	}
	find := s.filled
	if o.begin {
		find = s.make
	}
	f, err := find()
	if err != nil {
		return nil, state, err
	}
	var options sqlite.Options
	if o.bulk {
		options = bulk
	}
	options.Path = f.database()
	e, err := sqlite.Open(ctx, options)
	if err != nil {
		return nil, state, fmt.Errorf("%s: %w", f.database(), err)
	}
	if state, err = f.migrate(ctx, o); err != nil {
		return nil, state, errors.Join(err, e.Close())
	}
	return embedded{e}, state, nil
}

func (f folder) migrate(ctx context.Context, o opening) (schema.State, error) {
	state, err := f.inspect(ctx)
	if err != nil {
		return state, err
	}
	o.begin = true // the file is there: what is missing is in it
	if err := o.admit(state, "", "muster migrate --data "+string(f)); err != nil {
		return state, err
	}
	state, err = schema.Migrate(ctx, f.database())
	if err != nil {
		return state, unusable("%s: %w", f.database(), err)
	}
	return state, nil
}

func (f folder) inspect(ctx context.Context) (schema.State, error) {
	state, err := schema.Inspect(ctx, f.database())
	if err != nil {
		return state, unusable("%s: %w", f.database(), err)
	}
	return state, nil
}

// embedded is the engine of the data folder.
type embedded struct{ *sqlite.Engine }

func (e embedded) written() uint64 { return e.Stats().Sessions }

func (e embedded) history() session.History { return nil }

func (e embedded) optimize(ctx context.Context, _ bool) error { return e.Optimize(ctx) }

func (e embedded) damage() []query.Query[[]string] {
	text := func(r query.Row) (s string, err error) { return s, r.Scan(&s) }
	return []query.Query[[]string]{
		query.Many("select integrity_check from pragma_integrity_check where integrity_check <> 'ok'", text),
		query.Many(`select 'a row of ' || "table" || ' belongs to none of ' || parent from pragma_foreign_key_check limit 100`, text),
	}
}

func (e embedded) nodes() []session.Node {
	s := e.Stats()
	return []session.Node{{
		Name: "sqlite", Role: session.RoleEmbedded, Healthy: true,
		Pool: session.Pool{InUse: s.Reading, Size: s.Readers},
	}}
}
