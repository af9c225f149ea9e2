package csvfile

import (
	"encoding/csv"
	"fmt"
	"io"
)

// Writer writes rows as CSV in UTF-8, with each cell guarded ([Guard]). It
// buffers; call Flush at the end. One goroutine uses it.
type Writer struct {
	out   *csv.Writer
	cells []string
}

// NewWriter returns a writer to w.
func NewWriter(w io.Writer, delimiter byte) *Writer {
	out := csv.NewWriter(w)
	out.Comma = rune(delimiter)
	return &Writer{out: out}
}

// Write writes a row. Flush returns its error, too.
func (w *Writer) Write(cells []string) error {
	w.cells = w.cells[:0]
	for _, c := range cells {
		w.cells = append(w.cells, Guard(c))
	}
	if err := w.out.Write(w.cells); err != nil {
		return fmt.Errorf("writing a row: %w", err)
	}
	return nil
}

// Flush writes what is buffered and returns the first error of all writes.
func (w *Writer) Flush() error {
	w.out.Flush()
	if err := w.out.Error(); err != nil {
		return fmt.Errorf("writing rows: %w", err)
	}
	return nil
}
