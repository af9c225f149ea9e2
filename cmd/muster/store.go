package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/musterhq/muster/engine/sqlite"
	"github.com/musterhq/muster/internal/blob/dir"
	"github.com/musterhq/muster/internal/member"
	"github.com/musterhq/muster/internal/schema"
	"github.com/musterhq/muster/session"
)

// A store is the database of a data folder, opened.
type store struct {
	folder folder
	engine *sqlite.Engine
	db     *session.DB
	state  schema.State
}

// open opens the folder's database, and makes it if it is not there. One of an
// older version is brought up to date only when upgrade says so: a server of
// that version may be running.
func (f folder) open(ctx context.Context, upgrade bool) (s *store, err error) {
	engine, err := sqlite.Open(ctx, sqlite.Options{Path: f.database()})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.database(), err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, engine.Close())
		}
	}()
	state, err := f.migrate(ctx, upgrade)
	if err != nil {
		return nil, err
	}
	return &store{folder: f, engine: engine, db: session.New(engine), state: state}, nil
}

func (f folder) migrate(ctx context.Context, upgrade bool) (schema.State, error) {
	state, err := schema.Inspect(ctx, f.database())
	if err != nil {
		return state, unusable("%s: %w", f.database(), err)
	}
	if state.Version > 0 && len(state.Pending) > 0 && !upgrade {
		return state, unusable("the database is of an older version of Muster (%d, not %d): run muster migrate --data %s, or serve it with this one", state.Version, state.Latest, f)
	}
	state, err = schema.Migrate(ctx, f.database())
	if err != nil {
		return state, unusable("%s: %w", f.database(), err)
	}
	return state, nil
}

// close waits for what is open.
func (s *store) close() error {
	if err := s.engine.Close(); err != nil {
		return fmt.Errorf("closing the database: %w", err)
	}
	return nil
}

// with opens the database, hands it to fn, and closes it.
func (f folder) with(ctx context.Context, fn func(*store) error) error {
	s, err := f.open(ctx, false)
	if err != nil {
		return err
	}
	return errors.Join(fn(s), s.close())
}

// rules are those of the store. Without a zone it is the one of the last time.
func (s *store) rules(ctx context.Context, z zone, phones region) (member.Rules, error) {
	r := member.Rules{Region: string(phones), Zone: z.Location}
	if r.Zone != nil {
		return r, nil
	}
	var name *string
	err := s.db.Read(ctx, func(read *session.Read) (err error) {
		name, err = session.Run(ctx, read, member.StoredZone())
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

// media opens the objects of the data folder.
func (f folder) openMedia(k keys, base string, log *slog.Logger) (*dir.Store, error) {
	m, err := dir.New(dir.Config{Folder: f.media(), Base: base, Secrets: k.media, Log: log})
	if err != nil {
		return nil, unusable("%w", err)
	}
	return m, nil
}
