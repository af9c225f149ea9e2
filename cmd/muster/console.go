package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"golang.org/x/term"
)

// A console is what a command writes to: results to out, all else to err.
type console struct {
	out io.Writer
	err *os.File
}

// isTerminal reports whether a person watches what is not the result.
func (c console) isTerminal() bool { return term.IsTerminal(int(c.err.Fd())) }

// plainLog is the log of short commands.
func (c console) plainLog() *slog.Logger {
	return slog.New(slog.NewTextHandler(c.err, &slog.HandlerOptions{
		Level: slog.LevelWarn,
		ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
			if len(groups) == 0 && a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		},
	}))
}

// Logging are the flags of commands that run for long.
type Logging struct {
	LogFormat string     `help:"The format of the log: auto is text on a terminal and json elsewhere." enum:"auto,text,json" default:"auto"`
	LogLevel  slog.Level `help:"The lowest level to log: debug, info, warn or error." default:"info"`
}

// logger returns the log of a server; done writes what is still buffered.
func (l Logging) logger(c console) (log *slog.Logger, done func()) {
	o := &slog.HandlerOptions{Level: l.LogLevel}
	if l.LogFormat == "text" || l.LogFormat == "auto" && c.isTerminal() {
		return slog.New(slog.NewTextHandler(c.err, o)), func() {}
	}
	return newBufferedLog(c.err, o)
}

// Format is the flag of commands whose result a program may read.
type Format struct {
	JSON bool `help:"Write the result as JSON."`
}

// print writes a result: the value as JSON, or the text.
func (f Format) print(c console, value any, text string) error {
	if !f.JSON {
		_, err := io.WriteString(c.out, text)
		return err
	}
	e := json.NewEncoder(c.out)
	e.SetIndent("", "  ")
	return e.Encode(value)
}

// table returns a header and a row for each element, in columns; tabs separate
// the cells.
func table[T any](header string, list []T, row func(T) string) string {
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, header)
	for _, element := range list {
		fmt.Fprintln(w, row(element))
	}
	_ = w.Flush() // a builder does not fail
	return text.String()
}

// timeCell is a time in a table, or what stands for an absent one.
func timeCell(t *time.Time, absent string) string {
	if t == nil {
		return absent
	}
	return t.UTC().Format(time.RFC3339)
}
