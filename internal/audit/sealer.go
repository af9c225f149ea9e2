package audit

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"

	"github.com/musterhq/muster/internal/atomicfile"
	"github.com/musterhq/muster/query"
	"github.com/musterhq/muster/session"
)

// Sealer seals the audit log for a server, turn by turn, and keeps the head of
// the chain outside the database: a chain that later does not go through the
// head that was kept was cut off or replaced, which Sealer logs. One goroutine
// uses it.
type Sealer struct {
	Log    *Log
	DB     *session.DB
	Head   HeadFile
	Logger *slog.Logger

	kept   *Head  // by the last turn
	warned string // the last warning, which is not repeated
}

// Seal is a turn of a server that seals.
func (s *Sealer) Seal(ctx context.Context) error {
	ctx, _ = session.Track(ctx, "") // what is read after a write has seen it
	sealed, err := s.Log.Seal(ctx, s.DB)
	if n := len(sealed.Forged); n > 0 {
		s.Logger.WarnContext(ctx, "entries of the audit log that waited to be sealed are not as Muster wrote them, or are gone; they are left out. Somebody has written to the database: see muster audit verify",
			"entries", n, "first", sealed.Forged[:min(n, 10)])
	}
	if sealed.Unknown > 0 {
		s.warn(ctx, "entries of the audit log were made with an unknown key and are not sealed: give all servers of the database the same keys/audit, the newest key first", "entries", sealed.Unknown)
	}
	if err != nil {
		return err
	}
	return s.keep(ctx, sealed.Head)
}

// KeepHead is a turn of a server that leaves sealing to another.
func (s *Sealer) KeepHead(ctx context.Context) error {
	ctx, _ = session.Track(ctx, "")
	head, err := s.read(ctx, LastHead())
	if err != nil {
		return err
	}
	return s.keep(ctx, head)
}

// keep writes the head to the file if the chain goes through the one that is
// there. If it does not, that one stays, as proof.
func (s *Sealer) keep(ctx context.Context, head Head) error {
	if s.kept != nil && head.Equal(*s.kept) {
		return nil
	}
	kept, err := s.Head.Read()
	if err != nil {
		s.warn(ctx, err.Error())
		return nil
	}
	if through, err := s.goesThrough(ctx, kept); err != nil || !through {
		if err == nil {
			s.warn(ctx, "the chain of the audit log does not go through the head that was kept of it: an older backup was restored, or its end was cut off. See muster audit verify", "kept", kept.String(), "head", head.String())
		}
		return err
	}
	if head.Seq > kept.Seq {
		if err := s.Head.Write(head); err != nil {
			return err
		}
	}
	s.kept, s.warned = &head, ""
	return nil
}

// goesThrough reports whether the chain goes through the head. The primary
// confirms a no, since a replica may be behind.
func (s *Sealer) goesThrough(ctx context.Context, kept Head) (bool, error) {
	if kept.IsZero() {
		return true, nil
	}
	found, err := s.read(ctx, HeadAt(kept.Seq))
	if err == nil && !found.Equal(kept) {
		err = s.DB.Write(ctx, func(w *session.Write) error {
			return w.Gather(ctx, query.Into(&found, HeadAt(kept.Seq)))
		})
	}
	return found.Equal(kept), err
}

func (s *Sealer) read(ctx context.Context, q query.Query[Head]) (head Head, err error) {
	err = s.DB.Read(ctx, func(r *session.Read) (err error) {
		head, err = session.Run(ctx, r, q)
		return err
	}, session.Once)
	if err != nil {
		return head, fmt.Errorf("reading the head of the audit log: %w", err)
	}
	return head, nil
}

// warn logs a warning unless it was the last one.
func (s *Sealer) warn(ctx context.Context, text string, args ...any) {
	if what := fmt.Sprint(text, args); what != s.warned {
		s.warned = what
		s.Logger.WarnContext(ctx, text, args...)
	}
}

// HeadFile keeps a head of the chain outside the database: in a file or, without
// a path, in memory.
type HeadFile struct {
	Path string
	last Head
}

// Read returns the head that is kept, or the zero Head if none is.
func (f *HeadFile) Read() (Head, error) {
	if f.Path == "" {
		return f.last, nil
	}
	text, err := os.ReadFile(f.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return Head{}, nil
	}
	if err != nil {
		return Head{}, err
	}
	head, err := ParseHead(string(text))
	if err != nil {
		return Head{}, fmt.Errorf("%s does not hold a head of the audit log: restore the file or, if nothing else is wrong, run muster audit verify --accept to write it again", f.Path)
	}
	return head, nil
}

// Write keeps the head in the place of the one before.
func (f *HeadFile) Write(head Head) error {
	f.last = head
	if f.Path == "" {
		return nil
	}
	return atomicfile.Replace(f.Path, func(w io.Writer) error {
		_, err := fmt.Fprintln(w, head)
		return err
	})
}
