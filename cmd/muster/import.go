package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/musterhq/muster/internal/audit"
	"github.com/musterhq/muster/internal/counters"
	"github.com/musterhq/muster/internal/directory"
	"github.com/musterhq/muster/internal/export"
	"github.com/musterhq/muster/internal/importer"
	"github.com/musterhq/muster/internal/member"
	"github.com/musterhq/muster/internal/privacy"
	"github.com/musterhq/muster/internal/progress"
	"github.com/musterhq/muster/session"
)

type importCmd struct {
	Recording
	Format
	PhoneRegion region `help:"The country whose local phone numbers are taken, such as KR." placeholder:"CC"`
	Map         string `help:"Which column feeds which field, in TOML. docs/examples has some." required:"" placeholder:"MAP.toml"`
	Rejects     string `help:"Where to write the rows that could not be taken, each with the reason." placeholder:"FILE"`
	DryRun      bool   `help:"Do everything but write to the database."`
	File        string `arg:"" help:"The CSV file." placeholder:"FILE.csv"`
}

// Help is shown below the flags.
func (importCmd) Help() string {
	return `The rows that can be taken are; the others are told of, and the exit code is 0 all the same. Run again, it goes on where it stopped, and makes nobody twice. It works beside a running server.

Example:

    muster import --map docs/examples/speed-dating.toml --rejects rejects.csv speed-dating.csv`
}

// Run imports the file.
func (i importCmd) Run(ctx context.Context, c console) error {
	text, err := os.ReadFile(i.Map)
	if err != nil {
		return &exit{exitUsage, fmt.Errorf("reading the map: %w", err)}
	}
	mapping, err := importer.ParseMap(text)
	if err != nil {
		return fmt.Errorf("%s: %w", i.Map, err)
	}
	return i.at(ctx, c, opening{begin: true, bulk: true}, func(d principal) error {
		report, err := i.transfer(ctx, c, d, mapping)
		if err != nil && report.Rows == 0 {
			return err
		}
		if i.JSON {
			return errors.Join(err, writeJSON(c.out, report))
		}
		return errors.Join(err, report.WriteText(c.out))
	})
}

func (i importCmd) transfer(ctx context.Context, c console, s principal, mapping *importer.Map) (importer.Report, error) {
	rules, err := s.rules(ctx, zone{}, i.PhoneRegion)
	if err != nil {
		return importer.Report{}, err
	}
	if err := counters.UseZone(ctx, s.db, rules.Zone); err != nil {
		return importer.Report{}, err
	}
	bar := progress.New(c.err, progress.Bytes)
	report, err := importer.Run(ctx, s.db, importer.Options{
		Map: mapping, File: i.File, Rejects: i.Rejects, DryRun: i.DryRun, Rules: rules, By: s.Recorder,
		Progress: func(p importer.Progress) {
			if p.Examining {
				bar.Set(p.Done, p.Total, "looking at the file")
				return
			}
			bar.Set(p.Done, p.Total, fmt.Sprintf("%d rows", p.Rows))
		},
	})
	bar.Close()
	if err != nil || i.DryRun {
		return report, err
	}
	if _, err := counters.Rollup(ctx, s.db); err != nil {
		return report, err
	}
	return report, s.engine.optimize(ctx, true)
}

type exportCmd struct {
	Recording
	As      string `help:"How to write: csv has one row for each member, jsonl one JSON object." name:"format" enum:"csv,jsonl" default:"csv"`
	Deleted string `help:"Whether soft-deleted members are written: no, also or only." enum:"no,also,only" default:"no"`
	Reveal  bool   `help:"Write phones as they are, and not masked. It takes a --reason."`
	Reason  string `help:"Why: it is on the record." placeholder:"TEXT"`
}

// Help is shown below the flags.
func (exportCmd) Help() string {
	return `All members, the oldest first, as they were at one moment, to the standard output. Phones are masked, as for everybody who does not ask otherwise. In CSV, a cell that a spreadsheet may take for a formula has an apostrophe before it; import takes it away again. That members were exported is on the record before they are. It works beside a running server.

Examples:

    muster export --format jsonl | gzip > members.jsonl.gz
    muster export --reveal --reason "moving to the new platform" > members.csv`
}

var deletedFlag = map[string]directory.Deleted{"no": directory.WithoutDeleted, "also": directory.AlsoDeleted, "only": directory.OnlyDeleted}

// Run exports the members.
func (e exportCmd) Run(ctx context.Context, c console) error {
	if err := e.checkReason(); err != nil {
		return err
	}
	return e.at(ctx, c, opening{whole: true}, func(d principal) error {
		rules, err := d.rules(ctx, zone{}, "")
		if err != nil {
			return err
		}
		err = d.write(ctx, func(w *session.Write) error {
			d.Recorder.WithReason(e.Reason).Record(w, audit.Event{
				Action: member.ActionExported, Became: map[string]any{"format": e.As, "deleted": e.Deleted, "revealed": e.Reveal},
			}, d.At)
			return nil
		})
		if err != nil {
			return fmt.Errorf("recording the export: %w", err)
		}
		bar := progress.New(c.err, progress.Things)
		defer bar.Close()
		_, err = export.Run(ctx, d.db, export.Options{
			Format: export.Format(e.As), To: c.out, Reveal: e.Reveal, Deleted: deletedFlag[e.Deleted], Rules: rules,
			Progress: func(done, all int64) { bar.Set(done, all, "exporting") },
		})
		return err
	})
}

// checkReason wants a reason where something is revealed.
func (e exportCmd) checkReason() error {
	if !e.Reveal && e.Reason == "" {
		return nil
	}
	if err := privacy.CheckReason(e.Reason); err != nil {
		return &exit{exitUsage, fmt.Errorf("--reason says why, in %d to %d characters: it is on the record", privacy.MinReason, privacy.MaxReason)}
	}
	return nil
}
