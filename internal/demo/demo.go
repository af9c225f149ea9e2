package demo

import (
	"context"
	"fmt"
	"time"

	"github.com/musterhq/muster/internal/audit"
	"github.com/musterhq/muster/internal/blob"
	"github.com/musterhq/muster/internal/counters"
	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/internal/ids"
	"github.com/musterhq/muster/internal/member"
	"github.com/musterhq/muster/query"
	"github.com/musterhq/muster/session"
)

// MaxMembers is the most that Fill makes: there is one phone for each.
const MaxMembers = 10_000_000

// ErrNotEmpty is the fault for a store that has members.
var ErrNotEmpty = fault.New(fault.Conflict, "store_not_empty", "The store has members; demonstration members are made in an empty one only.")

// Options say what Fill makes.
type Options struct {
	Members  int                   // how many, up to MaxMembers
	Media    int                   // how many of them, the newest, may have photos and documents
	Seed     uint64                // of all that is thrown
	Now      time.Time             // the moment at which the year of sign-ups ends
	Rules    member.Rules          // of the store, in whose zone it counts days already
	By       audit.Recorder        // writes an entry of the record for each batch
	Progress func(done, total int) // told after each step; may be nil
}

func (o *Options) check() error {
	var f fault.Fields
	if o.Members < 0 || o.Members > MaxMembers {
		f.Add("members", "out_of_range", "is 0 to %d", MaxMembers)
	}
	return f.Err()
}

// batch is how many members are made in one transaction, and were last changed
// at one moment: few where there are few. Large ones spare the search index
// most of its work.
func (o *Options) batch() int { return min(max(o.Members/100, 10), 4000) }

// Fill makes the members in an empty store, the oldest first, and folds their
// counters. The planner's statistics are for the caller to refresh afterwards.
// When it fails or ctx ends, what was made until then stays. Faults:
// store_not_empty, invalid.
func Fill(ctx context.Context, db *session.DB, store blob.Store, o Options) error {
	if err := o.check(); err != nil {
		return err
	}
	if err := isEmpty(ctx, db); err != nil {
		return err
	}
	f := &filler{Options: o, db: db, store: store}
	f.Rules.Imported = true // as in an import, a member comes with its history
	if f.Rules.Zone == nil {
		f.Rules.Zone = time.UTC
	}
	if err := f.run(ctx); err != nil {
		return fmt.Errorf("making demonstration members: %w", err)
	}
	_, err := counters.Rollup(ctx, db)
	return err
}

func isEmpty(ctx context.Context, db *session.DB) error {
	return db.Read(ctx, func(r *session.Read) error {
		some, err := session.Run(ctx, r, query.Scalar[bool]("select exists (select 1 from users)"))
		if err == nil && some {
			err = ErrNotEmpty
		}
		return err
	}, session.Once)
}

type filler struct {
	Options
	db    *session.DB
	store blob.Store
	album album
}

// run writes one batch while the next is being thought up.
func (f *filler) run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	batches := make(chan []person, 1)
	var failed error // set before batches is closed
	go func() {
		defer close(batches)
		failed = f.think(ctx, batches)
	}()
	err := f.write(ctx, batches)
	cancel()
	for range batches { // until the goroutine has ended
	}
	if err == nil {
		err = failed
	}
	return err
}

// think makes people up, in the order in which they signed up.
func (f *filler) think(ctx context.Context, batches chan<- []person) error {
	calendar := newCalendar(f.Now.UTC(), f.Rules.Zone)
	batch := f.batch()
	for first := 0; first < f.Members; first += batch {
		people := make([]person, 0, batch)
		for i := first; i < min(first+batch, f.Members); i++ {
			at := calendar.at((float64(i) + newDice(f.Seed+1, i).Float64()) / float64(f.Members))
			p := personOf(f.Seed, i, at, f.Now)
			if i < f.Members-f.Media {
				p.photos, p.documents = nil, nil
			}
			if err := f.Rules.Check(&p.Detail, f.Now); err != nil {
				return fmt.Errorf("member %d: %w", i, err)
			}
			people = append(people, p)
		}
		select {
		case batches <- people:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

func (f *filler) write(ctx context.Context, batches <-chan []person) error {
	done := 0
	for people := range batches {
		made, err := f.make(ctx, people)
		if err == nil {
			err = f.illustrate(ctx, people, made)
		}
		if err != nil {
			return err
		}
		if done += len(people); f.Progress != nil {
			f.Progress(done, f.Members)
		}
	}
	return nil
}

// make makes a batch of members, in one transaction.
func (f *filler) make(ctx context.Context, people []person) (made []ids.Member, err error) {
	list := make([]member.Draft, len(people))
	for i := range people {
		list[i] = people[i].Draft()
	}
	last := list[len(list)-1].CreatedAt
	err = f.db.Write(ctx, func(w *session.Write) error {
		if made, err = member.CreateMany(ctx, w, f.Rules, list, last); err != nil {
			return err
		}
		f.By.Record(w, audit.Event{Action: member.ActionImported, Became: map[string]any{"members": len(list), "demo": true}}, f.Now)
		for i, p := range people {
			for _, s := range p.former {
				w.Add(addFormer(made[i], s))
			}
			if p.deleted.IsZero() {
				continue
			}
			if _, err := member.Delete(ctx, w, f.By, f.Rules, made[i], nil, p.deleted); err != nil {
				return fmt.Errorf("deleting a member: %w", err)
			}
		}
		return nil
	})
	return made, err
}

// addFormer adds a subscription that was over before the current one.
func addFormer(m ids.Member, s member.Subscription) query.Change {
	return query.Exec(`
		insert into subscription (member_id, id, plan, status, started_at, expires_at, current)
		values ($1, $2, $3, $4, $5, $6, false)`,
		m, ids.New[ids.Row](s.StartedAt), s.Plan, string(s.Status), s.StartedAt, s.ExpiresAt)
}
