package main

import (
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
)

// Store are the flags that say where the data is.
type Store struct {
	Data string `help:"The data folder: database, media and keys. Default: ${default}." default:"./muster-data" placeholder:"DIR"`
	Postgres
}

// A folder is a data folder that is there.
type folder string

func (f folder) database() string { return filepath.Join(string(f), "muster.db") }
func (f folder) media() string    { return filepath.Join(string(f), "media") }
func (f folder) lock() string     { return filepath.Join(string(f), "serve.lock") }

// auditHead is where a server keeps the end of the record's chain.
func (f folder) auditHead() string { return filepath.Join(string(f), "audit-head") }

// make gives the data folder, and makes it when it is absent.
func (s Store) make() (folder, error) {
	if _, err := os.Stat(s.Data); errors.Is(err, fs.ErrNotExist) {
		if err := os.MkdirAll(s.Data, 0o700); err != nil {
			return "", explain(s.Data, err)
		}
	}
	return s.existing()
}

// existing gives the data folder, which must be there.
func (s Store) existing() (folder, error) {
	info, err := os.Stat(s.Data)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", unusable("there is no data folder %s: name the right one with --data, or begin one with: muster serve --data %s", s.Data, s.Data)
	case err != nil:
		return "", explain(s.Data, err)
	case !info.IsDir():
		return "", unusable("the data folder %s is a file: name a folder with --data", s.Data)
	}
	return folder(s.Data), nil
}

// filled gives the data folder, which must hold a database.
func (s Store) filled() (folder, error) {
	f, err := s.existing()
	if err != nil {
		return "", err
	}
	if _, err := os.Stat(f.database()); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return "", unusable("the folder %s holds no Muster database: name the right one with --data, or begin one with: muster serve --data %s", s.Data, s.Data)
		}
		return "", explain(s.Data, err)
	}
	return f, nil
}

// warnIfOpen says that others on the machine can look into the folder. It may
// be meant so, for a group that makes backups.
func (f folder) warnIfOpen(log *slog.Logger) {
	if info, err := os.Stat(string(f)); err == nil && info.Mode().Perm()&0o077 != 0 {
		log.Warn("others on this machine can look into the data folder; chmod 700 closes it",
			"folder", string(f), "mode", info.Mode().Perm().String())
	}
}
