package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/musterhq/muster/internal/audit"
	"github.com/musterhq/muster/query"
	"github.com/musterhq/muster/session"
)

// The pauses of sealing.
const (
	sealEvery  = time.Second
	sealWithin = 30 * time.Second // what is left is left to the next turn
	sealLast   = 5 * time.Second  // of the turn after the last request
)

// sealing is the chore that seals the record of the server.
func (s *server) sealing() *sealing {
	c := &sealing{db: s.store.db, auditLog: s.auditLog, log: s.log}
	if s.folder != "" {
		c.head.path = s.folder.auditHead()
	}
	return c
}

// sealing brings what was recorded into the chain, and keeps where that ends. One
// goroutine uses it.
type sealing struct {
	db       *session.DB
	auditLog *audit.Log
	log      *slog.Logger
	head     headFile
	seen     *audit.Head // of the last turn, if it was kept
	told     string      // what was warned of last, so that it is said once
}

// chore seals every second until ctx ends, and once more then: nobody else may
// come for long.
func (s *sealing) chore(ctx context.Context) {
	tick := time.NewTicker(sealEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			report(ctx, s.log, "sealing the record", s.turn(ctx, sealWithin))
		case <-ctx.Done():
			last := context.WithoutCancel(ctx)
			report(last, s.log, "sealing the record", s.turn(last, sealLast))
			return
		}
	}
}

func (s *sealing) turn(ctx context.Context, within time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	ctx, _ = session.Track(ctx, "") // what is read after a write has seen it
	sealed, err := s.auditLog.Seal(ctx, s.db)
	if n := len(sealed.Forged); n > 0 {
		s.log.Warn("entries of the record that waited to be sealed are not as Muster wrote them, or are gone; they are left out. Somebody has written to the database: see muster audit verify",
			"entries", n, "first", sealed.Forged[:min(n, 10)])
	}
	if sealed.Unknown > 0 {
		s.warnOnce("entries of the record were made with a key that is not here, and are not sealed: give all servers of the database the same keys/audit, the newest key first", "entries", sealed.Unknown)
	}
	if err != nil {
		return err
	}
	return s.keep(ctx, sealed.Head)
}

// keep writes the head down, if the chain goes through the one that was kept
// last. If it does not, the one that was kept stays, as the proof that it is.
func (s *sealing) keep(ctx context.Context, head audit.Head) error {
	if s.seen != nil && head.Equal(*s.seen) {
		return nil
	}
	kept, err := s.head.read()
	if err != nil {
		s.warnOnce(err.Error())
		return nil
	}
	if through, err := s.goesThrough(ctx, kept); err != nil || !through {
		if err == nil {
			s.warnOnce("the chain of the record does not go through the head that was kept of it: an older backup was restored, or its end was cut off. See muster audit verify", "kept", kept.String(), "head", head.String())
		}
		return err
	}
	if head.Seq > kept.Seq {
		if err := s.head.write(head); err != nil {
			return err
		}
	}
	s.seen, s.told = &head, ""
	return nil
}

// goesThrough reports whether the chain does. A replica may not have come so far
// yet, so that a no is asked for twice.
func (s *sealing) goesThrough(ctx context.Context, kept audit.Head) (bool, error) {
	if kept.IsZero() {
		return true, nil
	}
	var there audit.Head
	err := s.db.Read(ctx, func(r *session.Read) error {
		return r.Gather(ctx, query.Into(&there, audit.HeadAt(kept.Seq)))
	}, session.Once)
	if err == nil && !there.Equal(kept) {
		err = s.db.Write(ctx, func(w *session.Write) error {
			return w.Gather(ctx, query.Into(&there, audit.HeadAt(kept.Seq)))
		})
	}
	return there.Equal(kept), err
}

// warnOnce warns, unless it has just done so.
func (s *sealing) warnOnce(text string, args ...any) {
	if what := fmt.Sprint(text, args); what != s.told {
		s.told = what
		s.log.Warn(text, args...)
	}
}

// headFile is where a head of the chain is kept outside the database; without a
// path, in memory.
type headFile struct {
	path string
	last audit.Head
}

// read gives the head that is kept, or the zero one.
func (f *headFile) read() (audit.Head, error) {
	if f.path == "" {
		return f.last, nil
	}
	text, err := os.ReadFile(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return audit.Head{}, nil
	}
	if err != nil {
		return audit.Head{}, explain(filepath.Dir(f.path), err)
	}
	head, err := audit.ParseHead(string(text))
	if err != nil {
		return audit.Head{}, unusable("%s holds no head of the record: put back what was there or, if nothing is wrong otherwise, let muster audit verify --accept write it anew", f.path)
	}
	return head, nil
}

func (f *headFile) write(head audit.Head) error {
	f.last = head
	if f.path == "" {
		return nil
	}
	return replaceFile(f.path, func(w io.Writer) error {
		_, err := fmt.Fprintln(w, head)
		return err
	})
}

// replaceFile makes a file that only its owner reads, or leaves the one that is
// there as it is.
func replaceFile(path string, write func(io.Writer) error) error {
	temp, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-")
	if err != nil {
		return explain(filepath.Dir(path), err)
	}
	defer os.Remove(temp.Name())
	defer temp.Close()
	if err := write(temp); err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	if err := errors.Join(temp.Sync(), temp.Close(), os.Rename(temp.Name(), path)); err != nil {
		return explain(filepath.Dir(path), err)
	}
	return nil
}
