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

// Format is the format of an export.
type Format string

// The formats.
const (
	CSV   Format = "csv"   // a row for each member; the fields of a relation have dotted names
	JSONL Format = "jsonl" // a JSON object on a line for each member
)

// Options of an export.
type Options struct {
	Format   Format
	To       io.Writer
	Reveal   bool              // write masked fields in plain text; the caller has recorded the reason
	Deleted  directory.Deleted // whether to write soft-deleted members; the zero value leaves them out
	Rules    member.Rules
	Progress func(done, all int64) // called after each page; may be nil
}

// Report says what an export wrote.
type Report struct {
	Members int64 `json:"members"`
}

// Run writes all members with their relations, the oldest first, from one
// snapshot. Memory does not grow with the number of members. Canceling ctx stops
// the export with an error. Faults: unknown_format.
func Run(ctx context.Context, db *session.DB, o Options) (Report, error) {
	to := bufio.NewWriterSize(o.To, 256<<10)
	var out encoder = &lines{record: record{o.Reveal}, out: to}
	var err error
	switch o.Format {
	case JSONL:
	case CSV:
		out, err = newRows(to, o.Reveal)
	default:
		err = fault.New(fault.Invalid, "unknown_format", "The format is csv or jsonl.")
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

// stream loads a page while another goroutine writes the previous one.
func stream(ctx context.Context, db *session.DB, o Options, out encoder) (written int64, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	pages := make(chan directory.Page, 1)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for page := range pages {
			if err := write(out, page.Items); err != nil {
				cancel(err)
				continue // drain the pages
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

func write(out encoder, members []member.Detail) error {
	for i := range members {
		if err := out.encode(&members[i]); err != nil {
			return err
		}
	}
	return nil
}
