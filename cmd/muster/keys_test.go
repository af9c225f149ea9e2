package main

import (
	"bytes"
	"encoding/base64"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

var silent = slog.New(slog.DiscardHandler)

func TestKeysAreMadeOnce(t *testing.T) {
	t.Parallel()
	f := filepath.Join(t.TempDir(), "keys")
	var work sync.WaitGroup
	made := make([]keys, 16)
	for i := range made {
		work.Go(func() {
			var err error
			if made[i], err = readKeys(f, silent); err != nil {
				t.Error(err)
			}
		})
	}
	work.Wait()
	for _, k := range made[1:] {
		if len(k.media) != 1 || !bytes.Equal(k.media[0], made[0].media[0]) || !bytes.Equal(k.cursor, made[0].cursor) {
			t.Fatal("two that started at once have different keys")
		}
	}
	if bytes.Equal(made[0].cursor, made[0].media[0]) {
		t.Error("one secret serves two purposes")
	}
	left, err := os.ReadDir(f)
	if err != nil || len(left) != 2 {
		t.Errorf("got %d files in the folder of keys, %v, want 2", len(left), err)
	}
}

func TestParseKey(t *testing.T) {
	t.Parallel()
	line := func(b byte, n int) string {
		return base64.RawURLEncoding.EncodeToString(bytes.Repeat([]byte{b}, n)) + "\n"
	}
	for name, c := range map[string]struct {
		text string
		want []byte // the first byte of each secret; nil is refused
	}{
		"one":                  {line(1, 32), []byte{1}},
		"the newest first":     {"# remark\n\n" + line(2, 32) + line(1, 40), []byte{2, 1}},
		"without a line end":   {strings.TrimSpace(line(1, 32)), []byte{1}},
		"empty":                {"", nil},
		"remarks only":         {"# x\n", nil},
		"too short":            {line(1, 16), nil},
		"no base64":            {"correct horse battery staple correct horse\n", nil},
		"one good and one bad": {line(1, 32) + "x\n", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			list, err := parseKey("key", []byte(c.text))
			var got []byte
			for _, secret := range list {
				got = append(got, secret[0])
			}
			if !bytes.Equal(got, c.want) || (err == nil) != (c.want != nil) {
				t.Errorf("got %v, %v, want %v", got, err, c.want)
			}
			if err != nil && c.text != "" && strings.Contains(err.Error(), strings.TrimSpace(c.text)) {
				t.Errorf("the error %q tells the secret", err)
			}
		})
	}
}

func TestKeyIsNoLink(t *testing.T) {
	t.Parallel()
	f := filepath.Join(t.TempDir(), "keys")
	if _, err := readKeys(f, silent); err != nil {
		t.Fatal(err)
	}
	key := filepath.Join(f, "cursor")
	if err := os.Rename(key, key+".moved"); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(key+".moved", key); err != nil {
		t.Fatal(err)
	}
	if _, err := readKeys(f, silent); err == nil || codeOf(err) != exitStore {
		t.Errorf("got %v, want that a link is refused", err)
	}
}
