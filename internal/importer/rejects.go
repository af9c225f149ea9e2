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

	"github.com/musterhq/muster/internal/csvfile"
	"github.com/musterhq/muster/internal/fault"
)

// appended are the columns that a rejected row gets. An import ignores them, so that
// corrected rejects can be imported with the same map.
var appended = []string{"muster_line", "muster_field", "muster_class", "muster_remedy"}

// byteOrderMark lets spreadsheets see that the rejects are UTF-8, and wins over
// another encoding in the map when they are imported.
const byteOrderMark = "\xef\xbb\xbf"

// withoutAppended returns the header without them.
func withoutAppended(header []string) []string {
	if n := len(header) - len(appended); n > 0 && slices.Equal(header[n:], appended) {
		return header[:n]
	}
	return header
}

// rejects is the file of rejected rows. It grows with each batch, just before the
// batch is committed. What belongs to a batch that was not committed is overwritten
// by the next batch, or truncated.
type rejects struct {
	path      string // empty: nothing is written
	delimiter byte
	header    []string
	file      *os.File // nil until there is something to write
	end       int64    // of what committed batches wrote
	staged    int64    // end, if the batch under way commits
}

// open checks that the path can be written, before anything is imported. A new
// import creates a new file; one that continues keeps the rows up to its line.
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
			"The file for rejects, %s, already exists. Name another, or move it away.", r.path)
	}
	return r.keep(line)
}

// keep rewrites the file with the rows up to the line, and continues behind them.
func (r *rejects) keep(line int) error {
	old, err := os.Open(r.path)
	if err != nil {
		return fmt.Errorf("opening the rejects: %w", err)
	}
	defer old.Close()
	path := r.path + ".part"
	fresh, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("creating the rejects: %w", err)
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
			"The file for rejects, %s, belongs to another import. Name another, or move it away.", r.path)
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

// stage writes the rows of the batch that is committed next. It may run again for
// the same batch.
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
			return fmt.Errorf("creating the rejects: %w", err)
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

// keepStaged keeps what was staged: the batch is committed.
func (r *rejects) keepStaged() { r.end = r.staged }

// close truncates what was not committed, and makes the file durable.
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
