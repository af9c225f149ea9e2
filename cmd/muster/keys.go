package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/musterhq/muster/internal/audit"
	"github.com/musterhq/muster/internal/keyfile"
)

// Keyring is the flag that says where the keys are.
type Keyring struct {
	Keys string `help:"The directory of the keys that sign links, seal cursors and protect the audit log. All servers of one database need the same keys. Default: keys in the data directory." placeholder:"DIR"`
}

// path returns the path of a key: media signs the links of photos and documents,
// cursor seals cursors and positions, audit protects the audit log.
func (k Keyring) path(d dataDir, name string) string {
	if k.Keys != "" {
		return filepath.Join(k.Keys, name)
	}
	return filepath.Join(string(d), "keys", name)
}

// key reads the secrets of a key, and creates it if it is absent.
func (k Keyring) key(d dataDir, name string, log *slog.Logger) ([][]byte, error) {
	path := k.path(d, name)
	secrets, err := keyfile.ReadOrCreate(path, log)
	if err != nil {
		return nil, explain(filepath.Dir(path), err)
	}
	return secrets, nil
}

// auditLog opens the audit log to write to it. Its key must be the one that the
// log was made with, unless that is lost for good.
func (s *store) auditLog(ctx context.Context, k Keyring, d dataDir, lost bool, log *slog.Logger) (*audit.Log, error) {
	path := k.path(d, "audit")
	switch missing, err := s.auditKeyMissing(ctx, path); {
	case err != nil:
		return nil, err
	case missing && !lost:
		return nil, errKeyMissing(path)
	case missing:
		log.Warn("the key of the audit log is lost, and a new one is created: the entries so far can no longer be verified", "file", path)
	}
	secrets, err := k.key(d, "audit", log)
	if err != nil {
		return nil, err
	}
	l, err := audit.NewLog(secrets)
	if err != nil {
		return nil, err
	}
	err = l.CheckKeys(ctx, s.db)
	switch {
	case errors.Is(err, audit.ErrUnknownKey) && lost:
		log.Warn("a part of the audit log was made with a key that is lost, and cannot be verified", "error", err)
		return l, nil
	case errors.Is(err, audit.ErrUnknownKey):
		return nil, unusable("%s: %w", path, err)
	}
	return l, err
}

// readAuditLog opens the audit log to verify it, and creates no key. The report
// says whether the key fits.
func (s *store) readAuditLog(ctx context.Context, path string, log *slog.Logger) (*audit.Log, error) {
	secrets, err := keyfile.Read(path, log)
	if !errors.Is(err, fs.ErrNotExist) {
		if err != nil {
			return nil, explain(filepath.Dir(path), err)
		}
		return audit.NewLog(secrets)
	}
	switch missing, err := s.auditKeyMissing(ctx, path); {
	case err != nil:
		return nil, err
	case missing:
		return nil, errKeyMissing(path)
	}
	return audit.NewLog([][]byte{keyfile.NewSecret()}) // there is nothing to verify with it
}

// auditKeyMissing reports whether the key is absent although the audit log has
// entries. A new key in its place could not verify them.
func (s *store) auditKeyMissing(ctx context.Context, path string) (missing bool, err error) {
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return false, nil // reading the key reports any other error
	}
	if missing, err = ask(ctx, s.db, audit.HasHistory()); err != nil {
		return false, fmt.Errorf("looking for entries of the audit log: %w", err)
	}
	return missing, nil
}

func errKeyMissing(path string) error {
	return unusable("the key %s is missing, and the audit log of this store was made with it: restore it from a backup or from another server of the database, or name its directory with --keys. If it is lost for good, muster serve --audit-key-lost continues with a new one", path)
}
