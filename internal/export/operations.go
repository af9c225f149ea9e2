package export

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/musterhq/muster/internal/directory"
	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/internal/member"
	"github.com/musterhq/muster/session"
)

// Format is how members are written.
type Format string

// The formats.
const (
	CSV   Format = "csv"   // one row each, relations as columns with dotted names
	JSONL Format = "jsonl" // one JSON object each, on a line
)

// Options of an export.
type Options struct {
	Format   Format
	To       io.Writer
	Reveal   bool                  // what is masked is written as it is: the caller has recorded why
	Deleted  directory.Deleted     // whether soft-deleted members are written too; by default they are not
	Rules    member.Rules          //
	Progress func(done, all int64) // called after each page; may be nil
}

// Report is what was written.
type Report struct {
	Members int64 `json:"members"`
}

// Run writes every member with all relations, the oldest first, from one
// snapshot: what changes meanwhile is not seen. Memory does not grow with the
// number of members. The end of ctx ends it with an error. Faults:
// unknown_format.
func Run(ctx context.Context, db *session.DB, o Options) (Report, error) {
	to := bufio.NewWriterSize(o.To, 256<<10)
	var out encoder = newLines(to)
	var err error
	switch o.Format {
	case JSONL:
	case CSV:
		out, err = newRows(to)
	default:
		err = fault.New(fault.Invalid, "unknown_format", "A format is csv or jsonl.")
	}
	if err != nil {
		return Report{}, err
	}
	if o.Progress == nil {
		o.Progress = func(int64, int64) {}
	}
	var r Report
	if r.Members, err = stream(ctx, db, o, out); err == nil {
		err = errors.Join(out.flush(), to.Flush())
	}
	if err != nil {
		return r, fmt.Errorf("exporting members: %w", err)
	}
	return r, nil
}

// stream loads the next page while the one before it is written.
func stream(ctx context.Context, db *session.DB, o Options, out encoder) (written int64, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	pages := make(chan directory.Page, 1)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for page := range pages {
			if err := write(out, page.Items, o.Reveal); err != nil {
				cancel(err)
				continue // until no page comes
			}
			written += int64(len(page.Items))
			o.Progress(written, page.Total.Count)
		}
	}()
	err = db.Read(ctx, func(r *session.Read) error { return load(ctx, r, o, pages) })
	close(pages)
	<-done
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	return written, err
}

func load(ctx context.Context, r *session.Read, o Options, pages chan<- directory.Page) error {
	list := directory.ListOptions{
		Filter:  directory.Filter{Deleted: o.Deleted},
		Sort:    directory.Sort{By: directory.ByCreated, Ascending: true},
		Limit:   directory.MaxLimit,
		Include: member.WithAll,
	}
	for {
		page, err := directory.List(ctx, r, o.Rules, list)
		if err != nil {
			return err
		}
		select {
		case pages <- page:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		if list.After = page.Next; list.After == nil {
			return nil
		}
	}
}

func write(out encoder, members []member.Detail, reveal bool) error {
	for i := range members {
		r := newRecord(&members[i], reveal)
		if err := out.encode(&r); err != nil {
			return err
		}
	}
	return nil
}
