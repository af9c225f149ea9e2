package sessiontest

import (
	"errors"
	"runtime"
	"testing"

	"github.com/musterhq/muster/query"
	"github.com/musterhq/muster/session"
)

var misuseTests = map[string]func(*testing.T, *bundle){
	"a session that escaped is closed": func(t *testing.T, b *bundle) {
		var escaped *session.Read
		wantErr(t, b.db.Read(t.Context(), func(r *session.Read) error { escaped = r; return nil }), nil)
		wantErr(t, escaped.Gather(t.Context(), query.Into(new(int), sum())), session.ErrClosed)
		var written *session.Write
		wantErr(t, b.db.Write(t.Context(), func(w *session.Write) error { written = w; w.Add(addNote(1)); return nil }), nil)
		_, err := written.Do(t.Context(), addNote(2))
		wantErr(t, err, session.ErrClosed)
		equal(t, "notes", ask(t, b, notes()), 1)
	},

	"a session of one gather gathers once": func(t *testing.T, b *bundle) {
		wantErr(t, b.db.Read(t.Context(), func(r *session.Read) error {
			_, err := session.Run(t.Context(), r, sum())
			wantErr(t, err, nil)
			_, err = session.Run(t.Context(), r, sum())
			return err
		}, session.Once), session.ErrOnce)
	},

	"a session is for one goroutine at a time": func(t *testing.T, b *bundle) {
		wantErr(t, b.db.Read(t.Context(), func(r *session.Read) error {
			_, err := session.Run(t.Context(), r, query.One(`select 1`, func(query.Row) (int, error) {
				_, err := session.Run(t.Context(), r, sum())
				return 0, err
			}))
			return err
		}), session.ErrConcurrent)
	},

	"a wrong number of arguments or columns is an error": func(t *testing.T, b *bundle) {
		for _, q := range []query.Query[int]{
			query.Scalar[int](`select balance from account where name = $1`),
			query.Scalar[int](`select count(*) from account`, 1),
			query.Scalar[int](`select name, balance from account where name = 'a'`),
			query.Scalar[int](`select cast(null as bigint)`),
			query.Scalar[int](`select 1; select 2`),
		} {
			err := b.db.Read(t.Context(), func(r *session.Read) error { _, err := session.Run(t.Context(), r, q); return err })
			if err == nil || errors.Is(err, session.ErrUnavailable) {
				t.Errorf("got %v, want an error that blames the query", err)
			}
		}
		equal(t, "sum afterwards", ask(t, b, sum()), total)
	},

	"closing waits for open sessions and refuses new ones": func(t *testing.T, b *bundle) {
		closed := make(chan error)
		wantErr(t, b.db.Write(timeout(t), func(w *session.Write) error {
			_, err := w.Do(t.Context(), addNote(1))
			go func() { closed <- b.engine.Close() }()
			for t.Context().Err() == nil && !errors.Is(b.db.Read(t.Context(), func(r *session.Read) error {
				return r.Gather(t.Context(), query.Into(new(int), notes()))
			}), session.ErrUnavailable) {
				runtime.Gosched() // it has not started to close yet
			}
			w.Add(addNote(2))
			return err
		}), nil)
		wantErr(t, <-closed, nil)
	},

	"a closed engine says so": func(t *testing.T, b *bundle) {
		wantErr(t, b.engine.Close(), nil)
		wantErr(t, b.db.Write(t.Context(), func(w *session.Write) error { w.Add(addNote(1)); return nil }), session.ErrUnavailable)
		wantErr(t, b.db.Read(t.Context(), func(r *session.Read) error {
			return r.Gather(t.Context(), query.Into(new(int), sum()))
		}), session.ErrUnavailable)
	},
}
