package importer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/musterhq/muster/internal/csvfile"
	"github.com/musterhq/muster/internal/fault"
)

// source is the file that is imported.
type source struct {
	file   *os.File
	nature csvfile.Nature
	read   int64 // bytes
	rows   *csvfile.Reader
	header []string
	first  *csvfile.Row // of a file without a header: read with it
	pace   *pace
}

// openSource examines the whole file and reads its header. Faults: not_a_sheet,
// wrong_encoding, bad_header.
func openSource(ctx context.Context, path string, f *File, tick func(done, total int64)) (_ *source, err error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("opening the file: %w", err)
	}
	s := &source{file: file, pace: newPace()}
	defer func() {
		if err != nil {
			err = errors.Join(err, file.Close())
		}
	}()
	info, err := file.Stat()
	if err != nil {
		return nil, fmt.Errorf("opening the file: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, fault.New(fault.Invalid, "not_a_sheet", "%s is not a regular file. An import reads the file twice.", path)
	}
	s.nature, err = csvfile.Examine(file, f.Encoding, func(done int64) error {
		tick(done, info.Size())
		return context.Cause(ctx)
	})
	if err != nil {
		return nil, err
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return nil, fmt.Errorf("reading the file again: %w", err)
	}
	return s, s.readHeader(f)
}

// readHeader reads the first row. The map may have the header instead.
func (s *source) readHeader(f *File) error {
	decoded, encoding, err := csvfile.Decode(counting{s.file, &s.read}, f.Encoding)
	if err != nil {
		return err
	}
	s.rows = csvfile.NewReader(decoded, f.delimiter(), encoding)
	row, err := s.rows.Read()
	switch {
	case errors.Is(err, io.EOF):
		return fault.New(fault.Invalid, "bad_header", "The file is empty.")
	case errors.As(err, new(*csvfile.DamagedError)):
		return fault.New(fault.Invalid, "bad_header", "The header cannot be read: %s.", err)
	case err != nil:
		return err
	}
	s.header = names(row.Cells)
	if f.Header != nil && !slices.Equal(withoutAppended(s.header), f.Header) {
		s.header, s.first = f.Header, &row
	}
	return nil
}

// names returns the names of the columns: a number for one without a name.
func names(cells []string) []string {
	header := make([]string, len(cells))
	for i, cell := range cells {
		if header[i] = strings.TrimSpace(cell); header[i] == "" {
			header[i] = fmt.Sprintf("column %d", i+1)
		}
	}
	return header
}

// next returns the next row.
func (s *source) next() (csvfile.Row, error) {
	if s.first != nil {
		row := *s.first
		s.first = nil
		return row, nil
	}
	return s.rows.Read()
}

// counting counts the bytes that are read.
type counting struct {
	from io.Reader
	n    *int64
}

func (c counting) Read(p []byte) (int, error) {
	n, err := c.from.Read(p)
	*c.n += int64(n)
	return n, err
}

// batch is a number of rows in the file's order.
type batch struct {
	entries []entry
	past    []entry // rows that an earlier run rejected
	line    int     // of the last row
	rows    int64   // including those of an earlier run
	done    int64   // bytes of the file up to here
	tally   tally
}

// Bounds of a batch.
const (
	leastRows  = 2000
	mostRows   = 10_000
	batchBytes = 4 << 20
	cellBytes  = 32 // of a cell, beside its text
	longBatch  = 2 * time.Second
)

// pace decides how many rows the next batch has. Large batches are fast, because
// rows share pages that are written once, but other writers wait meanwhile. It is
// safe for concurrent use.
type pace struct{ rows atomic.Int64 }

func newPace() *pace {
	p := &pace{}
	p.rows.Store(leastRows)
	return p
}

// took adapts the pace to the time that a batch took.
func (p *pace) took(d time.Duration) {
	switch rows := p.rows.Load(); {
	case d < longBatch/2:
		p.rows.Store(min(2*rows, mostRows))
	case d > longBatch:
		p.rows.Store(max(rows/2, leastRows))
	}
}

// batches reads the file to its end and sends its rows in batches; rows up to the
// line are only counted. It returns early, without an error, when ctx ends.
func (s *source) batches(ctx context.Context, p *plan, line int, at time.Time, out chan<- batch) error {
	uses := make([]use, len(p.header))
	for {
		b := batch{tally: make(tally, len(p.header))}
		err := s.fill(&b, p, line, at, uses)
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if b.done = s.read; b.rows > 0 {
			select {
			case out <- b:
			case <-ctx.Done():
				return nil
			}
		}
		if err != nil || ctx.Err() != nil {
			return nil //nolint:nilerr // the end of the file
		}
	}
}

func (s *source) fill(b *batch, p *plan, line int, at time.Time, uses []use) error {
	size, most := 0, s.pace.rows.Load()
	b.entries = make([]entry, 0, most)
	for b.rows < most && size < batchBytes {
		row, err := s.next()
		d := (*csvfile.DamagedError)(nil)
		if err != nil && !errors.As(err, &d) {
			return err
		}
		var e entry
		if d != nil {
			e = p.damaged(row, d)
		} else {
			clear(uses)
			if e = p.convert(row, at, uses); len(row.Cells) == p.whole {
				b.tally.add(uses)
			}
		}
		b.rows++
		b.line = row.Line
		switch {
		case row.Line > line:
			b.entries = append(b.entries, e)
		case len(e.problems) > 0:
			b.past = append(b.past, e)
		}
		for _, cell := range row.Cells {
			size += len(cell) + cellBytes
		}
	}
	return nil
}
