package keyfile

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

var silent = slog.New(slog.DiscardHandler)

func TestKeyIsCreatedOnce(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "keys")
	var work sync.WaitGroup
	read := make([][][]byte, 16)
	for i := range read {
		work.Go(func() {
			var err error
			if read[i], err = ReadOrCreate(filepath.Join(dir, "one"), silent); err != nil {
				t.Error(err)
			}
		})
	}
	work.Wait()
	for _, secrets := range read {
		if len(secrets) != 1 || len(secrets[0]) != size || !bytes.Equal(secrets[0], read[0][0]) {
			t.Fatal("two that started at once have different keys")
		}
	}
	other, err := ReadOrCreate(filepath.Join(dir, "another"), silent)
	if err != nil || bytes.Equal(other[0], read[0][0]) {
		t.Errorf("one secret serves two purposes, %v", err)
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 2 {
		t.Errorf("got %d files, %v, want 2", len(left), err)
	}
	if info, err := os.Stat(filepath.Join(dir, "one")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("got %v, %v; want that only the owner can read it", info.Mode(), err)
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	line := func(b byte, n int) string {
		return base64.RawURLEncoding.EncodeToString(bytes.Repeat([]byte{b}, n)) + "\n"
	}
	for name, c := range map[string]struct {
		text string
		want []byte // the first byte of each secret; nil is refused
	}{
		"one":                  {line(1, 32), []byte{1}},
		"the newest first":     {"# comment\n\n" + line(2, 32) + line(1, 40), []byte{2, 1}},
		"without a line end":   {strings.TrimSpace(line(1, 32)), []byte{1}},
		"empty":                {"", nil},
		"comments only":        {"# x\n", nil},
		"too short":            {line(1, 16), nil},
		"no base64":            {"correct horse battery staple correct horse\n", nil},
		"one good and one bad": {line(1, 32) + "x\n", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			list, err := parse("key", c.text)
			var got []byte
			for _, secret := range list {
				got = append(got, secret[0])
			}
			if !bytes.Equal(got, c.want) || (err == nil) != (c.want != nil) {
				t.Errorf("got %v, %v, want %v", got, err, c.want)
			}
			if err != nil && c.text != "" && strings.Contains(err.Error(), strings.TrimSpace(c.text)) {
				t.Errorf("the error %q shows the secret", err)
			}
		})
	}
}

func TestReadGuardsTheFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "key")
	if _, err := Read(path, silent); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("absent: got %v, want %v", err, fs.ErrNotExist)
	}
	if _, err := ReadOrCreate(path, silent); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	if _, err := Read(path, slog.New(slog.NewTextHandler(&log, nil))); err != nil || !strings.Contains(log.String(), "was=-rw-r--r--") {
		t.Errorf("open to others: got %v and the log %q", err, &log)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("got %v, %v; want that it was closed to others", info.Mode(), err)
	}
	link := path + ".link"
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadOrCreate(link, silent); err == nil {
		t.Error("a link is accepted")
	}
	if _, err := ReadOrCreate(filepath.Join(path, "below"), silent); err == nil {
		t.Error("a key is created below a file")
	}
}
