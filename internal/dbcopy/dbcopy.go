package dbcopy

import (
	"time"

	"github.com/musterhq/muster/internal/fault"
)

// marker is the setting by which a database that is being copied to is known.
const marker = "copied_from"

// The faults of a copy.
var (
	ErrNotEmpty = fault.New(fault.Conflict, "target_not_empty",
		"The target holds data that is not of this copy. Give an empty database, or one in which a copy from the same source was begun and which nobody has served since.")
	ErrDiffers = fault.New(fault.Conflict, "copy_differs",
		"The copy is not the same as the source: somebody wrote to the target meanwhile. Let nobody use the target, and copy again.")
	ErrInterrupted = fault.New(fault.Unavailable, "interrupted",
		"The copy was stopped. What was copied stays; run the same command again to go on.")
)

// Progress is how far a copy has come.
type Progress struct {
	Table     string
	Verifying bool
	Done, All int64 // rows
}

// Options of a copy.
type Options struct {
	Source   string         // names the source in the target, such as sqlite:/var/lib/muster
	Progress func(Progress) // called from time to time, by one goroutine; may be nil
}

// Table is what became of one table.
type Table struct {
	Name     string `json:"name"`
	Rows     int64  `json:"rows"`
	Digest   string `json:"digest"`   // SHA-256, the same in source and target
	Inserted int64  `json:"inserted"` // by this run
	Removed  int64  `json:"removed"`  // by this run: the source has changed since the last
}

// Report is what a copy did.
type Report struct {
	AsOf   time.Time `json:"as_of"` // the moment of the source that the target is now the same as
	Tables []Table   `json:"tables"`
}
