package main

import (
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
)

// A dataDir is the path of an existing data directory; empty where a server
// needs none.
type dataDir string

func (d dataDir) database() string  { return filepath.Join(string(d), "muster.db") }
func (d dataDir) media() string     { return filepath.Join(string(d), "media") }
func (d dataDir) lock() string      { return filepath.Join(string(d), "serve.lock") }
func (d dataDir) acme() string      { return filepath.Join(string(d), "acme") }
func (d dataDir) auditHead() string { return filepath.Join(string(d), "audit-head") }

// createDataDir returns the data directory, and creates it if it is absent.
func createDataDir(path string) (dataDir, error) {
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		if err := os.MkdirAll(path, 0o700); err != nil {
			return "", explain(path, err)
		}
	}
	return findDataDir(path)
}

// findDataDir returns the data directory, which must exist.
func findDataDir(path string) (dataDir, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", unusable("the data directory %s does not exist: name the right one with --data, or create one with: muster serve --data %s", path, path)
	case err != nil:
		return "", explain(path, err)
	case !info.IsDir():
		return "", unusable("the data directory %s is a file: name a directory with --data", path)
	}
	return dataDir(path), nil
}

// findDatabase returns the data directory, which must hold a database.
func findDatabase(path string) (dataDir, error) {
	d, err := findDataDir(path)
	if err != nil {
		return "", err
	}
	switch _, err := os.Stat(d.database()); {
	case errors.Is(err, fs.ErrNotExist):
		return "", unusable("the directory %s holds no Muster database: name the right one with --data, or create one with: muster serve --data %s", path, path)
	case err != nil:
		return "", explain(path, err)
	}
	return d, nil
}

// warnIfOpen warns if other accounts have access to the directory. It may be
// intended, for a group that makes backups.
func (d dataDir) warnIfOpen(log *slog.Logger) {
	if info, err := os.Stat(string(d)); err == nil && info.Mode().Perm()&0o077 != 0 {
		log.Warn("other accounts on this machine have access to the data directory; chmod 700 removes it",
			"directory", string(d), "mode", info.Mode().Perm().String())
	}
}
