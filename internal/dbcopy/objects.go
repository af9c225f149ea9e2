package dbcopy

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/musterhq/muster/internal/blob"
	"github.com/musterhq/muster/internal/ids"
	"github.com/musterhq/muster/query"
	"github.com/musterhq/muster/session"
)

// Objects reports on photos and documents.
type Objects struct {
	Copied  int64    `json:"copied"`
	Present int64    `json:"present"` // in the target already, with the right size
	Bytes   int64    `json:"bytes"`   // copied
	Missing []string `json:"missing"` // keys of rows whose object the source lacks; the first hundred
	Damaged []string `json:"damaged"` // keys whose content differs from what the row says; the first hundred
}

const (
	parallel = 8   // objects that are copied at the same time
	maxNamed = 100 // keys in a list of the report
)

// object is what a row says of an object.
type object struct {
	owner, id ids.Row
	key       string
	bytes     int64
	sha256    string
}

// CopyObjects copies the objects that rows name from one object store to another.
// An object that the target has with the right size stays, so that a run continues
// an interrupted one. Missing and damaged objects are reported and left out.
// Progress is called with the number of objects done, by one goroutine. Faults:
// those of the stores, interrupted.
func CopyObjects(ctx context.Context, db *session.DB, source, target blob.Store, progress func(done int64)) (report Objects, err error) {
	report.Missing, report.Damaged = []string{}, []string{}
	tables, err := run(ctx, db, objectTables)
	if err != nil {
		return report, stopped(ctx, err)
	}
	var done int64
	for _, table := range tables {
		var after object
		for {
			list, err := run(ctx, db, objectsAfter(table, after))
			if err != nil {
				return report, stopped(ctx, err)
			}
			if err := copyAll(ctx, source, target, list, &report); err != nil {
				return report, stopped(ctx, err)
			}
			done += int64(len(list))
			progress(done)
			if len(list) < chunkRows {
				break
			}
			after = list[len(list)-1]
		}
	}
	return report, nil
}

// objectTables lists the tables whose rows name objects.
var objectTables = query.Many(`select table_name from {columns $1} as c where column_name = 's3_key' order by table_order`,
	func(r query.Row) (name string, err error) { return name, r.Scan(&name) }, migrations)

// objectsAfter returns the objects behind o, in the order of their owners.
func objectsAfter(table string, o object) query.Query[[]object] {
	return query.Many("select member_id, id, s3_key, bytes, sha256 from "+table+`
		where (member_id, id) > ($1, $2) order by member_id, id limit $3`,
		func(r query.Row) (o object, err error) {
			return o, r.Scan(&o.owner, &o.id, &o.key, &o.bytes, &o.sha256)
		}, o.owner, o.id, chunkRows)
}

// outcome says what became of an object.
type outcome uint8

const (
	carried outcome = iota + 1
	present
	missing
	damaged
)

func copyAll(ctx context.Context, source, target blob.Store, list []object, report *Objects) error {
	outcomes := make([]outcome, len(list))
	var bytes atomic.Int64
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(parallel)
	for i := range list {
		group.Go(func() (err error) {
			outcomes[i], err = copyObject(ctx, source, target, &list[i])
			if outcomes[i] == carried {
				bytes.Add(list[i].bytes)
			}
			return err
		})
	}
	err := group.Wait()
	report.Bytes += bytes.Load()
	for i, o := range outcomes {
		switch o {
		case carried:
			report.Copied++
		case present:
			report.Present++
		case missing:
			report.Missing = named(report.Missing, list[i].key)
		case damaged:
			report.Damaged = named(report.Damaged, list[i].key)
		}
	}
	return err
}

func named(list []string, key string) []string {
	if len(list) < maxNamed {
		list = append(list, key)
	}
	return list
}

func copyObject(ctx context.Context, source, target blob.Store, o *object) (outcome, error) {
	there, err := target.Open(ctx, o.key)
	if err == nil {
		size := there.Size
		if err := there.Close(); err != nil {
			return 0, fmt.Errorf("checking an object of the target: %w", err)
		}
		if size == o.bytes {
			return present, nil
		}
	} else if !errors.Is(err, blob.ErrNotFound) {
		return 0, err
	}
	from, err := source.Open(ctx, o.key)
	if errors.Is(err, blob.ErrNotFound) {
		return missing, nil
	}
	if err != nil {
		return 0, err
	}
	defer from.Close()
	sum := sha256.New()
	if from.Size != o.bytes {
		return damaged, nil
	}
	if _, err := io.Copy(sum, from); err != nil {
		return 0, fmt.Errorf("reading an object: %w", err)
	}
	if hex.EncodeToString(sum.Sum(nil)) != o.sha256 {
		return damaged, nil
	}
	if _, err := from.Seek(0, io.SeekStart); err != nil {
		return 0, fmt.Errorf("reading an object again: %w", err)
	}
	if err := target.Put(ctx, o.key, o.bytes, from); err != nil {
		return 0, err
	}
	return carried, nil
}
