// Package atomicfile writes files that are either complete or absent.
//
// Its room: a temporary file beside the target, its permissions, and making the
// change durable. It imports the standard library only.
package atomicfile

import (
	"errors"
	"io"
	"os"
	"path/filepath"
)

// Replace creates the file that write writes, or replaces it. If write fails, an
// existing file stays as it is. Only its owner can read the file.
func Replace(path string, write func(io.Writer) error) error {
	return put(path, write, os.Rename)
}

// Create creates the file unless it exists: then the error is [fs.ErrExist], and
// the file stays as it is. Only its owner can read the file.
func Create(path string, write func(io.Writer) error) error {
	return put(path, write, os.Link)
}

func put(path string, write func(io.Writer) error, move func(from, to string) error) error {
	temp, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-")
	if err != nil {
		return err
	}
	defer os.Remove(temp.Name())
	defer temp.Close()
	if err := write(temp); err != nil {
		return err
	}
	if err := errors.Join(temp.Sync(), temp.Close()); err != nil {
		return err
	}
	if err := move(temp.Name(), path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// syncDir makes the entries of a directory durable.
func syncDir(path string) error {
	d, err := os.Open(path) //nolint:gosec // the directory of a file that the caller names
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
