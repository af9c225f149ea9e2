package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/musterhq/muster/internal/audit"
	"github.com/musterhq/muster/session"
)

// Keyring is the flag that says where the keys are.
type Keyring struct {
	Keys string `help:"The folder of the keys that sign links, seal cursors and keep the record. All servers of one database must have the same. Default: keys in the data folder." placeholder:"DIR"`
}

// keys is the folder of the keys.
func (k Keyring) keys(f folder) string {
	if k.Keys != "" {
		return k.Keys
	}
	return filepath.Join(string(f), "keys")
}

// keys are the secrets of a store, one file for each purpose. A line is a
// secret in base64, the newest first; one that begins with # is a remark.
type keys struct {
	media  [][]byte // sign the links of photos and documents
	cursor []byte   // seals the cursors of lists, and positions
}

const keyBytes = 32

// readKeys reads the secrets, and makes those that are missing; those of the
// record are another matter, see store.auditLog. A file that others may read is closed to them, with
// a word.
func readKeys(path string, log *slog.Logger) (k keys, err error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return k, explain(path, err)
	}
	if k.media, err = readKey(filepath.Join(path, "media"), log); err != nil {
		return k, err
	}
	cursors, err := readKey(filepath.Join(path, "cursor"), log)
	if err != nil {
		return k, err
	}
	k.cursor = cursors[0]
	return k, nil
}

// auditLog opens the record for a command that writes to it: with the secrets in
// the folder of keys, which must be those that it was made with, unless these are
// lost for good.
func (s *store) auditLog(ctx context.Context, path string, lost bool, log *slog.Logger) (*audit.Log, error) {
	secrets, err := s.auditKeys(ctx, path, lost, log)
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
		log.Warn("a part of the record was made with a key that is lost, and cannot be verified", "error", err)
		return l, nil
	case errors.Is(err, audit.ErrUnknownKey):
		return nil, unusable("%s: %w", auditKey(path), err)
	}
	return l, err
}

// auditKeys reads the secrets of the record. They are made only as long as
// nothing is on it, or if they are lost for good: with new ones in the place of
// those that it was made with, nobody could tell any more whether it is true.
func (s *store) auditKeys(ctx context.Context, path string, lost bool, log *slog.Logger) ([][]byte, error) {
	file := auditKey(path)
	begun, err := s.begunWithout(ctx, file)
	switch {
	case err != nil:
		return nil, err
	case begun && !lost:
		return nil, missingAuditKey(file)
	case begun:
		log.Warn("the key of the record is lost, and a new one is made: what is on the record so far cannot be verified any more", "file", file)
	}
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, explain(path, err)
	}
	return readKey(file, log)
}

func missingAuditKey(file string) error {
	return unusable("the key %s is missing, and the record of this store was made with it: put it back, from a backup or from another server of the database, or name its folder with --keys. If it is lost for good, muster serve --audit-key-lost goes on with a new one", file)
}

func auditKey(path string) string { return filepath.Join(path, "audit") }

// begunWithout reports whether the file is missing although the record was begun.
func (s *store) begunWithout(ctx context.Context, file string) (begun bool, err error) {
	if _, err := os.Lstat(file); !errors.Is(err, fs.ErrNotExist) {
		return false, nil // what else there is to say of it, its reader says
	}
	err = s.db.Read(ctx, func(r *session.Read) (err error) {
		begun, err = session.Run(ctx, r, audit.HasHistory())
		return err
	}, session.Once)
	if err != nil {
		return false, fmt.Errorf("looking whether the record was begun: %w", err)
	}
	return begun, nil
}

func readKey(file string, log *slog.Logger) ([][]byte, error) {
	info, err := os.Lstat(file)
	if errors.Is(err, fs.ErrNotExist) {
		if err := makeKey(file); err != nil {
			return nil, explain(filepath.Dir(file), err)
		}
		info, err = os.Lstat(file)
	}
	if err != nil {
		return nil, explain(filepath.Dir(file), err)
	}
	if !info.Mode().IsRegular() {
		return nil, unusable("the key %s is not a file: put back the one that was there", file)
	}
	if info.Mode().Perm()&0o077 != 0 {
		if err := os.Chmod(file, 0o600); err != nil {
			return nil, unusable("the key %s may be read by others, and cannot be closed to them: %w", file, err)
		}
		log.Warn("a key could be read by others on this machine; it cannot any more. If one of them is not trusted, replace it",
			"file", file, "was", info.Mode().Perm().String())
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, explain(filepath.Dir(file), err)
	}
	return parseKey(file, text)
}

func parseKey(file string, text []byte) (list [][]byte, err error) {
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		secret, err := base64.RawURLEncoding.DecodeString(line)
		if err != nil || len(secret) < keyBytes {
			return nil, unusable("the key %s has a line that is no secret: put back the file that was there, or remove it for a new one", file)
		}
		list = append(list, secret)
	}
	if len(list) == 0 {
		return nil, unusable("the key %s is empty: put back the file that was there, or remove it for a new one", file)
	}
	return list, nil
}

// makeKey makes a key of one new secret. If another process does so at the same
// time, one of the two is kept, whole.
func makeKey(file string) error {
	secret := make([]byte, keyBytes)
	_, _ = rand.Read(secret) // never fails: crypto/rand ends the program instead
	temp, err := os.CreateTemp(filepath.Dir(file), ".new-")
	if err != nil {
		return err
	}
	defer os.Remove(temp.Name())
	defer temp.Close()
	var text bytes.Buffer
	fmt.Fprintln(&text, "# Secret. One per line, the newest first; those below it are still taken.")
	fmt.Fprintln(&text, base64.RawURLEncoding.EncodeToString(secret))
	if _, err := temp.Write(text.Bytes()); err != nil {
		return err
	}
	if err := temp.Sync(); err != nil {
		return err
	}
	if err := os.Link(temp.Name(), file); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncFolder(filepath.Dir(file))
}

// syncFolder makes the folder's entries durable.
func syncFolder(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}
