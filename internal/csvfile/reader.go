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

	// Bytes that are read again after quotes that never close, in all and for each
	// byte of the file: without a bound, a line that closes one quote and opens
	// another could be read a million times.
	rescanBytes = 16 << 20
	rescanTimes = 4
)

// Row is a row, which has several lines if a quoted cell has.
type Row struct {
	Line  int // the first in the file, from 1
	Cells []string
}

// DamagedError says what is wrong with a row. The rows after it can be read.
type DamagedError struct {
	Class  string // stable: "open_quote", "stray_quote", "bad_encoding", "too_long"
	Remedy string
}

// Error returns the remedy.
func (e *DamagedError) Error() string { return e.Remedy }

// The damages of a row.
var (
	errOpenQuote  = &DamagedError{"open_quote", "close the quote at the start of a cell, or double it if it belongs to the text"}
	errStrayQuote = &DamagedError{"stray_quote", "double the quotes inside a quoted cell"}
	errEncoding   = &DamagedError{"bad_encoding", "save the row in the encoding of the file"}
	errLong       = &DamagedError{"too_long", fmt.Sprintf("shorten the row to %d bytes and %d cells", MaxRow, MaxCells)}
)

// errQuotes refuses a file whose quotes have another meaning.
var errQuotes = fault.New(fault.Invalid, "not_a_sheet",
	"The file is not CSV: too many of its quotes are never closed. Export it again.")

// Reader reads the rows of CSV in UTF-8. Quoted cells may contain delimiters, line
// ends and doubled quotes; a quote within an unquoted cell is text. Lines end with LF
// or CR LF; empty ones are skipped. One goroutine uses it.
type Reader struct {
	source    *bufio.Reader
	delimiter byte
	decoded   bool // U+FFFD stands for what could not be decoded

	line      int    // the number of the last line that was taken
	again     []byte // lines to be read again, as rows of their own
	rescanned int
	taken     int    // bytes, from the source
	long      []byte // a line that is longer than the source's buffer
	raw       []byte // the lines of a row with several
	parse     parser
}

// NewReader returns a reader of text that [Decode] decoded from the named encoding.
func NewReader(text io.Reader, delimiter byte, encoding string) *Reader {
	return &Reader{
		source: bufio.NewReaderSize(text, 64<<10), delimiter: delimiter,
		decoded: encoding != "" && encoding != "utf-8",
		parse:   parser{delimiter: delimiter},
	}
}

// Read returns the next row, and [io.EOF] at the end. With a [*DamagedError] it
// returns the row's line and what can be shown of the row as one cell; the next call
// continues behind it.
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

// row parses the row that begins with line, and takes more lines while a quote is
// open. If the quote never closes, the lines after the first are rows of their own.
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
	if len(r.raw) > 0 { // line is no longer valid
		line = r.raw[:bytes.IndexByte(r.raw, '\n')+1]
	}
	return line
}

// damaged returns a damaged row as one cell that can be shown; other errors end the
// file.
func damaged(row Row, line []byte, err error) (Row, error) {
	if d := (*DamagedError)(nil); errors.As(err, &d) {
		text := strings.TrimRight(string(line[:min(len(line), 4096)]), "\r\n")
		row.Cells = []string{Unguard(strings.ToValidUTF8(text, "\uFFFD"))}
		return row, d
	}
	return Row{}, err
}

// next returns the next line with its end, which is valid until the next call.
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

// longLine returns a line that is longer than the buffer, up to the bound; of a
// longer one, it returns the start, with errLong.
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
	text      []byte // of all cells, joined
	ends      []int  // of each cell in text
	open      bool   // inside a quoted cell
}

func (p *parser) reset() { p.text, p.ends, p.open = p.text[:0], p.ends[:0], false }

// feed takes a line and reports whether the next line continues the row.
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

// plain takes a cell without quotes and returns what is behind it.
func (p *parser) plain(line []byte) []byte {
	end := bytes.IndexByte(line, p.delimiter)
	if end < 0 {
		p.text = append(p.text, withoutEnd(line)...)
		return nil
	}
	p.text = append(p.text, line[:end]...)
	return line[end:]
}

// quoted takes the rest of a quoted cell and returns what is behind it.
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

// withoutEnd returns the line without its LF or CR LF.
func withoutEnd(line []byte) []byte {
	if n := len(line); n > 0 && line[n-1] == '\n' {
		line = line[:n-1]
		if n > 1 && line[n-2] == '\r' {
			line = line[:n-2]
		}
	}
	return line
}

// cells returns the row's cells, which share one text.
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
