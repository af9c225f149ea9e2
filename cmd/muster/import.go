package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/musterhq/muster/internal/counters"
	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/internal/importer"
	"github.com/musterhq/muster/internal/nameindex"
	"github.com/musterhq/muster/internal/progress"
)

type importCmd struct {
	AuditedStore
	Format
	PhoneRegion region `help:"The country of phone numbers without a country code, such as KR." placeholder:"CC"`
	Map         string `help:"The map from columns to fields, in TOML. See docs/examples." required:"" placeholder:"MAP.toml"`
	Rejects     string `help:"Write the rejected rows to this file, each with the reason." placeholder:"FILE"`
	DryRun      bool   `help:"Do everything except write to the database."`
	File        string `arg:"" help:"The CSV file." placeholder:"FILE.csv"`
}

func (i importCmd) Run(ctx context.Context, c console) error {
	mapping, err := importer.ReadMap(i.Map)
	switch {
	case err != nil && fault.As(err) == nil:
		return usage("%w", err)
	case err != nil:
		return err
	}
	return i.asRoot(ctx, c, openOptions{create: true, bulk: true}, func(s rootStore) error {
		report, err := i.run(ctx, c, s, mapping)
		if err != nil && report.Rows == 0 {
			return err
		}
		var text strings.Builder
		_ = report.WriteText(&text) // a builder does not fail
		return errors.Join(err, i.print(c, report, text.String()))
	})
}

func (i importCmd) run(ctx context.Context, c console, s rootStore, mapping *importer.Map) (importer.Report, error) {
	rules, err := s.useRules(ctx, zone{}, i.PhoneRegion)
	if err != nil {
		return importer.Report{}, err
	}
	bar := progress.New(c.err, progress.Bytes)
	report, err := importer.Run(ctx, s.db, importer.Options{
		Map: mapping, File: i.File, Rejects: i.Rejects, DryRun: i.DryRun, Rules: rules, By: s.Recorder,
		Progress: func(p importer.Progress) {
			what := fmt.Sprintf("%d rows", p.Rows)
			if p.Examining {
				what = "examining the file"
			}
			bar.Set(p.Done, p.Total, what)
		},
	})
	bar.Close()
	if err != nil || i.DryRun {
		return report, err
	}
	if _, err := counters.Rollup(ctx, s.db); err != nil {
		return report, err
	}
	if _, err := nameindex.Update(ctx, s.db); err != nil {
		return report, err
	}
	return report, s.engine.optimize(ctx, true)
}
