package csvfile

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/musterhq/muster/internal/fault"
)

// Bounds of a file's parts.
const (
	MaxRow   = 1 << 20 // bytes of a row, in UTF-8
	MaxCells = 2000    // of a row

	// What is read again after quotes that were never closed, in all and for
	// each byte of the file: lines that close one and open another would
	// otherwise be read a million times.
	rescanBytes = 16 << 20
	rescanTimes = 4
)

// Row is a line of a table, or several where a quoted cell goes over lines.
type Row struct {
	Line  int // where it begins in the file, from 1
	Cells []string
}

// DamagedError is what is wrong with a row. The rows after it can be read.
type DamagedError struct {
	Class  string // stable: "open_quote", "stray_quote", "not_utf8", "too_long"
	Remedy string
}

// Error gives the remedy.
func (e *DamagedError) Error() string { return e.Remedy }

// What damages a row.
var (
	errOpenQuote  = &DamagedError{"open_quote", "close the quote that a cell begins with, or double it if it is meant"}
	errStrayQuote = &DamagedError{"stray_quote", "double the quotes inside a quoted cell"}
	errEncoding   = &DamagedError{"bad_encoding", "write the row again in the encoding of the file"}
	errLong       = &DamagedError{"too_long", fmt.Sprintf("shorten the row to %d bytes and %d cells", MaxRow, MaxCells)}
)

// errQuotes ends a file whose quotes mean something else.
var errQuotes = fault.New(fault.Invalid, "not_a_sheet",
	"Too many quotes of the file are never closed: it is not CSV. Export it again.")

// Reader reads the rows of a table in UTF-8. Cells may be quoted and then hold
// delimiters, line ends and doubled quotes; a quote within an unquoted cell is
// text. Lines end with LF or CR LF; empty ones are passed over. It is used by
// one goroutine.
type Reader struct {
	source    *bufio.Reader
	delimiter byte
	decoded   bool // U+FFFD stands for what could not be decoded

	line      int    // of the last that was taken
	again     []byte // taken before, to be read as rows of their own
	rescanned int
	taken     int    // bytes, from the source
	long      []byte // a line longer than the source's buffer
	raw       []byte // the lines of a row that goes over several
	parse     parser
}

// NewReader reads text that [Decode] gave from the named encoding.
func NewReader(text io.Reader, delimiter byte, encoding string) *Reader {
	return &Reader{
		source: bufio.NewReaderSize(text, 64<<10), delimiter: delimiter,
		decoded: encoding != "" && encoding != "utf-8",
		parse:   parser{delimiter: delimiter},
	}
}

// Read gives the next row. At the end it returns [io.EOF]. With a
// [*DamagedError] it gives the row's line and what can be shown of it as one
// cell, and the next call goes on behind it.
func (r *Reader) Read() (Row, error) {
	for {
		line, err := r.next()
		if len(line) == 0 && err != nil {
			return Row{}, err
		}
		row := Row{Line: r.line}
		if err != nil {
			return damaged(row, line, err)
		}
		if len(bytes.TrimRight(line, "\r\n")) == 0 {
			continue
		}
		err = r.row(line)
		if err == nil {
			row.Cells, err = r.parse.cells(r.decoded)
		}
		if err != nil {
			return damaged(row, r.firstLine(line), err)
		}
		return row, nil
	}
}

// row parses the row that begins with line, taking more lines while a quote is
// open. If it never closes, all but the first line are rows of their own.
func (r *Reader) row(line []byte) error {
	r.raw = r.raw[:0]
	r.parse.reset()
	open, err := r.parse.feed(line)
	if !open {
		return err
	}
	first, number := len(line), r.line
	r.raw = append(r.raw, line...)
	for open && err == nil {
		line, err = r.next()
		r.raw = append(r.raw, line...)
		switch {
		case errors.Is(err, io.EOF):
			err = errOpenQuote
		case err == nil && len(r.raw) > MaxRow:
			err = errOpenQuote
		case err == nil:
			open, err = r.parse.feed(line)
		}
	}
	if d := (*DamagedError)(nil); err == nil || !errors.As(err, &d) {
		return err
	}
	r.again = slices.Concat(r.raw[first:], r.again)
	r.raw = r.raw[:first]
	r.line = number
	if r.rescanned += len(r.again); r.rescanned > rescanBytes+rescanTimes*r.taken {
		return errQuotes
	}
	return errOpenQuote
}

func (r *Reader) firstLine(line []byte) []byte {
	if len(r.raw) > 0 { // line is gone: the source's buffer went on
		line = r.raw[:bytes.IndexByte(r.raw, '\n')+1]
	}
	return line
}

// damaged makes a row of one cell that can be shown; other errors end the file.
func damaged(row Row, line []byte, err error) (Row, error) {
	if d := (*DamagedError)(nil); errors.As(err, &d) {
		text := strings.TrimRight(string(line[:min(len(line), 4096)]), "\r\n")
		row.Cells = []string{Unguard(strings.ToValidUTF8(text, "\uFFFD"))}
		return row, d
	}
	return Row{}, err
}

// next gives the next line with its end, valid until the next call.
func (r *Reader) next() ([]byte, error) {
	if len(r.again) > 0 {
		end := bytes.IndexByte(r.again, '\n') + 1
		if end == 0 {
			end = len(r.again)
		}
		line := r.again[:end:end]
		r.again = r.again[end:]
		r.line++
		return line, nil
	}
	line, err := r.source.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		line, err = r.longLine(line)
	}
	if len(line) > 0 {
		r.line++
		r.taken += len(line)
		if errors.Is(err, io.EOF) {
			err = nil
		}
	}
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, errLong) {
		return nil, fmt.Errorf("reading the file: %w", err)
	}
	return line, err
}

// longLine gathers a line that is longer than the buffer, within the bound; of
// a longer one it gives the beginning with errLong.
func (r *Reader) longLine(piece []byte) (line []byte, err error) {
	r.long = append(r.long[:0], piece...)
	whole := true
	for {
		piece, err = r.source.ReadSlice('\n')
		if whole = whole && len(r.long)+len(piece) <= MaxRow; whole {
			r.long = append(r.long, piece...)
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			break
		}
	}
	if whole || err != nil && !errors.Is(err, io.EOF) {
		return r.long, err
	}
	return r.long, errLong
}

// parser splits the lines of one row into cells.
type parser struct {
	delimiter byte
	text      []byte // of all cells, one behind the other
	ends      []int  // of each cell in text
	open      bool   // inside a quoted cell
}

func (p *parser) reset() { p.text, p.ends, p.open = p.text[:0], p.ends[:0], false }

// feed takes a line and reports whether the row goes on in the next one.
func (p *parser) feed(line []byte) (open bool, err error) {
	for {
		if p.open || len(line) > 0 && line[0] == '"' {
			if !p.open {
				line = line[1:]
			}
			line, err = p.quoted(line)
			if p.open || err != nil {
				return p.open, err
			}
		} else {
			line = p.plain(line)
		}
		p.ends = append(p.ends, len(p.text))
		if len(line) == 0 || line[0] != p.delimiter {
			return false, nil
		}
		line = line[1:]
	}
}

// plain takes a cell without quotes and gives what is behind it.
func (p *parser) plain(line []byte) []byte {
	end := bytes.IndexByte(line, p.delimiter)
	if end < 0 {
		p.text = append(p.text, withoutEnd(line)...)
		return nil
	}
	p.text = append(p.text, line[:end]...)
	return line[end:]
}

// quoted takes what is left of a quoted cell and gives what is behind it.
func (p *parser) quoted(line []byte) ([]byte, error) {
	p.open = true
	for {
		end := bytes.IndexByte(line, '"')
		if end < 0 {
			p.text = append(p.text, line...)
			return nil, nil
		}
		p.text = append(p.text, line[:end]...)
		line = line[end+1:]
		if len(line) == 0 || line[0] != '"' {
			break
		}
		p.text = append(p.text, '"')
		line = line[1:]
	}
	p.open = false
	if rest := withoutEnd(line); len(rest) > 0 && rest[0] != p.delimiter {
		return nil, errStrayQuote
	}
	if len(withoutEnd(line)) == 0 {
		return nil, nil
	}
	return line, nil
}

// withoutEnd is the line without its LF or CR LF.
func withoutEnd(line []byte) []byte {
	if n := len(line); n > 0 && line[n-1] == '\n' {
		line = line[:n-1]
		if n > 1 && line[n-2] == '\r' {
			line = line[:n-2]
		}
	}
	return line
}

// cells gives the row's cells, which share one text.
func (p *parser) cells(decoded bool) ([]string, error) {
	if len(p.ends) > MaxCells {
		return nil, errLong
	}
	if !utf8.Valid(p.text) || decoded && bytes.ContainsRune(p.text, utf8.RuneError) {
		return nil, errEncoding
	}
	text := string(p.text)
	cells := make([]string, len(p.ends))
	start := 0
	for i, end := range p.ends {
		cells[i] = Unguard(text[start:end])
		start = end
	}
	return cells, nil
}
