package sessiontest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/musterhq/muster/query"
	"github.com/musterhq/muster/session"
)

var writeTests = map[string]func(*testing.T, *bundle){
	"changes travel with the commit": func(t *testing.T, b *bundle) {
		ctx, cost := session.Track(t.Context(), "")
		err := b.db.Write(ctx, func(w *session.Write) error { w.Add(addNote(1), addNote(2)); return nil })
		wantErr(t, err, nil)
		equal(t, "trips", b.engine.Trips(), 1)
		equal(t, "trips in the cost", cost.Total().RoundTrips, 1)
		equal(t, "notes", ask(t, b, notes()), 2)
	},

	"the order of changes is kept": func(t *testing.T, b *bundle) {
		err := b.db.Write(t.Context(), func(w *session.Write) error {
			w.Add(addNote(1), query.Exec(`update note set label = 'one' where id = 1`))
			seen, err := session.Run(t.Context(), w, query.Scalar[string](`select label from note where id = 1`))
			equal(t, "label seen by the session", seen, "one")
			w.Add(query.Exec(`update note set label = label || ' and two' where id = 1`))
			touched, errDo := w.Do(t.Context(), query.Exec(`update note set label = label || ' and three'`))
			equal(t, "rows touched", touched, 1)
			return errors.Join(err, errDo)
		})
		wantErr(t, err, nil)
		equal(t, "label", ask(t, b, query.Scalar[string](`select label from note where id = 1`)), "one and two and three")
	},

	"an operation for reading runs inside a write and sees its changes": func(t *testing.T, b *bundle) {
		count := func(r *session.Read) (int, error) { return session.Run(t.Context(), r, notes()) }
		wantErr(t, b.db.Write(t.Context(), func(w *session.Write) error {
			w.Add(addNote(1))
			n, err := count(w.Read)
			equal(t, "notes in the session", n, 1)
			return err
		}), nil)
	},

	"an error rolls back": func(t *testing.T, b *bundle) {
		wantErr(t, b.db.Write(t.Context(), func(w *session.Write) error {
			w.Add(addNote(1))
			if _, err := w.Do(t.Context(), addNote(2)); err != nil {
				return err
			}
			w.AfterCommit(func(context.Context) { t.Error("AfterCommit without a commit") })
			return errWanted
		}), errWanted)
		equal(t, "notes", ask(t, b, notes()), 0)
	},

	"an error that fn swallows rolls back all the same": func(t *testing.T, b *bundle) {
		err := b.db.Write(t.Context(), func(w *session.Write) error {
			if _, err := w.Do(t.Context(), addNote(1)); err != nil {
				return err
			}
			_, _ = w.Do(t.Context(), addNote(1)) // refused: the id is taken
			w.Add(addNote(2))
			return nil
		})
		if err == nil {
			t.Error("a transaction with a failed change was committed")
		}
		equal(t, "notes", ask(t, b, notes()), 0)
	},

	"a panic rolls back and continues": func(t *testing.T, b *bundle) {
		equal(t, "panic", panics(func() {
			_ = b.db.Write(t.Context(), func(w *session.Write) error {
				_, _ = w.Do(t.Context(), addNote(1))
				panic(errWanted)
			})
		}), any(errWanted))
		equal(t, "panic of a row function", panics(func() {
			_ = b.db.Write(t.Context(), func(w *session.Write) error {
				w.Add(addNote(1))
				_, _ = session.Run(t.Context(), w, query.One(`select 1`, func(query.Row) (int, error) { panic(errWanted) }))
				return nil
			})
		}), any(errWanted))
		equal(t, "notes", ask(t, b, notes()), 0)
		b.write(t, addNote(1))
	},

	"a cancelled context rolls back": func(t *testing.T, b *bundle) {
		ctx, cancel := context.WithCancelCause(t.Context())
		wantErr(t, b.db.Write(ctx, func(w *session.Write) error {
			_, err := w.Do(ctx, addNote(1))
			cancel(errWanted)
			return err
		}), errWanted)
		equal(t, "notes", ask(t, b, notes()), 0)
	},

	"a cancelled query ends at once and harms nothing": func(t *testing.T, b *bundle) {
		for i := range 10 {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
			within(t, 30*time.Second, func() {
				wantErr(t, b.db.Write(ctx, func(w *session.Write) error {
					w.Add(addNote(i))
					_, err := session.Run(ctx, w, slow())
					return err
				}), context.DeadlineExceeded)
			})
			cancel()
		}
		equal(t, "notes", ask(t, b, notes()), 0)
		b.write(t, addNote(1))
	},

	"a context that has ended writes nothing": func(t *testing.T, b *bundle) {
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(errWanted)
		wantErr(t, b.db.Write(ctx, func(w *session.Write) error { w.Add(addNote(1)); return nil }), errWanted)
		equal(t, "notes", ask(t, b, notes()), 0)
	},

	"a compare-and-set that finds nothing fails": func(t *testing.T, b *bundle) {
		change := query.Exec(`update account set balance = 1 where name = 'nobody'`).Else(errWanted)
		wantErr(t, b.db.Write(t.Context(), func(w *session.Write) error { w.Add(addNote(1), change); return nil }), errWanted)
		wantErr(t, b.db.Write(t.Context(), func(w *session.Write) error { _, err := w.Do(t.Context(), change); return err }), errWanted)
		equal(t, "notes", ask(t, b, notes()), 0)
	},

	"constraints are reported by name": func(t *testing.T, b *bundle) {
		b.write(t, query.Exec(`insert into note (id, label) values (1, 'taken')`))
		cases := map[string]query.Change{
			"account_pkey":          query.Exec(`insert into account (name, balance) values ('a', 1)`),
			"account_balance_check": query.Exec(`update account set balance = -1 where name = 'a'`),
			"note_label_key":        query.Exec(`insert into note (id, label) values (2, 'taken')`),
		}
		for constraint, change := range cases {
			err := b.db.Write(t.Context(), func(w *session.Write) error {
				w.Add(addNote(9), change.OnConflict("another", errEmpty).OnConflict(constraint, errWanted))
				return nil
			})
			wantErr(t, err, errWanted)
			err = b.db.Write(t.Context(), func(w *session.Write) error { w.Add(change); return nil })
			var v *query.Violation
			if !errors.As(err, &v) || v.Constraint != constraint {
				t.Errorf("got %v, want a violation of %s", err, constraint)
			}
		}
		err := b.db.Write(t.Context(), func(w *session.Write) error {
			w.Add(query.Exec(`insert into note (id, owner) values (3, 'nobody')`))
			return nil
		})
		if _, ok := errors.AsType[*query.Violation](err); !ok {
			t.Errorf("got %v, want a violation of the foreign key", err)
		}
		equal(t, "notes", ask(t, b, notes()), 1)
	},

	"work after the commit": func(t *testing.T, b *bundle) {
		var order []int
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		wantErr(t, b.db.Write(ctx, func(w *session.Write) error {
			w.Add(addNote(1))
			for i := range 3 {
				w.AfterCommit(func(ctx context.Context) {
					cancel() // of the request: later functions still run
					wantErr(t, ctx.Err(), nil)
					equal(t, "notes seen after the commit", ask(t, b, notes()), 1)
					order = append(order, i)
				})
			}
			return nil
		}), nil)
		if !slices.Equal(order, []int{0, 1, 2}) {
			t.Errorf("called in the order %v", order)
		}
	},

	"a conflict is retried": func(t *testing.T, b *bundle) {
		ctx, cost := session.Track(t.Context(), "")
		runs := 0
		wantErr(t, b.db.Write(ctx, func(w *session.Write) error {
			runs++
			w.Add(addNote(runs))
			if runs < 3 {
				return fmt.Errorf("made up: %w", session.ErrConflict)
			}
			return nil
		}), nil)
		equal(t, "runs", runs, 3)
		equal(t, "retries in the cost", cost.Total().Retries, 2)
		equal(t, "notes", ask(t, b, notes()), 1)
	},

	"a conflict is not retried for ever": func(t *testing.T, b *bundle) {
		runs := 0
		err := b.db.Write(timeout(t), func(*session.Write) error { runs++; return session.ErrConflict })
		wantErr(t, err, session.ErrConflict)
		if runs < 2 || runs > 100 {
			t.Errorf("it ran %d times", runs)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		wantErr(t, b.db.Write(ctx, func(*session.Write) error { return session.ErrConflict }), context.DeadlineExceeded)
	},

	"every later session sees what was acknowledged": func(t *testing.T, b *bundle) {
		inParallel(t, 4, func(worker int) error {
			for i := range 50 {
				id := worker*1000 + i
				if err := b.db.Write(t.Context(), func(w *session.Write) error { w.Add(addNote(id)); return nil }); err != nil {
					return err
				}
				if n := ask(t, b, query.Scalar[int](`select count(*) from note where id = $1`, id)); n != 1 {
					return fmt.Errorf("note %d was acknowledged and is missing", id)
				}
			}
			return nil
		})
		equal(t, "notes", ask(t, b, notes()), 200)
	},
}
