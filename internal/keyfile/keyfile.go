// Package keyfile keeps secrets in files.
//
// A file holds one or more secrets for one purpose, as lines of base64; the
// newest is the first, and those below it are still accepted: to rotate a key is
// to add a line at the top. A line that begins with # is a comment. The room
// decides how such a file is created, read and guarded, and not what the secrets
// are for. It imports atomicfile.
package keyfile

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/musterhq/muster/internal/atomicfile"
)

// size is the length of a new secret, and the least of any.
const size = 32

// NewSecret returns a random secret that no file holds.
func NewSecret() []byte {
	secret := make([]byte, size)
	_, _ = rand.Read(secret) // never fails: crypto/rand ends the program instead
	return secret
}

// ReadOrCreate is [Read], and first creates a file that is absent, with one new
// secret, and its directory. Processes that do so at once all read the same
// secret.
func ReadOrCreate(path string, log *slog.Logger) ([][]byte, error) {
	if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		if err := create(path); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, fmt.Errorf("creating the key %s: %w", path, err)
		}
	}
	return Read(path, log)
}

func create(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return atomicfile.Create(path, func(w io.Writer) error {
		_, err := fmt.Fprintf(w, "# Secret. One per line, the newest first; those below it are still accepted.\n%s\n",
			base64.RawURLEncoding.EncodeToString(NewSecret()))
		return err
	})
}

// Read returns the secrets in the file, the newest first; there is at least one.
// It refuses a file that is a link, and closes one that others can read to them,
// with a warning. The error of an absent file is [fs.ErrNotExist]. No error shows
// a secret.
func Read(path string, log *slog.Logger) ([][]byte, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("the key %s is not a regular file: restore the original file", path)
	}
	if info.Mode().Perm()&0o077 != 0 {
		if err := os.Chmod(path, 0o600); err != nil {
			return nil, fmt.Errorf("others can read the key %s, and its permissions cannot be changed: %w", path, err)
		}
		log.Warn("other accounts could read a key; they no longer can. Replace it unless you trust them all",
			"file", path, "was", info.Mode().Perm().String())
	}
	text, err := os.ReadFile(path) //nolint:gosec // a file of the directory of keys
	if err != nil {
		return nil, err
	}
	return parse(path, string(text))
}

func parse(path, text string) (secrets [][]byte, err error) {
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		secret, err := base64.RawURLEncoding.DecodeString(line)
		if err != nil || len(secret) < size {
			return nil, fmt.Errorf("the key %s has a line that is not a secret: restore the original file, or remove it to create a new one", path)
		}
		secrets = append(secrets, secret)
	}
	if len(secrets) == 0 {
		return nil, fmt.Errorf("the key %s holds no secret: restore the original file, or remove it to create a new one", path)
	}
	return secrets, nil
}
