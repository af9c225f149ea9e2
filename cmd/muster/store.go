package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/musterhq/muster/internal/counters"
	"github.com/musterhq/muster/internal/member"
	"github.com/musterhq/muster/internal/schema"
	"github.com/musterhq/muster/query"
	"github.com/musterhq/muster/session"
)

// Store are the flags that say where the data is.
type Store struct {
	Data string `help:"The data directory: database, media and keys. Default: ${default}." default:"./muster-data" placeholder:"DIR"`
	Postgres
}

// A store is the open database of a command. Only embedded.go and postgres.go
// know its engine.
type store struct {
	engine engine
	db     *session.DB
	state  schema.State
}

// open opens the store that the flags name.
func (s Store) open(ctx context.Context, o openOptions) (*store, error) {
	open := func(ctx context.Context, o openOptions) (engine, schema.State, error) {
		return openEmbedded(ctx, s.Data, o)
	}
	if s.Database != "" {
		open = s.openCluster
	}
	e, state, err := open(ctx, o)
	if err != nil {
		return nil, err
	}
	return &store{engine: e, db: session.New(e), state: state}, nil
}

// with opens the store, calls fn with it, and closes it.
func (s Store) with(ctx context.Context, o openOptions, fn func(*store) error) error {
	opened, err := s.open(ctx, o)
	if err != nil {
		return err
	}
	return errors.Join(fn(opened), opened.close())
}

// close waits for open sessions.
func (s *store) close() error {
	if err := s.engine.Close(); err != nil {
		return fmt.Errorf("closing the database: %w", err)
	}
	return nil
}

// useRules returns the rules of the store and has it count days in their zone. If
// the flag of the zone is not set, that is the zone it counted in before.
func (s *store) useRules(ctx context.Context, z zone, phones region) (member.Rules, error) {
	r, err := s.rules(ctx, z, phones)
	if err == nil {
		err = counters.UseZone(ctx, s.db, r.Zone)
	}
	return r, err
}

// rules is useRules for a command that changes no member.
func (s *store) rules(ctx context.Context, z zone, phones region) (member.Rules, error) {
	r := member.Rules{Region: string(phones), Zone: z.Location}
	if r.Zone != nil {
		return r, nil
	}
	name, err := ask(ctx, s.db, counters.StoredZone())
	if err != nil {
		return r, fmt.Errorf("reading the time zone of the store: %w", err)
	}
	r.Zone = time.UTC
	if name != nil {
		if r.Zone, err = time.LoadLocation(*name); err != nil {
			return r, unusable("this machine does not know the time zone in which the database counts days: %w", err)
		}
	}
	return r, nil
}

// ask returns the answer of one query.
func ask[T any](ctx context.Context, db *session.DB, q query.Query[T]) (answer T, err error) {
	err = db.Read(ctx, func(r *session.Read) (err error) {
		answer, err = session.Run(ctx, r, q)
		return err
	}, session.Once)
	return answer, err
}
