package media

import (
	"context"
	"errors"
	"fmt"

	"github.com/musterhq/muster/internal/blob"
	"github.com/musterhq/muster/internal/ids"
	"github.com/musterhq/muster/query"
	"github.com/musterhq/muster/session"
)

// Found is what a check of the objects found.
type Found struct {
	Checked int      `json:"checked"`
	Missing int      `json:"missing"`
	Keys    []string `json:"keys"` // of the first missing objects; not nil
}

// Bounds of a check.
const (
	maxKeys   = 100
	checkPage = 1000
)

// Check looks for the object of every photo and document that is not deleted. It
// reads page by page, each in a snapshot of its own: one held for long would keep
// the log of a running server from being written back.
func Check(ctx context.Context, db *session.DB, store blob.Store) (Found, error) {
	f := Found{Keys: []string{}}
	for _, table := range []string{"photos", "documents"} {
		if err := f.checkTable(ctx, db, store, table); err != nil {
			return f, fmt.Errorf("looking for the objects of %s: %w", table, err)
		}
	}
	return f, nil
}

func (f *Found) checkTable(ctx context.Context, db *session.DB, store blob.Store, table string) error {
	var last object
	for {
		var page []object
		err := db.Read(ctx, func(r *session.Read) (err error) {
			page, err = session.Run(ctx, r, objectsAfter(table, last))
			return err
		}, session.Once)
		if err != nil {
			return err
		}
		for _, o := range page {
			if err := f.look(ctx, store, o.key); err != nil {
				return err
			}
		}
		if len(page) < checkPage {
			return nil
		}
		last = page[len(page)-1]
	}
}

func (f *Found) look(ctx context.Context, store blob.Store, key string) error {
	f.Checked++
	o, err := store.Open(ctx, key)
	switch {
	case err == nil:
		return o.Close()
	case errors.Is(err, blob.ErrNotFound), errors.Is(err, blob.ErrKey):
		f.Missing++
		if len(f.Keys) < maxKeys {
			f.Keys = append(f.Keys, key)
		}
		return nil
	default:
		return err
	}
}

// object is where a photo or document is.
type object struct {
	member ids.Member
	id     ids.Row
	key    string
}

// objectsAfter returns the next page of a table in the order of its primary key.
func objectsAfter(table string, last object) query.Query[[]object] {
	return query.Many(`select member_id, id, s3_key from `+table+`
		where (member_id, id) > ($1, $2) and deleted_at is null order by member_id, id limit $3`,
		func(r query.Row) (o object, err error) { return o, r.Scan(&o.member, &o.id, &o.key) },
		last.member, last.id, checkPage)
}
