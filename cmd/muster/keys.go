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
	switch err := s.checkAuditKey(ctx, path); {
	case lost && errors.Is(err, errKeyMissing):
		log.Warn("the key of the audit log is lost, and a new one is created: the entries so far can no longer be verified", "file", path)
	case err != nil:
		return nil, err
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
	if err := s.checkAuditKey(ctx, path); err != nil {
		return nil, err
	}
	secrets, err := keyfile.Read(path, log)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		secrets = [][]byte{keyfile.NewSecret()} // there is nothing to verify with it
	case err != nil:
		return nil, explain(filepath.Dir(path), err)
	}
	return audit.NewLog(secrets)
}

var errKeyMissing = errors.New("is missing, and the audit log of this store was made with it")

// checkAuditKey returns errKeyMissing if the key is absent although the audit log
// has entries. A new key in its place could not verify them.
func (s *store) checkAuditKey(ctx context.Context, path string) error {
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return nil // reading the key reports any other error
	}
	switch used, err := ask(ctx, s.db, audit.HasHistory()); {
	case err != nil:
		return fmt.Errorf("looking for entries of the audit log: %w", err)
	case used:
		return unusable("the key %s %w: restore it from a backup or from another server of the database, or name its directory with --keys. If it is lost for good, muster serve --audit-key-lost continues with a new one", path, errKeyMissing)
	}
	return nil
}
