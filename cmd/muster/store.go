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

// A store is the database of a command, opened. Which engine has it is known to
// embedded.go and postgres.go alone.
type store struct {
	engine engine
	db     *session.DB
	state  schema.State
}

// engine is what commands need of an engine beside its sessions.
type engine interface {
	session.Engine
	// written counts the write sessions of this process, or more.
	written() uint64
	// optimize refreshes the planner's statistics, where that is not done by
	// itself or very much was written.
	optimize(ctx context.Context, bulk bool) error
	// damage are questions whose answers say what is broken.
	damage() []query.Query[[]string]
	// history is what positions are of; nil where sessions have none.
	history() session.History
	// nodes are the servers, as they were last seen.
	nodes() []session.Node
}

// opening says what a command needs of a store.
type opening struct {
	begin    bool          // it is made where there is none
	upgrade  bool          // one of an older version is brought up to date: a server of that version may be running
	bulk     bool          // thousands of members are written
	whole    bool          // all members are read
	replicas []databaseURL // that answer reads
}

// admit says whether the command may go on with a database of that state, or
// else what to run.
func (o opening) admit(s schema.State, begin, upgrade string) error {
	switch {
	case s.Version == 0 && !o.begin:
		return unusable("the database holds no Muster: name the right one with --database, or begin with: %s", begin)
	case s.Version > 0 && len(s.Pending) > 0 && !o.upgrade:
		return unusable("the database is of an older version of Muster (%d, not %d): run %s, or serve it with this one", s.Version, s.Latest, upgrade)
	}
	return nil
}

// open opens the store that the flags name.
func (s Store) open(ctx context.Context, o opening) (*store, error) {
	open := s.openEmbedded
	if s.Database != "" {
		open = s.openCluster
	}
	e, state, err := open(ctx, o)
	if err != nil {
		return nil, err
	}
	return &store{engine: e, db: session.New(e), state: state}, nil
}

// with opens the store, hands it to fn, and closes it.
func (s Store) with(ctx context.Context, o opening, fn func(*store) error) error {
	opened, err := s.open(ctx, o)
	if err != nil {
		return err
	}
	return errors.Join(fn(opened), opened.close())
}

// close waits for what is open.
func (s *store) close() error {
	if err := s.engine.Close(); err != nil {
		return fmt.Errorf("closing the database: %w", err)
	}
	return nil
}

// rules are those of the store. Without a zone it is the one of the last time.
func (s *store) rules(ctx context.Context, z zone, phones region) (member.Rules, error) {
	r := member.Rules{Region: string(phones), Zone: z.Location}
	if r.Zone != nil {
		return r, nil
	}
	var name *string
	err := s.db.Read(ctx, func(read *session.Read) (err error) {
		name, err = session.Run(ctx, read, counters.StoredZone())
		return err
	}, session.Once)
	if err != nil {
		return r, fmt.Errorf("reading the time zone of the store: %w", err)
	}
	r.Zone = time.UTC
	if name != nil {
		if r.Zone, err = time.LoadLocation(*name); err != nil {
			return r, unusable("the database counts days in a time zone that is not known here: %w", err)
		}
	}
	return r, nil
}
