package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/musterhq/muster/internal/dbcopy"
	"github.com/musterhq/muster/internal/progress"
)

type copyCmd struct {
	Format
	From  storePlace `help:"The store to copy: ${store_form}." required:"" placeholder:"STORE"`
	To    storePlace `help:"The target: an empty database, or one that holds an earlier copy of the same store." required:"" placeholder:"STORE"`
	Media place      `help:"Where to copy photos and documents from the data directory of the source: ${media_form}. Without it, they stay where they are." placeholder:"PLACE"`
}

// storePlace names a store: a data directory or a PostgreSQL database.
type storePlace Store

const storeForm = "sqlite:DIR or postgres://…"

func (p *storePlace) UnmarshalText(text []byte) error {
	if dir, found := strings.CutPrefix(string(text), "sqlite:"); found && dir != "" {
		p.Data = dir
		return nil
	}
	if strings.HasPrefix(string(text), "postgres") {
		return p.Database.UnmarshalText(text)
	}
	return errors.New("it must be " + storeForm)
}

// label names the place without its password.
func (p storePlace) label() (string, error) {
	if p.Data == "" {
		u, _ := p.Database.parts()
		return "postgres:" + u.Host + u.Path, nil
	}
	path, err := filepath.Abs(p.Data)
	return "sqlite:" + path, err
}

// copied is the result of a copy.
type copied struct {
	dbcopy.Report
	Objects *dbcopy.Objects `json:"objects,omitempty"`
}

func (o copyCmd) Run(ctx context.Context, c console) error {
	from, err := o.From.label()
	if err != nil {
		return fmt.Errorf("--from: %w", err)
	}
	if to, err := o.To.label(); err != nil || to == from {
		return &exit{exitUsage, errors.Join(errors.New("--to names the same store as --from"), err)}
	}
	if o.Media != "" && o.From.Data == "" {
		return usage("--media: photos and documents can only be copied from a data directory; those of a PostgreSQL store are where its servers keep them")
	}
	return Store(o.From).with(ctx, openOptions{scan: true}, func(source *store) error {
		return Store(o.To).with(ctx, openOptions{create: true, bulk: true}, func(target *store) error {
			result, err := o.copy(ctx, c, from, source, target)
			if err != nil {
				return err
			}
			return o.print(c, result, result.text())
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
	d := dataDir(o.From.Data)
	here, err := Media{}.openMedia(d, "", c.plainLog())
	if err != nil {
		return nil, err
	}
	defer here.Close()
	there, err := Media{Media: o.Media}.openMedia(d, "", c.plainLog())
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

func (r copied) text() string {
	var text strings.Builder
	text.WriteString(table("table\trows\tinserted\tremoved\tSHA-256 of both", r.Tables, func(t dbcopy.Table) string {
		return fmt.Sprintf("%s\t%d\t%d\t%d\t%s", t.Name, t.Rows, t.Inserted, t.Removed, t.Digest[:16])
	}))
	fmt.Fprintf(&text, "The target is identical to the source as of %s.\n", r.AsOf.Format(time.RFC3339))
	if m := r.Objects; m != nil {
		fmt.Fprintf(&text, "Photos and documents: %d copied, %d already present, %d missing, %d damaged.\n", m.Copied, m.Present, len(m.Missing), len(m.Damaged))
		for _, key := range append(m.Missing, m.Damaged...) {
			fmt.Fprintln(&text, "  not copied:", key)
		}
	}
	return text.String()
}
