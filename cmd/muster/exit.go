package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"github.com/musterhq/muster/internal/blob"
	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/internal/schema"
	"github.com/musterhq/muster/session"
)

// The exit codes, which the package's comment explains.
const (
	exitDone = iota
	exitFailed
	exitUsage
	exitStore
)

// exit is an error with the code that the program ends with.
type exit struct {
	code int
	err  error
}

func (e *exit) Error() string { return e.err.Error() }
func (e *exit) Unwrap() error { return e.err }

// unusable is an error of the data folder or its database.
func unusable(format string, args ...any) error {
	return &exit{exitStore, fmt.Errorf(format, args...)}
}

// errFound ends a command that has said what it found.
var errFound = &exit{code: exitFailed, err: errors.New("differences were found")}

// fail says what went wrong and gives the exit code. Faults are shown with
// their cause: who runs the command is who runs the store.
func (c console) fail(err error) int {
	code := codeOf(err)
	switch f := fault.As(err); {
	case errors.Is(err, errFound):
	case errors.Is(err, context.Canceled):
		fmt.Fprintln(c.err, "muster: interrupted")
	case f != nil && errors.Unwrap(f) != nil:
		fmt.Fprintf(c.err, "muster: error: %v (%v)\n", err, errors.Unwrap(f))
	default:
		fmt.Fprintf(c.err, "muster: error: %v\n", err)
	}
	return code
}

func codeOf(err error) int {
	var e *exit
	switch {
	case errors.As(err, &e):
		return e.code
	case errors.Is(err, session.ErrUnavailable), errors.Is(err, schema.ErrNewer),
		errors.Is(err, blob.ErrFull), errors.Is(err, blob.ErrReadOnly):
		return exitStore
	default:
		return exitFailed
	}
}

// explain turns what the system says about the data folder into what to do.
func explain(path string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, syscall.EROFS), errors.Is(err, fs.ErrPermission):
		return unusable("the data folder %s cannot be written: give it to the account that runs muster, or name another with --data: %w", path, err)
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return unusable("the disk of the data folder %s is full: free some space, or name another folder with --data: %w", path, err)
	case errors.Is(err, syscall.ENOTDIR), errors.Is(err, fs.ErrExist):
		return unusable("the data folder %s cannot be made, because a part of its path is a file: name another with --data: %w", path, err)
	default:
		return unusable("the data folder %s: %w", path, err)
	}
}
