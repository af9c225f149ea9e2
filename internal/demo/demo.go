package demo

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/musterhq/muster/internal/audit"
	"github.com/musterhq/muster/internal/blob"
	"github.com/musterhq/muster/internal/counters"
	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/internal/field"
	"github.com/musterhq/muster/internal/ids"
	"github.com/musterhq/muster/internal/member"
	"github.com/musterhq/muster/query"
	"github.com/musterhq/muster/session"
)

// MaxMembers is the number of members that Fill has phones for.
const MaxMembers = 10_000_000

// ErrNotEmpty is the fault of a store with members.
var ErrNotEmpty = fault.New(fault.Conflict, "store_not_empty", "The store already has members. Demo members can only be created in an empty store.")

// Options say what Fill creates.
type Options struct {
	Members  int                   // how many, up to MaxMembers
	Media    int                   // how many of them, the newest, may have photos and documents
	Seed     uint64                // of everything random
	Now      time.Time             // the end of the year of sign-ups
	Rules    member.Rules          // of the store, which counts days in their zone
	By       audit.Recorder        // writes an audit entry for each batch
	Progress func(done, total int) // called after each batch; may be nil
}

func (o *Options) check() error {
	var f fault.Fields
	if o.Members < 0 || o.Members > MaxMembers {
		f.Add("members", field.CodeOutOfRange, "Must be from 0 to %d.", MaxMembers)
	}
	return f.Err()
}

// batch returns how many members are created in one transaction, with one time of
// the last change. Large batches spare the search index most of its work.
func (o *Options) batch() int { return min(max(o.Members/100, 10), 4000) }

// Fill creates the members in an empty store, the oldest first, and rolls up their
// counters. The caller refreshes the planner's statistics afterwards. If it fails or
// ctx ends, what was created stays. Faults: store_not_empty, invalid.
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
		return fmt.Errorf("creating demo members: %w", err)
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

// run writes a batch while another goroutine invents the next.
func (f *filler) run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	batches := make(chan []person, 1)
	var failed error // set before batches is closed
	go func() {
		defer close(batches)
		failed = f.invent(ctx, batches)
	}()
	err := f.write(ctx, batches)
	cancel()
	for range batches { // until the goroutine has returned
	}
	if err == nil {
		err = failed
	}
	return err
}

// invent sends people in the order in which they signed up.
func (f *filler) invent(ctx context.Context, batches chan<- []person) error {
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
		created, err := f.create(ctx, people)
		if err == nil {
			err = f.illustrate(ctx, people, created)
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

// create creates a batch of members, in one transaction.
func (f *filler) create(ctx context.Context, people []person) (created []ids.Member, err error) {
	list := make([]member.Draft, len(people))
	for i := range people {
		list[i] = people[i].Draft()
	}
	last := list[len(list)-1].CreatedAt
	err = f.db.Write(ctx, func(w *session.Write) error {
		if created, err = member.CreateMany(ctx, w, f.Rules, list, last); err != nil {
			return err
		}
		f.By.Record(w, audit.Event{Action: member.ActionImported, Became: map[string]any{"members": len(list), "demo": true}}, f.Now)
		for i, p := range people {
			for _, s := range p.former {
				w.Add(addFormer(created[i], s))
			}
			if p.deleted.IsZero() {
				continue
			}
			if _, err := member.Delete(ctx, w, f.By, f.Rules, created[i], nil, p.deleted); err != nil {
				return fmt.Errorf("deleting a member: %w", err)
			}
		}
		return nil
	})
	return created, err
}

// insertFormer inserts a subscription that is not the current one.
var insertFormer = func() string {
	columns := field.For[member.Subscription]().ColumnNames()
	var places strings.Builder
	for i := range columns {
		places.WriteString(", $" + strconv.Itoa(i+2))
	}
	return "insert into subscription (current, member_id, " + strings.Join(columns, ", ") + ") values (false, $1" + places.String() + ")"
}()

// addFormer adds a subscription from before the current one.
func addFormer(m ids.Member, s member.Subscription) query.Change {
	s.ID = ids.New[ids.Row](s.StartedAt)
	return query.Exec(insertFormer, field.For[member.Subscription]().Values([]any{m}, &s)...)
}
