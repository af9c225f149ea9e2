package audit_test

import (
	"bytes"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/musterhq/muster/internal/audit"
	"github.com/musterhq/muster/internal/testkit"
	"github.com/musterhq/muster/query"
	"github.com/musterhq/muster/session"
)

// newSealer returns a sealer on a new store, with what it logs.
func newSealer(t *testing.T, path string) (*audit.Sealer, *bytes.Buffer) {
	t.Helper()
	var log bytes.Buffer
	return &audit.Sealer{
		Log: testkit.AuditLog(), DB: testkit.Open(t), Head: audit.HeadFile{Path: path}, Logger: slog.New(slog.NewTextHandler(&log, nil)),
	}, &log
}

func mustRecord(t *testing.T, s *audit.Sealer) {
	t.Helper()
	err := s.DB.Write(t.Context(), func(w *session.Write) error {
		testkit.Recorder().Record(w, audit.Event{Action: "member.create"}, time.Now())
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func mustSeal(t *testing.T, s *audit.Sealer, want string) {
	t.Helper()
	if err := s.Seal(t.Context()); err != nil {
		t.Fatal(err)
	}
	if head, err := s.Head.Read(); err != nil || !strings.HasPrefix(head.String(), want) {
		t.Fatalf("kept %s, %v, want %s", head, err, want)
	}
}

func TestSealerKeepsTheHead(t *testing.T) {
	t.Parallel()
	for name, path := range map[string]string{"in a file": filepath.Join(t.TempDir(), "audit-head"), "in memory": ""} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, log := newSealer(t, path)
			mustSeal(t, s, "0:")
			mustRecord(t, s)
			mustRecord(t, s)
			mustSeal(t, s, "2:")
			mustSeal(t, s, "2:")
			if log.Len() > 0 {
				t.Errorf("logged %s", log)
			}
			err := s.DB.Write(t.Context(), func(w *session.Write) error {
				w.Add(query.Exec("delete from audit_seal where seq = 2"))
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			mustSeal(t, s, "2:")
			mustSeal(t, s, "2:")
			if got := strings.Count(log.String(), "does not go through"); got != 1 {
				t.Errorf("warned %d times that the end is gone, want once:\n%s", got, log)
			}
			mustRecord(t, s)
			mustSeal(t, s, "2:") // another one is in its place
			if got := strings.Count(log.String(), "does not go through"); got != 2 {
				t.Errorf("warned %d times after a replacement, want twice:\n%s", got, log)
			}
		})
	}
}

// A server that leaves sealing to another keeps the head all the same, and sees
// when the chain does not go through it.
func TestFollowerKeepsTheHead(t *testing.T) {
	t.Parallel()
	leader, _ := newSealer(t, "")
	var log bytes.Buffer
	follower := &audit.Sealer{
		Log: leader.Log, DB: leader.DB, Head: audit.HeadFile{Path: filepath.Join(t.TempDir(), "audit-head")}, Logger: slog.New(slog.NewTextHandler(&log, nil)),
	}
	turn := func(want string) {
		t.Helper()
		if err := follower.KeepHead(t.Context()); err != nil {
			t.Fatal(err)
		}
		if head, err := follower.Head.Read(); err != nil || !strings.HasPrefix(head.String(), want) {
			t.Fatalf("kept %s, %v, want %s", head, err, want)
		}
	}
	mustRecord(t, leader)
	turn("0:") // and does not seal
	mustSeal(t, leader, "1:")
	turn("1:")
	if log.Len() > 0 {
		t.Errorf("logged %s", &log)
	}
	err := leader.DB.Write(t.Context(), func(w *session.Write) error {
		w.Add(query.Exec("delete from audit_seal"))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	turn("1:")
	if !strings.Contains(log.String(), "does not go through") {
		t.Errorf("logged %q, want that the chain was cut off", &log)
	}
}

func TestHeadFile(t *testing.T) {
	t.Parallel()
	file := audit.HeadFile{Path: filepath.Join(t.TempDir(), "audit-head")}
	if head, err := file.Read(); err != nil || !head.IsZero() {
		t.Errorf("absent: got %s, %v, want the zero head", head, err)
	}
	head, err := audit.ParseHead("7:" + strings.Repeat("ab", 32))
	if err != nil {
		t.Fatal(err)
	}
	if err := file.Write(head); err != nil {
		t.Fatal(err)
	}
	if got, err := file.Read(); err != nil || !got.Equal(head) {
		t.Errorf("got %s, %v", got, err)
	}
	file.Path = filepath.Join(t.TempDir(), "none", "audit-head")
	if err := file.Write(head); err == nil {
		t.Error("a head is kept in a directory that does not exist")
	}
}
