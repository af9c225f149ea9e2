package importer

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/musterhq/muster/internal/csvfile"
	"github.com/musterhq/muster/internal/fault"
)

// appended are the columns that a rejected row gets, so that it can be mended
// and imported with the same map: an import passes over them.
var appended = []string{"muster_line", "muster_field", "muster_class", "muster_remedy"}

// byteOrderMark lets spreadsheets see that the rejects are UTF-8, and wins over
// another encoding in the map when they are imported.
const byteOrderMark = "\xef\xbb\xbf"

// withoutAppended is the header without them.
func withoutAppended(header []string) []string {
	if n := len(header) - len(appended); n > 0 && slices.Equal(header[n:], appended) {
		return header[:n]
	}
	return header
}

// rejects is the file of rows that were not imported. It grows with each batch
// just before the batch is committed; what a batch wrote that was then not
// committed is written over by the next, or cut off.
type rejects struct {
	path      string // empty: nothing is written
	delimiter byte
	header    []string
	file      *os.File // nil until there is something to write
	end       int64    // of what committed batches wrote
	staged    int64    // end, if the batch under way commits
}

// open finds out whether the path may be written, before anything is imported.
// A new import makes a new file; one that goes on keeps the rows up to its line.
// Faults: rejects_exist, bad_rejects.
func (r *rejects) open(source fs.FileInfo, line int) error {
	if r.path == "" {
		return nil
	}
	info, err := os.Stat(r.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("opening the rejects: %w", err)
	}
	if line == 0 || os.SameFile(info, source) {
		return fault.New(fault.Conflict, "rejects_exist",
			"The file for rejects, %s, exists already. Name another, or move it away.", r.path)
	}
	return r.keep(line)
}

// keep rewrites the file with the rows up to the line, and goes on behind them.
func (r *rejects) keep(line int) error {
	old, err := os.Open(r.path)
	if err != nil {
		return fmt.Errorf("opening the rejects: %w", err)
	}
	defer old.Close()
	path := r.path + ".part"
	fresh, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("making the rejects: %w", err)
	}
	err = r.copyUpTo(fresh, old, line)
	if err == nil {
		r.end, err = fresh.Seek(0, io.SeekCurrent)
	}
	if err == nil {
		err = os.Rename(path, r.path)
	}
	if err != nil {
		return errors.Join(err, fresh.Close(), os.Remove(path))
	}
	r.file = fresh
	return nil
}

func (r *rejects) copyUpTo(to io.Writer, from io.Reader, line int) error {
	decoded, encoding, err := csvfile.Decode(from, "")
	if err != nil {
		return err
	}
	in := csvfile.NewReader(decoded, r.delimiter, encoding)
	row, err := in.Read()
	if err != nil || !slices.Equal(row.Cells, r.columns()) {
		return fault.New(fault.Conflict, "bad_rejects",
			"The file for rejects, %s, is not of this import. Name another, or move it away.", r.path)
	}
	if _, err := io.WriteString(to, byteOrderMark); err != nil {
		return fmt.Errorf("writing the rejects: %w", err)
	}
	out := csvfile.NewWriter(to, r.delimiter)
	for ; err == nil; row, err = in.Read() {
		at := 0
		if len(row.Cells) == len(r.columns()) {
			at, _ = strconv.Atoi(row.Cells[len(r.header)]) // the header has none: 0
		}
		if at > line {
			break
		}
		if err := out.Write(row.Cells); err != nil {
			return err
		}
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("reading the rejects: %w", err)
	}
	return out.Flush()
}

func (r *rejects) columns() []string { return slices.Concat(r.header, appended) }

// stage writes the rows of a batch that will be committed next. It may be
// called again for the same batch.
func (r *rejects) stage(rows []entry) error {
	r.staged = r.end
	if r.path == "" || len(rows) == 0 {
		return nil
	}
	var text bytes.Buffer
	out := csvfile.NewWriter(&text, r.delimiter)
	if r.file == nil {
		file, err := os.OpenFile(r.path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if err != nil {
			return fmt.Errorf("making the rejects: %w", err)
		}
		r.file = file
	}
	if r.end == 0 {
		text.WriteString(byteOrderMark)
		_ = out.Write(r.columns()) // a buffer does not fail
	}
	for i := range rows {
		_ = out.Write(rows[i].reject())
	}
	_ = out.Flush()
	if _, err := r.file.WriteAt(text.Bytes(), r.end); err != nil {
		return fmt.Errorf("writing the rejects: %w", err)
	}
	r.staged = r.end + int64(text.Len())
	return nil
}

// reject is the row with what is wrong with it.
func (e *entry) reject() []string {
	var fields, classes, remedies []string
	for _, p := range e.problems {
		fields, classes, remedies = append(fields, p.Field), append(classes, p.Class), append(remedies, p.describe())
	}
	return append(slices.Clone(e.cells), strconv.Itoa(e.line),
		strings.Join(fields, "; "), strings.Join(classes, "; "), strings.Join(remedies, " "))
}

// describe says what to do, and where if columns are at fault.
func (p *Problem) describe() string {
	if len(p.Columns) == 0 {
		return p.Remedy
	}
	return strings.Join(p.Columns, ", ") + ": " + p.Remedy
}

// keepStaged is called when the batch is committed.
func (r *rejects) keepStaged() { r.end = r.staged }

// close cuts off what was not committed and makes the file durable.
func (r *rejects) close() error {
	if r.file == nil {
		return nil
	}
	err := errors.Join(r.file.Truncate(r.end), r.file.Sync(), r.file.Close())
	if r.end == 0 {
		err = errors.Join(err, os.Remove(r.path))
	}
	if err != nil {
		return fmt.Errorf("finishing the rejects: %w", err)
	}
	return nil
}
