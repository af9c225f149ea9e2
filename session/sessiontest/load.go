package sessiontest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"github.com/musterhq/muster/query"
	"github.com/musterhq/muster/session"
)

// torn is how many pages a reader checks while a writer commits.
const torn = 3000

var loadTests = map[string]func(*testing.T, *bundle){
	"no page is torn": func(t *testing.T, b *bundle) {
		whileTransferring(t, b, func() error {
			for range torn {
				var parts [accounts]int
				err := b.db.Read(t.Context(), func(r *session.Read) error {
					return r.Gather(t.Context(), balances(&parts)...)
				}, session.Once)
				if err != nil {
					return err
				}
				wantWhole(t, parts)
			}
			return nil
		})
	},

	"no session is torn": func(t *testing.T, b *bundle) {
		whileTransferring(t, b, func() error {
			for range torn / accounts {
				var parts [accounts]int
				err := b.db.Read(t.Context(), func(r *session.Read) (err error) {
					for i := range accounts {
						if parts[i], err = session.Run(t.Context(), r, balance(i)); err != nil {
							return err
						}
					}
					return nil
				})
				if err != nil {
					return err
				}
				wantWhole(t, parts)
			}
			return nil
		})
	},

	"a counter that is read and then written loses nothing": func(t *testing.T, b *bundle) {
		b.write(t, query.Exec(`update account set balance = 0`))
		inParallel(t, 8, func(int) error {
			for range 25 {
				err := b.db.Write(timeout(t), func(w *session.Write) error {
					n, err := session.Run(t.Context(), w, balance(0))
					w.Add(query.Exec(`update account set balance = $1 where name = 'a'`, n+1))
					return err
				})
				if err != nil {
					return err
				}
			}
			return nil
		})
		equal(t, "counter", ask(t, b, balance(0)), 200)
	},

	"sessions are serialisable": func(t *testing.T, b *bundle) {
		// Each takes from one account if the sum of both allows it: under snapshot
		// isolation, two at once would take too much (write skew).
		var refused atomic.Int64
		inParallel(t, 8, func(worker int) error {
			from := name(worker % 2)
			for range 20 {
				err := b.db.Write(timeout(t), func(w *session.Write) error {
					var one, two int
					if err := w.Gather(t.Context(), query.Into(&one, balance(0)), query.Into(&two, balance(1))); err != nil {
						return err
					}
					if one+two <= 10 {
						return errEmpty
					}
					w.Add(query.Exec(`insert into note (id) values ($1)`, rand.Int64()))
					w.Add(query.Exec(`update account set balance = balance - 1 where name = $1 and balance > 0`, from))
					return nil
				})
				if errors.Is(err, errEmpty) {
					refused.Add(1)
				} else if err != nil {
					return err
				}
			}
			return nil
		})
		if left := ask(t, b, balance(0)) + ask(t, b, balance(1)); left != 10 {
			t.Errorf("%d are left in both, want 10", left)
		}
		if refused.Load() == 0 {
			t.Error("nothing was refused: the test proves nothing")
		}
	},

	"errors of one session leave the others alone": func(t *testing.T, b *bundle) {
		var kept atomic.Int64
		inParallel(t, 16, func(worker int) error {
			for i := range 20 {
				id := worker*1000 + i
				err := b.db.Write(timeout(t), func(w *session.Write) error {
					w.Add(addNote(id))
					switch i % 4 {
					case 0:
						w.Add(addNote(id)) // refused: the id is taken
					case 1:
						_, err := session.Run(t.Context(), w, notes())
						return errors.Join(err, errWanted)
					case 2:
						_, err := session.Run(t.Context(), w, notes())
						return err
					}
					return nil
				})
				if (err == nil) != (i%4 >= 2) {
					return fmt.Errorf("session %d of worker %d: %w", i, worker, err)
				}
				if err == nil {
					kept.Add(1)
				}
			}
			return nil
		})
		equal(t, "notes", int64(ask(t, b, notes())), kept.Load())
	},

	"many more sessions than connections": func(t *testing.T, b *bundle) {
		inParallel(t, 100, func(worker int) error {
			ctx := timeout(t)
			if worker%4 == 0 {
				return b.db.Write(ctx, func(w *session.Write) error {
					_, err := session.Run(ctx, w, sum())
					w.Add(addNote(worker))
					return err
				})
			}
			return b.db.Read(ctx, func(r *session.Read) error {
				for range 5 {
					if err := r.Gather(ctx, query.Into(new(int), sum()), query.Into(new(int), notes())); err != nil {
						return err
					}
				}
				return nil
			})
		})
		equal(t, "notes", ask(t, b, notes()), 25)
	},

	"callers that hang up leave nothing behind": func(t *testing.T, b *bundle) {
		inParallel(t, 16, func(worker int) error {
			for i := range 60 {
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(rand.IntN(2000))*time.Microsecond)
				err := b.db.Read(ctx, func(r *session.Read) error {
					return r.Gather(ctx, query.Into(new(int), slow()))
				})
				if err == nil {
					t.Error("an endless query ended")
				}
				_ = b.db.Write(ctx, func(w *session.Write) error { // it may or may not be in time
					_, err := session.Run(ctx, w, sum())
					w.Add(addNote(worker*1000 + i))
					return err
				})
				cancel()
			}
			return nil
		})
		equal(t, "sum afterwards", ask(t, b, sum()), total)
		b.write(t, addNote(-1))
	},
}
