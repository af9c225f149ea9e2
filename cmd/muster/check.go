package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/musterhq/muster/internal/blob"
	"github.com/musterhq/muster/internal/counters"
	"github.com/musterhq/muster/internal/media"
	"github.com/musterhq/muster/session"
)

type checkCmd struct {
	Store
	Media
	Format
}

// findings are what a check found.
type findings struct {
	OK       bool                  `json:"ok"`
	Database []string              `json:"database"` // damage, in the words of the database
	Counters []counters.Difference `json:"counters"`
	Media    media.Found           `json:"media"`
}

func (k checkCmd) Run(ctx context.Context, c console) error {
	d, err := k.dataDir()
	if err != nil {
		return err
	}
	objects, err := k.openMedia(d, "", c.plainLog())
	if err != nil {
		return err
	}
	defer objects.Close()
	return k.with(ctx, openOptions{scan: true}, func(s *store) error {
		found, err := s.check(ctx, objects)
		if err != nil {
			return err
		}
		if err := k.print(c, found, found.text()); err != nil {
			return err
		}
		if !found.OK {
			return errFound
		}
		return nil
	})
}

// dataDir returns the data directory, if the command needs it.
func (k checkCmd) dataDir() (dataDir, error) {
	switch {
	case k.Database == "":
		return findDatabase(k.Data)
	case k.Media.Media.isS3():
		return "", nil
	default:
		return findDataDir(k.Data)
	}
}

func (s *store) check(ctx context.Context, objects blob.Store) (f findings, err error) {
	f.Counters, f.Media.Keys = []counters.Difference{}, []string{}
	if f.Database, err = s.engine.Check(ctx); err != nil || len(f.Database) > 0 {
		return f, err // what a damaged database says about the rest proves nothing
	}
	err = s.db.Read(ctx, func(r *session.Read) (err error) {
		f.Counters, err = counters.Check(ctx, r)
		return err
	})
	if err != nil {
		return f, err
	}
	if f.Media, err = media.Check(ctx, s.db, objects); err != nil {
		return f, err
	}
	f.OK = len(f.Counters) == 0 && f.Media.Missing == 0
	return f, nil
}

func (f *findings) text() string {
	var text strings.Builder
	for _, damage := range f.Database {
		fmt.Fprintln(&text, "database:", damage)
	}
	if len(f.Database) > 0 {
		fmt.Fprintln(&text, "The database is damaged: restore a backup. Counters and media were not checked.")
		return text.String()
	}
	for _, d := range f.Counters {
		fmt.Fprintf(&text, "counter %s: says %d, counted %d\n", d.What, d.Counted, d.Recounted)
	}
	for _, key := range f.Media.Keys {
		fmt.Fprintln(&text, "missing:", key)
	}
	verdict := "No differences"
	if !f.OK {
		verdict = fmt.Sprintf("%d counters differ and %d objects are missing", len(f.Counters), f.Media.Missing)
	}
	fmt.Fprintf(&text, "%s; checked %d photos and documents.\n", verdict, f.Media.Checked)
	return text.String()
}
