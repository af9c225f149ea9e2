package nameindex

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/musterhq/muster/internal/ids"
	"github.com/musterhq/muster/query"
	"github.com/musterhq/muster/session"
)

// Entry is a member to index.
type Entry struct {
	ID    ids.Member
	Grams []string
}

// Add adds members to the index. It sorts the list.
func Add(ctx context.Context, w *session.Write, list []Entry) error {
	if len(list) == 0 {
		return nil
	}
	slices.SortFunc(list, func(a, b Entry) int { return a.ID.Compare(b.ID) })
	postings := make(map[string][]ids.Member)
	for _, n := range list {
		for _, g := range n.Grams {
			postings[g] = append(postings[g], n.ID)
		}
	}
	order := slices.Sorted(maps.Keys(postings))
	for part := range slices.Chunk(order, gramStep) {
		if err := extend(ctx, w, part, postings, list[0].ID, list[len(list)-1].ID); err != nil {
			return err
		}
	}
	return nil
}

// gramStep is how many grams are read and written together.
const gramStep = 500

// extend adds the postings of some grams, with members from least to greatest, to
// their blocks.
func extend(ctx context.Context, w *session.Write, order []string, postings map[string][]ids.Member, least, greatest ids.Member) error {
	stored, err := session.Run(ctx, w, touchedBlocks(order, least, greatest))
	if err != nil {
		return err
	}
	for _, g := range order {
		n := 0
		for n < len(stored) && stored[n].gram == g {
			n++
		}
		for _, b := range merge(g, stored[:n], postings[g]) {
			w.Add(b.save())
		}
		stored = stored[n:]
	}
	return nil
}

// Enqueue returns the change that leaves a member with a new name or phone to
// [Update].
func Enqueue(id ids.Member) query.Change {
	return query.Exec("insert into member_unindexed (member_id) values ($1) on conflict (member_id) do nothing", id)
}

// updateStep is how many members one write session adds.
const updateStep = 500

// Update brings the members that wait into the index in bounded write sessions,
// until few are left, and returns their number. It may run at any time, beside
// all else: what a search finds does not change.
//
// If no member waits, it costs one read and writes nothing.
func Update(ctx context.Context, db *session.DB) (total int, err error) {
	if some, err := waiting(ctx, db); err != nil || !some {
		return 0, err
	}
	for moved := updateStep; moved == updateStep; total += moved {
		err := db.Write(ctx, func(w *session.Write) (err error) {
			moved, err = update(ctx, w)
			return err
		})
		if err != nil {
			return total, fmt.Errorf("updating the search index: %w", err)
		}
	}
	return total, nil
}

// waiting reports whether members wait for Update.
func waiting(ctx context.Context, db *session.DB) (some bool, err error) {
	err = db.Read(ctx, func(r *session.Read) (err error) {
		some, err = session.Run(ctx, r, query.Scalar[bool]("select exists (select 1 from member_unindexed)"))
		return err
	}, session.Once)
	if err != nil {
		return false, fmt.Errorf("looking for members to index: %w", err)
	}
	return some, nil
}

func update(ctx context.Context, w *session.Write) (int, error) {
	list, err := session.Run(ctx, w, query.Many(`
		select u.id, u.name_key, u.phone
		from (select member_id from member_unindexed order by member_id limit $1) n
			cross join users u where u.id = n.member_id`,
		func(r query.Row) (n Entry, err error) {
			var key string
			var phone *string
			err = r.Scan(&n.ID, &key, &phone)
			n.Grams = Grams(key, phone)
			return n, err
		}, updateStep))
	if err != nil || len(list) == 0 {
		return 0, err
	}
	if err := Add(ctx, w, list); err != nil {
		return 0, err
	}
	w.Add(query.Exec("delete from member_unindexed where member_id <= $1", list[len(list)-1].ID))
	return len(list), nil
}
