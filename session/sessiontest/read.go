package sessiontest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/musterhq/muster/query"
	"github.com/musterhq/muster/session"
)

var readTests = map[string]func(*testing.T, *bundle){
	"a session keeps its snapshot": func(t *testing.T, b *bundle) {
		err := b.db.Read(t.Context(), func(r *session.Read) error {
			before, err := session.Run(t.Context(), r, balance(0))
			if err != nil {
				return err
			}
			b.write(t, transfer(0, 1)...)
			after, err := session.Run(t.Context(), r, balance(0))
			equal(t, "balance in the session", after, before)
			return err
		})
		wantErr(t, err, nil)
		equal(t, "balance afterwards", ask(t, b, balance(0)), total/accounts-1)
	},

	"a gather is one round trip": func(t *testing.T, b *bundle) {
		ctx, cost := session.Track(t.Context(), "")
		var parts [accounts]int
		err := b.db.Read(ctx, func(r *session.Read) error { return r.Gather(ctx, balances(&parts)...) })
		wantErr(t, err, nil)
		equal(t, "trips on the engine", b.engine.Trips(), 1)
		equal(t, "trips in the cost", cost.Total().RoundTrips, 1)
		if cost.Total().Database <= 0 || cost.Total().Node == "" {
			t.Errorf("the cost %+v lacks its time or node", cost.Total())
		}
	},

	"a session without a query costs nothing": func(t *testing.T, b *bundle) {
		wantErr(t, b.db.Read(t.Context(), func(*session.Read) error { return nil }), nil)
		equal(t, "trips", b.engine.Trips(), 0)
	},

	"destinations stay untouched when one fails": func(t *testing.T, b *bundle) {
		first, second := -1, -1
		err := b.db.Read(t.Context(), func(r *session.Read) error {
			return r.Gather(t.Context(), query.Into(&first, balance(0)),
				query.Into(&second, query.Scalar[int](`select balance from account where name = 'nobody'`).Else(errWanted)))
		})
		wantErr(t, err, errWanted)
		equal(t, "first", first, -1)
		equal(t, "second", second, -1)
	},

	"an error is its own query's, and the session continues or ends": func(t *testing.T, b *bundle) {
		err := b.db.Read(t.Context(), func(r *session.Read) error {
			_, err := session.Run(t.Context(), r, query.Scalar[int](`select no_such_column from account`))
			return err
		})
		if err == nil {
			t.Error("a wrong text was run")
		}
		equal(t, "sum afterwards", ask(t, b, sum()), total)
	},

	"a query value runs twice and at once": func(t *testing.T, b *bundle) {
		q := query.Many(`select name from account order by name`, func(r query.Row) (s string, err error) { return s, r.Scan(&s) })
		inParallel(t, 8, func(int) error {
			for range 20 {
				err := b.db.Read(t.Context(), func(r *session.Read) error {
					var one, two []string
					err := r.Gather(t.Context(), query.Into(&one, q), query.Into(&two, q))
					if len(one) != accounts || len(two) != accounts {
						t.Errorf("got %v and %v", one, two)
					}
					return err
				})
				if err != nil {
					return err
				}
			}
			return nil
		})
	},

	"a query of several runs together": func(t *testing.T, b *bundle) {
		q := query.Map(query.Together(balances),
			func(p [accounts]int) (int, error) { return p[0] + p[1] + p[2] + p[3], nil })
		equal(t, "sum", ask(t, b, q), total)
		equal(t, "trips", b.engine.Trips(), 1)
	},

	"the number of rows is checked": func(t *testing.T, b *bundle) {
		scan := func(r query.Row) (n int, err error) { return n, r.Scan(&n) }
		read := func(q query.Query[int]) error {
			return b.db.Read(t.Context(), func(r *session.Read) error {
				_, err := session.Run(t.Context(), r, q)
				return err
			})
		}
		wantErr(t, read(query.One(`select balance from account where name = 'nobody'`, scan)), query.ErrNoRow)
		wantErr(t, read(query.One(`select balance from account`, scan)), query.ErrManyRows)
		if got := ask(t, b, query.Maybe(`select balance from account where name = 'nobody'`, scan)); got != nil {
			t.Errorf("got %v for no row, want nil", *got)
		}
		if got := ask(t, b, query.Many(`select balance from account where name = 'nobody'`, scan)); got == nil || len(got) != 0 {
			t.Errorf("got %v for no rows, want an empty slice", got)
		}
	},

	"rows can be read one by one": func(t *testing.T, b *bundle) {
		var got []string
		q := query.Each(`select name from account order by name`,
			func(r query.Row) (s string, err error) { return s, r.Scan(&s) },
			func(s string) error { got = append(got, s); return nil })
		equal(t, "rows", ask(t, b, q), accounts)
		equal(t, "last row", got[len(got)-1], name(accounts-1))
	},

	"the database refuses a write in a read session": func(t *testing.T, b *bundle) {
		err := b.db.Read(t.Context(), func(r *session.Read) error {
			_, err := session.Run(t.Context(), r, query.Scalar[int](`insert into note (id) values (1) returning id`))
			return err
		})
		if err == nil {
			t.Error("a read session wrote")
		}
		equal(t, "notes", ask(t, b, notes()), 0)
	},

	"a cancelled query ends at once and harms nothing": func(t *testing.T, b *bundle) {
		for range 20 {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
			within(t, 30*time.Second, func() {
				wantErr(t, b.db.Read(ctx, func(r *session.Read) error {
					_, err := session.Run(ctx, r, slow())
					return err
				}), context.DeadlineExceeded)
			})
			cancel()
		}
		equal(t, "sum afterwards", ask(t, b, sum()), total)
	},

	"a panic ends the session and continues": func(t *testing.T, b *bundle) {
		for range 50 { // more often than there are connections
			equal(t, "panic", panics(func() {
				_ = b.db.Read(t.Context(), func(r *session.Read) error {
					_, _ = session.Run(t.Context(), r, sum())
					panic(errWanted)
				})
			}), any(errWanted))
			equal(t, "panic of a row function", panics(func() {
				_ = b.db.Read(t.Context(), func(r *session.Read) error {
					return r.Gather(t.Context(), query.Into(new(int), query.One(`select 1`, func(query.Row) (int, error) { panic(errWanted) })))
				})
			}), any(errWanted))
		}
		equal(t, "sum afterwards", ask(t, b, sum()), total)
	},

	"First travels with the first exchange": func(t *testing.T, b *bundle) {
		first, then := -1, -1
		read := func(fn func(r *session.Read) error, options ...session.Option) error {
			first, then = -1, -1
			return b.db.Read(t.Context(), fn, append(options, session.First(query.Into(&first, sum())))...)
		}
		wantErr(t, read(func(r *session.Read) error { return r.Gather(t.Context(), query.Into(&then, notes())) }, session.Once), nil)
		equal(t, "first and then", [2]int{first, then}, [2]int{total, 0})
		equal(t, "trips", b.engine.Trips(), 1)
		wantErr(t, read(func(*session.Read) error { return nil }), nil)
		equal(t, "first, when fn runs no query", first, total)
	},

	"an error of First comes before all others": func(t *testing.T, b *bundle) {
		gate := query.Scalar[int](`select balance from account where name = 'nobody'`).Else(errWanted)
		bad := query.Scalar[int](`select balance from account where name = 'nobody'`).Else(errEmpty)
		then := -1
		for name, fn := range map[string]func(r *session.Read) error{
			"a gather": func(r *session.Read) error {
				return r.Gather(t.Context(), query.Into(&then, bad), query.Into(new(int), sum()))
			},
			"nothing": func(*session.Read) error { return nil },
		} {
			if err := b.db.Read(t.Context(), fn, session.First(query.Into(new(int), gate))); !errors.Is(err, errWanted) || then != -1 {
				t.Errorf("before %s: got %v and %d, want %v", name, err, then, errWanted)
			}
		}
	},
}
