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

// exit is an error with the exit code of the program.
type exit struct {
	code int
	err  error
}

func (e *exit) Error() string { return e.err.Error() }
func (e *exit) Unwrap() error { return e.err }

// usage returns the error of a command line that is wrong.
func usage(format string, args ...any) error {
	return &exit{exitUsage, fmt.Errorf(format, args...)}
}

// unusable returns the error of a data directory, database or bucket.
func unusable(format string, args ...any) error {
	return &exit{exitStore, fmt.Errorf(format, args...)}
}

// errFound ends a command that has written what it found.
var errFound = &exit{code: exitFailed, err: errors.New("differences were found")}

// fail writes what went wrong and returns the exit code. It shows the cause of a
// fault: whoever runs the command runs the store.
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
	e, ok := errors.AsType[*exit](err)
	switch {
	case ok:
		return e.code
	case errors.Is(err, session.ErrUnavailable), errors.Is(err, schema.ErrNewer),
		errors.Is(err, blob.ErrFull), errors.Is(err, blob.ErrReadOnly):
		return exitStore
	default:
		return exitFailed
	}
}

// explain adds what to do to an error of the system in the data directory.
func explain(path string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, syscall.EROFS), errors.Is(err, fs.ErrPermission):
		return unusable("the data directory %s is not writable: give it to the account that runs muster, or name another with --data: %w", path, err)
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return unusable("the disk of the data directory %s is full: free some space, or name another directory with --data: %w", path, err)
	case errors.Is(err, syscall.ENOTDIR), errors.Is(err, fs.ErrExist):
		return unusable("the data directory %s cannot be created, because a part of its path is a file: name another with --data: %w", path, err)
	default:
		return unusable("%w", err)
	}
}
