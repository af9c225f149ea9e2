package main

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/musterhq/muster/internal/audit"
	"github.com/musterhq/muster/internal/ids"
	"github.com/musterhq/muster/query"
	"github.com/musterhq/muster/session"
)

// record writes to the record as a command beside the server would: the first
// and then every third entry is a reveal.
func record(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: record N")
	}
	n, err := strconv.Atoi(args[0])
	ts.Check(err)
	at := Store{Data: ts.Getenv("MUSTER_DATA"), Postgres: Postgres{Database: databaseURL(ts.Getenv("MUSTER_DATABASE"))}}
	ctx := context.Background()
	ts.Check(at.with(ctx, opening{}, func(s *store) error {
		l, err := s.auditLog(ctx, Keyring{}.keys(folder(at.Data)), false, slog.New(slog.DiscardHandler))
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

// sealingOf is the chore of a store, with what it logs.
func sealingOf(t *testing.T, s *store, f folder) (*sealing, *bytes.Buffer) {
	t.Helper()
	l, err := s.auditLog(t.Context(), filepath.Join(t.TempDir(), "keys"), false, silent)
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	c := &sealing{db: s.db, auditLog: l, log: slog.New(slog.NewTextHandler(&log, nil))}
	if f != "" {
		c.head.path = f.auditHead()
	}
	return c, &log
}

func (s *sealing) mustRecord(t *testing.T) {
	t.Helper()
	err := s.db.Write(t.Context(), func(w *session.Write) error {
		s.auditLog.Recorder(audit.Actor{Source: "a test"}).Record(w, audit.Event{Action: "member.create"}, time.Now())
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestSealingKeepsTheHead(t *testing.T) {
	t.Parallel()
	for name, kept := range map[string]bool{"in a file": true, "in memory": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at := Store{Data: t.TempDir()}
			s := openTestStore(t, at)
			var f folder
			if kept {
				f = folder(at.Data)
			}
			c, log := sealingOf(t, s, f)
			turn := func(want string) {
				t.Helper()
				if err := c.turn(t.Context(), sealWithin); err != nil {
					t.Fatal(err)
				}
				if head, err := c.head.read(); err != nil || !strings.HasPrefix(head.String(), want) {
					t.Fatalf("kept %s, %v, want %s", head, err, want)
				}
			}
			turn("0:")
			c.mustRecord(t)
			c.mustRecord(t)
			turn("2:")
			turn("2:")
			if log.Len() > 0 {
				t.Errorf("logged %s", log)
			}
			cut := func(sql string) {
				t.Helper()
				err := s.db.Write(t.Context(), func(w *session.Write) error {
					w.Add(query.Exec(sql))
					return nil
				})
				if err != nil {
					t.Fatal(err)
				}
			}
			cut("delete from audit_seal where seq = 2")
			turn("2:")
			turn("2:")
			if got := strings.Count(log.String(), "does not go through"); got != 1 {
				t.Errorf("said %d times that the end is gone, want once:\n%s", got, log)
			}
			c.mustRecord(t)
			turn("2:") // another one is in its place
			if got := strings.Count(log.String(), "does not go through"); got != 2 {
				t.Errorf("said %d times that it is another, want once more:\n%s", got, log)
			}
			if !kept {
				return
			}
			left, err := os.ReadDir(at.Data)
			if err != nil || strings.Contains(log.String(), "failed") {
				t.Fatal(err, log)
			}
			for _, file := range left {
				if strings.HasPrefix(file.Name(), ".audit-head") {
					t.Errorf("%s was left behind", file.Name())
				}
			}
		})
	}
}

// A store to which nobody writes is left in peace: the chore writes nothing.
func TestSealingNothingWritesNothing(t *testing.T) {
	t.Parallel()
	s := openTestStore(t, Store{Data: t.TempDir()})
	c, _ := sealingOf(t, s, "")
	c.mustRecord(t)
	for range 3 {
		if err := c.turn(t.Context(), sealWithin); err != nil {
			t.Fatal(err)
		}
	}
	before := s.engine.written()
	for range 3 {
		if err := c.turn(t.Context(), sealWithin); err != nil {
			t.Fatal(err)
		}
	}
	if after := s.engine.written(); after != before {
		t.Errorf("%d write sessions for nothing", after-before)
	}
}

func TestReplaceFile(t *testing.T) {
	t.Parallel()
	file := headFile{path: filepath.Join(t.TempDir(), "audit-head")}
	head, err := audit.ParseHead("7:" + strings.Repeat("ab", 32))
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := file.write(head); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := file.read(); err != nil || !got.Equal(head) {
		t.Errorf("got %s, %v", got, err)
	}
	info, err := os.Stat(file.path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("got %v, %v, want that only the owner reads it", info.Mode(), err)
	}
	file.path = filepath.Join(t.TempDir(), "none", "audit-head")
	if err := file.write(head); err == nil || codeOf(err) != exitStore {
		t.Errorf("got %v of a folder that is not there", err)
	}
}
