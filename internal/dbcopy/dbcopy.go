package dbcopy

import (
	"context"
	"time"

	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/query"
	"github.com/musterhq/muster/session"
)

// marker is the setting that marks the target of a copy.
const marker = "copied_from"

// The faults of a copy.
var (
	ErrNotEmpty = fault.New(fault.Conflict, "target_not_empty",
		"The target holds data that is not part of this copy. Use an empty database, or the unserved target of an earlier copy from the same source.")
	ErrDiffers = fault.New(fault.Conflict, "copy_differs",
		"The copy differs from the source because the target was written to meanwhile. Stop whatever uses the target, then copy again.")
	ErrInterrupted = fault.New(fault.Unavailable, "interrupted",
		"The copy was interrupted. Run the same command again to continue.")
)

// Progress says how far a copy has come.
type Progress struct {
	Table     string
	Verifying bool
	Done, All int64 // rows
}

// Options of a copy.
type Options struct {
	Source   string         // names the source in the target, such as sqlite:/var/lib/muster
	Progress func(Progress) // called after each chunk, by one goroutine; may be nil
}

// Table reports on one table.
type Table struct {
	Name     string `json:"name"`
	Rows     int64  `json:"rows"`
	Digest   string `json:"digest"`   // SHA-256, equal in source and target
	Inserted int64  `json:"inserted"` // by this run
	Removed  int64  `json:"removed"`  // by this run: rows that changed in the source since the last one
}

// Report says what a copy did.
type Report struct {
	AsOf   time.Time `json:"as_of"` // the moment of the source that the target shows
	Tables []Table   `json:"tables"`
}

// run runs a query in a session of its own.
func run[T any](ctx context.Context, db *session.DB, q query.Query[T]) (answer T, err error) {
	err = db.Read(ctx, func(r *session.Read) (err error) {
		answer, err = session.Run(ctx, r, q)
		return err
	}, session.Once)
	return answer, err
}
