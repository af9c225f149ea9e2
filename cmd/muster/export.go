package main

import (
	"context"
	"fmt"

	"github.com/musterhq/muster/internal/audit"
	"github.com/musterhq/muster/internal/directory"
	"github.com/musterhq/muster/internal/export"
	"github.com/musterhq/muster/internal/member"
	"github.com/musterhq/muster/internal/privacy"
	"github.com/musterhq/muster/internal/progress"
	"github.com/musterhq/muster/session"
)

type exportCmd struct {
	AuditedStore
	As      string `help:"The format: csv writes a row for each member, jsonl a JSON object." name:"format" enum:"csv,jsonl" default:"csv"`
	Deleted string `help:"Whether to export deleted members: no, also or only." enum:"no,also,only" default:"no"`
	Reveal  bool   `help:"Write phones without masking them. Requires --reason."`
	Reason  string `help:"Why, for the audit log." placeholder:"TEXT"`
}

var deletedFlag = map[string]directory.Deleted{"no": directory.WithoutDeleted, "also": directory.AlsoDeleted, "only": directory.OnlyDeleted}

func (e exportCmd) Run(ctx context.Context, c console) error {
	if err := e.checkReason(); err != nil {
		return err
	}
	return e.asRoot(ctx, c, openOptions{scan: true}, func(s rootStore) error {
		rules, err := s.rules(ctx, zone{}, "")
		if err != nil {
			return err
		}
		if err := e.record(ctx, s); err != nil {
			return err
		}
		bar := progress.New(c.err, progress.Things)
		defer bar.Close()
		_, err = export.Run(ctx, s.db, export.Options{
			Format: export.Format(e.As), To: c.out, Reveal: e.Reveal, Deleted: deletedFlag[e.Deleted], Rules: rules,
			Progress: func(done, all int64) { bar.Set(done, all, "exporting") },
		})
		return err
	})
}

// record adds the export to the audit log.
func (e exportCmd) record(ctx context.Context, s rootStore) error {
	err := s.db.Write(ctx, func(w *session.Write) error {
		s.Recorder.WithReason(e.Reason).Record(w, audit.Event{
			Action: member.ActionExported, Became: map[string]any{"format": e.As, "deleted": e.Deleted, "revealed": e.Reveal},
		}, s.At)
		return nil
	})
	if err != nil {
		return fmt.Errorf("recording the export: %w", err)
	}
	return nil
}

// checkReason requires a reason to reveal anything.
func (e exportCmd) checkReason() error {
	if !e.Reveal && e.Reason == "" {
		return nil
	}
	if err := privacy.CheckReason(e.Reason); err != nil {
		return usage("--reason must say why, in %d to %d characters, for the audit log", privacy.MinReason, privacy.MaxReason)
	}
	return nil
}
