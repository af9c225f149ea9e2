package main

import (
	"context"
	"strconv"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/musterhq/muster/internal/audit"
	"github.com/musterhq/muster/internal/ids"
	"github.com/musterhq/muster/query"
	"github.com/musterhq/muster/session"
)

// record writes to the audit log as a command beside the server would: the first
// and then every third entry is a reveal.
func record(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: record N")
	}
	n, err := strconv.Atoi(args[0])
	ts.Check(err)
	at := Store{Data: ts.Getenv("MUSTER_DATA"), Postgres: Postgres{Database: databaseURL(ts.Getenv("MUSTER_DATABASE"))}}
	ctx := context.Background()
	ts.Check(at.with(ctx, openOptions{}, func(s *store) error {
		l, err := s.auditLog(ctx, Keyring{}, dataDir(at.Data), false, silent)
		if err != nil {
			return err
		}
		return s.db.Write(ctx, func(w *session.Write) error {
			now := time.Now().UTC().Truncate(time.Microsecond)
			operator := ids.Operator{15: 1}
			w.Add(query.Exec(`insert into operators (id, name, name_key, role, created_at, updated_at, version)
				values ($1, '김바다', '김바다', 'viewer', $2, $2, 1) on conflict (id) do nothing`, operator, now))
			recorder := l.Recorder(audit.Actor{Operator: operator, Source: "a test"})
			for i := range n {
				e, recorder := audit.Event{Action: "member.update", Member: ids.New[ids.Member](now), Was: map[string]any{"status": "pending"}}, recorder
				if i%3 == 0 {
					e, recorder = audit.Event{Action: "phone.reveal", Member: e.Member}, recorder.WithReason("=asked by phone")
				}
				recorder.Record(w, e, now.Add(time.Duration(i)*time.Microsecond))
			}
			return nil
		})
	}))
}
