package main

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
)

// keys are the secrets of a store, one file for each purpose. A line is a
// secret in base64, the newest first; one that begins with # is a remark.
type keys struct {
	media  [][]byte // sign the links of photos and documents
	cursor []byte   // seals the cursors of lists, and positions
}

const keyBytes = 32

// readKeys reads the secrets, and makes those that are missing. A file that
// others may read is closed to them, with a word.
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
