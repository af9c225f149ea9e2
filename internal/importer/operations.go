package importer

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/musterhq/muster/internal/audit"
	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/internal/member"
	"github.com/musterhq/muster/query"
	"github.com/musterhq/muster/session"
)

// Options of an import.
type Options struct {
	Map      *Map
	File     string // its path
	Rejects  string // the path of a new file for rejected rows; if empty, they are only counted
	DryRun   bool   // do everything except writing to the store
	Rules    member.Rules
	By       audit.Recorder // writes an audit entry for each batch that creates members
	Progress func(Progress) // called after each batch, by one goroutine; may be nil
}

// Progress says how far an import has come.
type Progress struct {
	Examining   bool  // the file is read for the first time
	Done, Total int64 // bytes of the file
	Rows        int64
	Created     int64
	Rejected    int64
}

// ErrInterrupted is the fault of an import that stopped between batches. Run again,
// it continues there.
var ErrInterrupted = fault.New(fault.Unavailable, "interrupted",
	"The import was interrupted. What was reported is stored. Run the same command again to continue.")

// batchLimit bounds the write session of a batch, which outlives ctx.
const batchLimit = time.Minute

// Run imports a file. Each batch is one write session, which also stores the place
// that the import has reached: others can write between batches, and an import that
// ended early continues when it is run again. A row whose external ID a member has
// changes nothing, so that a file that is imported twice creates no duplicates.
//
// Canceling ctx stops the import after the current batch, with [ErrInterrupted].
// With an error, the report says what was done until then. Faults: bad_header,
// bad_map, not_a_sheet, wrong_encoding, rejects_exist, bad_rejects, interrupted.
func Run(ctx context.Context, db *session.DB, o Options) (Report, error) {
	start := time.Now()
	o.Rules.Imported = true
	if o.Progress == nil {
		o.Progress = func(Progress) {}
	}
	s, err := openSource(ctx, o.File, &o.Map.File, func(done, total int64) {
		o.Progress(Progress{Examining: true, Done: done, Total: total})
	})
	if err != nil {
		return Report{}, stopped(ctx, err)
	}
	defer s.file.Close()
	p, err := bind(o.Map, s.header, o.Rules)
	if err != nil {
		return Report{}, err
	}
	r := &run{db: db, options: o, plan: p, source: s, start: start, report: newReport(p)}
	if err := r.resume(ctx); err != nil {
		return r.report, stopped(ctx, err)
	}
	err = errors.Join(r.all(ctx), r.rejects.close())
	r.finish(time.Since(start))
	return r.report, err
}

// stopped returns err, as [ErrInterrupted] if ctx has ended.
func stopped(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ErrInterrupted.Because(err)
	}
	return err
}

// run is one run of an import.
type run struct {
	db      *session.DB
	options Options
	plan    *plan
	source  *source
	start   time.Time
	dated   int64 // rows that have their time of creation
	job     job
	rejects rejects
	report  Report
}

// resume finds where an earlier run stopped. A file that was imported to its end is
// imported from the start again: rows that were rejected may pass now.
func (r *run) resume(ctx context.Context) error {
	r.job = job{
		file: r.source.nature.Hash, mapping: r.options.Map.hash,
		startedAt: r.start.UTC().Truncate(time.Microsecond),
	}
	r.rejects = rejects{path: r.options.Rejects, delimiter: r.options.Map.File.delimiter(), header: r.plan.header}
	if !r.options.DryRun {
		var earlier *job
		err := r.db.Read(ctx, func(s *session.Read) (err error) {
			earlier, err = session.Run(ctx, s, jobOf(r.job.file, r.job.mapping))
			return err
		}, session.Once)
		switch {
		case err != nil:
			return fmt.Errorf("looking for an earlier run: %w", err)
		case earlier != nil && earlier.line >= r.source.nature.Lines:
			r.report.Before = &earlier.updatedAt
		case earlier != nil:
			r.job = *earlier
			r.report.Resumed = earlier.line
		}
	}
	info, err := r.source.file.Stat()
	if err != nil {
		return fmt.Errorf("reading the file: %w", err)
	}
	return r.rejects.open(info, r.job.line)
}

// all reads in one goroutine and writes in this one.
func (r *run) all(ctx context.Context) error {
	reading, cancel := context.WithCancel(ctx)
	defer cancel()
	batches := make(chan batch)
	done := make(chan error, 1)
	go func() {
		defer close(batches)
		done <- r.source.batches(reading, r.plan, r.job.line, r.start, batches)
	}()
	err := r.write(ctx, batches)
	cancel()
	for range batches {
	}
	if err := errors.Join(err, <-done); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return ErrInterrupted.Because(context.Cause(ctx))
	}
	return r.complete(ctx)
}

// write writes batches until the last, or until ctx ends.
func (r *run) write(ctx context.Context, batches <-chan batch) error {
	for b := range batches {
		if ctx.Err() != nil {
			return nil //nolint:nilerr // the caller returns ErrInterrupted
		}
		for i := range b.past {
			r.report.reject(b.past[i].problems)
		}
		if len(b.entries) > 0 {
			r.date(b.entries)
			start := time.Now()
			if err := r.store(ctx, b.entries, b.line); err != nil {
				return fmt.Errorf("importing the rows up to line %d: %w", b.line, err)
			}
			r.source.pace.took(time.Since(start))
		}
		r.report.addTally(b.tally)
		r.report.Rows += b.rows
		r.options.Progress(Progress{
			Done: b.done, Total: r.source.nature.Bytes,
			Rows: r.report.Rows, Created: r.job.created, Rejected: r.job.rejected,
		})
	}
	return nil
}

// date sets the time of creation of members without one to that of the import, each
// a microsecond later than the previous, so that lists keep the order of the file.
func (r *run) date(entries []entry) {
	for i := range entries {
		r.dated++
		if n := &entries[i].new; n.CreatedAt.IsZero() {
			n.CreatedAt = r.moment()
		}
	}
}

// moment returns the time of the row that was dated last.
func (r *run) moment() time.Time {
	return r.start.UTC().Truncate(time.Microsecond).Add(time.Duration(r.dated) * time.Microsecond)
}

// store writes rows. If the store refuses them, it halves them until the bad row is
// alone, rejects that row and writes the others.
func (r *run) store(ctx context.Context, rows []entry, line int) error {
	err := r.attempt(ctx, rows, line)
	if err == nil || !divisible(err) {
		return err
	}
	if len(rows) == 1 {
		if len(rows[0].problems) > 0 {
			return err // not because of the row
		}
		rows[0].refuse(err)
		return r.attempt(ctx, rows, line)
	}
	half := len(rows) / 2
	if err := r.store(ctx, rows[:half], rows[half-1].line); err != nil {
		return err
	}
	return r.store(ctx, rows[half:], line)
}

// divisible reports whether fewer rows may succeed after this error.
func divisible(err error) bool {
	if f := fault.As(err); f != nil {
		return f.Kind == fault.Conflict || f.Kind == fault.Invalid
	}
	return errors.Is(err, session.ErrExpired) || errors.As(err, new(*query.Violation))
}

// outcome says what becomes of some rows.
type outcome struct {
	create   []member.Draft
	present  int64
	rejected []entry
}

// attempt writes the rows, the rejects and the place in one write session. The end
// of ctx does not interrupt it; batchLimit bounds it.
func (r *run) attempt(ctx context.Context, rows []entry, line int) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), batchLimit)
	defer cancel()
	var got outcome
	next, now := r.job, time.Now().UTC().Truncate(time.Microsecond)
	work := func(read session.Reader) error {
		var err error
		got, err = r.judge(ctx, read, rows)
		if err != nil {
			return err
		}
		next = r.job
		next.line = line
		next.created += int64(len(got.create))
		next.present += got.present
		next.rejected += int64(len(got.rejected))
		next.updatedAt = now
		// A second run writes the same bytes to the same place.
		return r.rejects.stage(got.rejected)
	}
	var err error
	if r.options.DryRun {
		err = r.db.Read(ctx, func(s *session.Read) error { return work(s) }, session.Once)
	} else {
		err = r.db.Write(ctx, func(w *session.Write) error {
			if err := work(w); err != nil {
				return err
			}
			w.Add(next.save())
			if len(got.create) == 0 {
				return nil
			}
			r.options.By.Record(w, audit.Event{Action: member.ActionImported, Became: map[string]any{
				"members": len(got.create), "line": next.line, "file_sha256": next.file,
			}}, now)
			_, err := member.CreateMany(ctx, w, r.options.Rules, got.create, r.moment())
			return err
		})
	}
	if err != nil {
		return err
	}
	r.job = next
	r.rejects.keepStaged()
	for i := range got.rejected {
		r.report.reject(got.rejected[i].problems)
	}
	return nil
}

// judge reads, in one round trip, what the store has already, and decides what
// becomes of each row.
func (r *run) judge(ctx context.Context, read session.Reader, rows []entry) (outcome, error) {
	ids, phones := make([]string, 0, len(rows)), make([]string, 0, len(rows))
	for i := range rows {
		if n := &rows[i].new; len(rows[i].problems) == 0 {
			ids = append(ids, *n.ExternalID)
			if n.Phone != nil {
				phones = append(phones, *n.Phone)
			}
		}
	}
	type stored struct{ ids, phones []string }
	known, err := session.Run(ctx, read, query.Together(func(s *stored) []query.Part {
		return []query.Part{
			query.Into(&s.ids, member.KnownExternalIDs(ids)),
			query.Into(&s.phones, member.TakenPhones(phones)),
		}
	}))
	if err != nil {
		return outcome{}, fmt.Errorf("looking for existing members: %w", err)
	}
	return r.plan.decide(rows, known.ids, known.phones), nil
}

// phoneTaken is the misfit of a phone that another member has.
var phoneTaken = &misfit{member.ErrPhoneTaken.Code, member.ErrPhoneTaken.Message + " Correct it, or leave it blank."}

// decide returns what becomes of each row. A row with the ID of an earlier one is
// present, whether that one is in this batch or not.
func (p *plan) decide(rows []entry, ids, phones []string) outcome {
	got := outcome{create: make([]member.Draft, 0, len(rows))}
	known, taken := set(ids), set(phones)
	for _, e := range rows {
		phone := e.new.Phone
		switch {
		case len(e.problems) > 0:
			got.rejected = append(got.rejected, e)
		case known[*e.new.ExternalID]:
			got.present++
		case phone != nil && taken[*phone]:
			p.misfit(&e, "phone", p.feeders["phone"], phoneTaken) // e is a copy: the row may be judged again
			got.rejected = append(got.rejected, e)
		default:
			known[*e.new.ExternalID] = true
			if phone != nil {
				taken[*phone] = true
			}
			got.create = append(got.create, e.new.Draft())
		}
	}
	return got
}

func set(list []string) map[string]bool {
	s := make(map[string]bool, len(list))
	for _, text := range list {
		s[text] = true
	}
	return s
}

// complete stores that the import has reached the end of the file.
func (r *run) complete(ctx context.Context) error {
	r.report.Complete = true
	if r.options.DryRun {
		return nil
	}
	last := r.job
	last.line = r.source.nature.Lines
	last.updatedAt = time.Now().UTC().Truncate(time.Microsecond)
	err := r.db.Write(context.WithoutCancel(ctx), func(w *session.Write) error {
		w.Add(last.save())
		return nil
	})
	if err != nil {
		return fmt.Errorf("storing the end of the import: %w", err)
	}
	return nil
}

// finish completes the report.
func (r *run) finish(elapsed time.Duration) {
	r.report.DryRun = r.options.DryRun
	r.report.Created, r.report.Present, r.report.Rejected = r.job.created, r.job.present, r.job.rejected
	if r.rejects.end > 0 {
		r.report.Rejects = r.options.Rejects
	}
	r.report.Elapsed = elapsed.Seconds()
	r.report.finish()
}

// ReadMap reads a map from a file. Faults: bad_map.
func ReadMap(path string) (*Map, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("reading the map: %w", err)
	}
	if info.Size() > maxMap {
		return nil, badMap("%s has more than %d bytes", path, maxMap)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading the map: %w", err)
	}
	m, err := ParseMap(slices.Clip(text))
	if f := fault.As(err); f != nil {
		named := *f
		named.Message = path + ": " + f.Message
		return nil, &named
	}
	return m, err
}
