package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/musterhq/muster/internal/blob"
	"github.com/musterhq/muster/internal/dashboard"
	"github.com/musterhq/muster/internal/ids"
	"github.com/musterhq/muster/query"
	"github.com/musterhq/muster/session"
)

type checkCmd struct {
	Store
	Media
	Format
}

// Help is shown below the flags.
func (checkCmd) Help() string {
	return `It counts all members anew and compares the counters, has SQLite look for damage (with PostgreSQL, see pg_amcheck), and looks for the object of each photo and document. It changes nothing and works beside a running server. It exits with 1 when something differs.

Example:

    muster check --json | jq .ok`
}

// findings are what a check found. The lists hold the first maxFindings.
type findings struct {
	OK       bool                   `json:"ok"`
	Database []string               `json:"database"` // damage, in its own words
	Counters []dashboard.Difference `json:"counters"`
	Media    mediaFindings          `json:"media"`
}

type mediaFindings struct {
	Checked int      `json:"checked"`
	Missing int      `json:"missing"`
	Keys    []string `json:"keys"`
}

const maxFindings = 100

// Run checks the data folder.
func (k checkCmd) Run(ctx context.Context, c console) error {
	f, err := k.folder()
	if err != nil {
		return err
	}
	media, err := k.openMedia(f, "", c.plainLog())
	if err != nil {
		return err
	}
	defer media.Close()
	return k.with(ctx, opening{whole: true}, func(s *store) error {
		found, err := s.check(ctx, media)
		if err != nil {
			return err
		}
		write := found.write
		if k.JSON {
			write = func(w io.Writer) error { return writeJSON(w, found) }
		}
		if err := write(c.out); err != nil {
			return err
		}
		if !found.OK {
			return errFound
		}
		return nil
	})
}

// folder gives the data folder, if any of what is checked is in it.
func (k checkCmd) folder() (folder, error) {
	switch {
	case k.Database == "":
		return k.filled()
	case k.Media.Media.isS3():
		return "", nil
	default:
		return k.existing()
	}
}

func (s *store) check(ctx context.Context, media blob.Store) (f findings, err error) {
	f.Counters, f.Media.Keys = []dashboard.Difference{}, []string{}
	if f.Database, err = s.checkDatabase(ctx); err != nil {
		return f, err
	}
	if len(f.Database) > 0 {
		return f, nil // what a damaged database says of the rest is not to be believed
	}
	err = s.db.Read(ctx, func(r *session.Read) (err error) {
		f.Counters, err = dashboard.Check(ctx, r)
		return err
	})
	if err != nil {
		return f, fmt.Errorf("recounting: %w", err)
	}
	for _, table := range []string{"photos", "documents"} {
		if err := s.checkObjects(ctx, media, table, &f.Media); err != nil {
			return f, fmt.Errorf("looking for the objects of %s: %w", table, err)
		}
	}
	f.OK = len(f.Counters) == 0 && f.Media.Missing == 0
	return f, nil
}

// checkDatabase asks the database itself.
func (s *store) checkDatabase(ctx context.Context) ([]string, error) {
	questions := s.engine.damage()
	answers, parts := make([][]string, len(questions)), make([]query.Part, len(questions))
	for i, q := range questions {
		parts[i] = query.Into(&answers[i], q)
	}
	err := s.db.Read(ctx, func(r *session.Read) error { return r.Gather(ctx, parts...) })
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case errors.Is(err, session.ErrUnavailable):
		return []string{"it cannot be read whole: " + err.Error()}, nil
	case err != nil:
		return nil, fmt.Errorf("checking the database: %w", err)
	}
	found := slices.Concat(answers...)
	return found[:min(len(found), maxFindings)], nil
}

// objectRow is where a photo or document is, in the order of the primary key.
type objectRow struct {
	member ids.Member
	id     ids.Row
	key    string
}

const objectPage = 1000

// checkObjects looks for the object of each row of the table, page by page: a
// snapshot held for long would keep the log of a running server from being
// written back.
func (s *store) checkObjects(ctx context.Context, media blob.Store, table string, f *mediaFindings) error {
	var last objectRow
	for {
		var page []objectRow
		err := s.db.Read(ctx, func(r *session.Read) (err error) {
			page, err = session.Run(ctx, r, objectsAfter(table, last))
			return err
		}, session.Once)
		if err != nil {
			return err
		}
		for _, row := range page {
			if err := f.look(ctx, media, row.key); err != nil {
				return err
			}
		}
		if len(page) < objectPage {
			return nil
		}
		last = page[len(page)-1]
	}
}

func objectsAfter(table string, last objectRow) query.Query[[]objectRow] {
	return query.Many(`select member_id, id, s3_key from `+table+`
		where (member_id, id) > ($1, $2) and deleted_at is null order by member_id, id limit $3`,
		func(r query.Row) (o objectRow, err error) { return o, r.Scan(&o.member, &o.id, &o.key) },
		last.member, last.id, objectPage)
}

func (f *mediaFindings) look(ctx context.Context, media blob.Store, key string) error {
	f.Checked++
	o, err := media.Open(ctx, key)
	switch {
	case err == nil:
		return o.Close()
	case errors.Is(err, blob.ErrNotFound), errors.Is(err, blob.ErrKey):
		f.Missing++
		if len(f.Keys) < maxFindings {
			f.Keys = append(f.Keys, key)
		}
		return nil
	default:
		return err
	}
}

// write tells the findings to a person.
func (f *findings) write(w io.Writer) error {
	for _, damage := range f.Database {
		fmt.Fprintln(w, "database:", damage)
	}
	if len(f.Database) > 0 {
		_, err := fmt.Fprintln(w, "The database is damaged: restore a backup. Counters and media were not checked.")
		return err
	}
	for _, d := range f.Counters {
		fmt.Fprintf(w, "counter %s: says %d, counted %d\n", d.What, d.Counted, d.Recounted)
	}
	for _, key := range f.Media.Keys {
		fmt.Fprintln(w, "missing:", key)
	}
	verdict := "All is well"
	if !f.OK {
		verdict = fmt.Sprintf("%d counters differ and %d objects are missing", len(f.Counters), f.Media.Missing)
	}
	_, err := fmt.Fprintf(w, "%s; %d photos and documents were looked for.\n", verdict, f.Media.Checked)
	return err
}
