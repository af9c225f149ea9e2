package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/musterhq/muster/internal/dbcopy"
	"github.com/musterhq/muster/internal/progress"
)

type copyCmd struct {
	Format
	From  storePlace `help:"The store to copy: ${store_form}." required:"" placeholder:"STORE"`
	To    storePlace `help:"Where to: an empty database, or one that a copy from there was begun in." required:"" placeholder:"STORE"`
	Media place      `help:"Where to copy photos and documents, which are in the source's data folder: ${media_form}. Without it they stay where they are." placeholder:"PLACE"`
}

// Help is shown below the flags.
func (copyCmd) Help() string {
	return `The source may be served meanwhile: what is copied is one moment of it. Every row of both sides is then compared. Stopped, it goes on where it was; run once more, it brings over what has changed since, so that a server stands still for seconds: copy, stop the server, copy, and serve the target with the same data folder, whose keys sign what was signed before. A target that has been served is not written to again.

Example:

    muster copy --from sqlite:muster-data --to 'postgres://muster@db1/muster?sslmode=verify-full'`
}

// storePlace names a store: a data folder or a PostgreSQL database.
type storePlace struct {
	folder   string
	database databaseURL
}

const storeForm = "sqlite:DIR or postgres://…"

// UnmarshalText checks the form.
func (p *storePlace) UnmarshalText(text []byte) error {
	if dir, found := strings.CutPrefix(string(text), "sqlite:"); found && dir != "" {
		p.folder = dir
		return nil
	}
	if strings.HasPrefix(string(text), "postgres") {
		return p.database.UnmarshalText(text)
	}
	return errors.New("it is " + storeForm)
}

// flags are those of a command on that store.
func (p storePlace) flags() Store {
	return Store{Data: p.folder, Postgres: Postgres{Database: p.database}}
}

// label names the place without what is secret.
func (p storePlace) label() (string, error) {
	if p.folder == "" {
		u, _ := p.database.parts()
		return "postgres:" + u.Host + u.Path, nil
	}
	path, err := filepath.Abs(p.folder)
	return "sqlite:" + path, err
}

// copied is what the command tells.
type copied struct {
	dbcopy.Report
	Objects *dbcopy.Objects `json:"objects,omitempty"`
}

// Run copies.
func (o copyCmd) Run(ctx context.Context, c console) error {
	from, err := o.From.label()
	if err != nil {
		return fmt.Errorf("--from: %w", err)
	}
	if to, err := o.To.label(); err != nil || to == from {
		return &exit{exitUsage, errors.Join(errors.New("--to: it is the same store as that of --from"), err)}
	}
	if o.Media != "" && o.From.folder == "" {
		return &exit{exitUsage, errors.New("--media: photos and documents are copied from a data folder; those of a PostgreSQL store are where its servers keep them")}
	}
	return o.From.flags().with(ctx, opening{whole: true}, func(source *store) error {
		return o.To.flags().with(ctx, opening{begin: true, bulk: true}, func(target *store) error {
			result, err := o.copy(ctx, c, from, source, target)
			if err != nil {
				return err
			}
			if o.JSON {
				return writeJSON(c.out, result)
			}
			return result.writeText(c.out)
		})
	})
}

func (o copyCmd) copy(ctx context.Context, c console, from string, source, target *store) (result copied, err error) {
	rows := progress.New(c.err, progress.Things)
	result.Report, err = dbcopy.Copy(ctx, source.db, target.db, dbcopy.Options{Source: from, Progress: func(p dbcopy.Progress) {
		what := "copying " + p.Table
		if p.Verifying {
			what = "comparing " + p.Table
		}
		rows.Set(p.Done, p.All, what)
	}})
	rows.Close()
	if err == nil {
		err = target.engine.optimize(ctx, true)
	}
	if err == nil && o.Media != "" {
		result.Objects, err = o.copyMedia(ctx, c, source)
	}
	return result, err
}

func (o copyCmd) copyMedia(ctx context.Context, c console, source *store) (*dbcopy.Objects, error) {
	f := folder(o.From.folder)
	here, err := Media{}.openMedia(f, "", c.plainLog())
	if err != nil {
		return nil, err
	}
	defer here.Close()
	there, err := Media{Media: o.Media}.openMedia(f, "", c.plainLog())
	if err != nil {
		return nil, err
	}
	defer there.Close()
	if err := there.probe(ctx, c.plainLog()); err != nil {
		return nil, err
	}
	bar := progress.New(c.err, progress.Things)
	defer bar.Close()
	report, err := dbcopy.CopyObjects(ctx, source.db, here, there, func(done int64) { bar.Set(done, 0, "copying photos and documents") })
	return &report, err
}

func (r copied) writeText(w io.Writer) error {
	out := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(out, "table\trows\tinserted\tremoved\tSHA-256 of both")
	for _, t := range r.Tables {
		fmt.Fprintf(out, "%s\t%d\t%d\t%d\t%s\n", t.Name, t.Rows, t.Inserted, t.Removed, t.Digest[:16])
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("writing the result: %w", err)
	}
	_, err := fmt.Fprintf(w, "The target is the same as the source was at %s.\n", r.AsOf.Format(time.RFC3339))
	if m := r.Objects; m != nil && err == nil {
		_, err = fmt.Fprintf(w, "Photos and documents: %d copied, %d there already, %d missing, %d damaged.\n", m.Copied, m.Present, len(m.Missing), len(m.Damaged))
		for _, key := range append(m.Missing, m.Damaged...) {
			fmt.Fprintln(w, "  not copied:", key)
		}
	}
	return err
}
