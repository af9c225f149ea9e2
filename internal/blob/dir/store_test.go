package dir_test

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster/internal/blob"
	"github.com/musterhq/muster/internal/blob/dir"
)

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	ok := [][]byte{secretA}
	for _, tt := range []struct {
		name, says string
		c          dir.Config
	}{
		{"no secret", "from 1 to 8 secrets", dir.Config{}},
		{"too many secrets", "from 1 to 8 secrets", dir.Config{Secrets: make([][]byte, 9)}},
		{"short secret", "at least 32 bytes", dir.Config{Secrets: [][]byte{secretA, secretA[1:]}}},
		{"base without a scheme", "base of media URLs", dir.Config{Secrets: ok, Base: "example.org"}},
		{"base of another scheme", "base of media URLs", dir.Config{Secrets: ok, Base: "ftp://example.org"}},
		{"base with a query", "base of media URLs", dir.Config{Secrets: ok, Base: "https://example.org?a=b"}},
		{"base with a password", "base of media URLs", dir.Config{Secrets: ok, Base: "https://a:b@example.org"}},
		{"folder is a file", "media directory", dir.Config{Secrets: ok, Folder: "main_test.go"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if tt.c.Folder == "" {
				tt.c.Folder = t.TempDir()
			}
			s, err := dir.New(tt.c)
			if err == nil {
				_ = s.Close()
				t.Fatal("got a store, want it refused")
			}
			if !strings.Contains(err.Error(), tt.says) {
				t.Errorf("got %q, want it to say %q", err, tt.says)
			}
		})
	}
}

func TestFilesAreForTheirOwnerOnly(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "data", "media")
	s := newStore(t, dir.Config{Folder: folder})
	put(t, s, "members/42/7.jpg", "x")
	want := map[string]fs.FileMode{
		".":                fs.ModeDir | 0o700,
		"members":          fs.ModeDir | 0o700,
		"members/42":       fs.ModeDir | 0o700,
		"members/42/7.jpg": 0o600,
	}
	if diff := cmp.Diff(want, tree(t, folder)); diff != "" {
		t.Errorf("tree (-want +got):\n%s", diff)
	}
}

func TestFailedPutLeavesNoFile(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	s := newStore(t, dir.Config{Folder: folder})
	if err := s.Put(t.Context(), photoKey, 10, strings.NewReader("short")); !errors.Is(err, blob.ErrSize) {
		t.Errorf("got %v, want %v", err, blob.ErrSize)
	}
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the reader's panic was swallowed")
			}
		}()
		_ = s.Put(t.Context(), photoKey, 10, panicking{})
	}()
	if got := tree(t, folder); len(got) != 1 {
		t.Errorf("got %v, want an empty folder", got)
	}
}

type panicking struct{}

func (panicking) Read([]byte) (int, error) { panic("in the reader") }

func TestDeleteLeavesNoFolder(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	s := newStore(t, dir.Config{Folder: folder})
	put(t, s, "members/42/photos/7.jpg", "x")
	put(t, s, "members/43/photos/8.jpg", "x")
	if err := s.Delete(t.Context(), "members/42/photos/7.jpg"); err != nil {
		t.Fatal(err)
	}
	got := tree(t, folder)
	if _, ok := got["members/42"]; ok {
		t.Error("the emptied folder is left")
	}
	if _, ok := got["members/43/photos/8.jpg"]; !ok {
		t.Error("another object is gone")
	}
}

// Folders come and go under a put; it has to make them again.
func TestPutWhileFoldersGo(t *testing.T) {
	t.Parallel()
	s := newStore(t, dir.Config{})
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			key := fmt.Sprintf("members/42/photos/%d.jpg", i)
			for range 50 {
				if err := s.Put(t.Context(), key, 1, strings.NewReader("x")); err != nil {
					t.Error(err)
					return
				}
				if err := s.Delete(t.Context(), key); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}

func TestReaderKeepsWhatItOpened(t *testing.T) {
	t.Parallel()
	s := newStore(t, dir.Config{})
	put(t, s, photoKey, "the old one")
	o, err := s.Open(t.Context(), photoKey)
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	put(t, s, photoKey, "the new one, longer")
	if got, err := io.ReadAll(o); err != nil || string(got) != "the old one" {
		t.Errorf("got %q (%v), want the old one", got, err)
	}
}

func TestSymbolicLinksDoNotLeadOut(t *testing.T) {
	t.Parallel()
	folder, outside := t.TempDir(), t.TempDir()
	s := newStore(t, dir.Config{Folder: folder})
	secret := filepath.Join(outside, "secret.jpg")
	writeFile(t, secret, "secret")
	for name, target := range map[string]string{
		"file.jpg": secret,
		"folder":   outside,
		"up":       "../" + filepath.Base(outside),
	} {
		if err := os.Symlink(target, filepath.Join(folder, name)); err != nil {
			t.Fatal(err)
		}
	}
	for _, key := range []string{"file.jpg", "folder/secret.jpg", "up/secret.jpg"} {
		if o, err := s.Open(t.Context(), key); err == nil {
			_ = o.Close()
			t.Errorf("%s: opened a file outside of the folder", key)
		}
	}
	for _, key := range []string{"folder/new.jpg", "up/new.jpg"} {
		if err := s.Put(t.Context(), key, 1, strings.NewReader("x")); err == nil {
			t.Errorf("%s: stored a file outside of the folder", key)
		}
	}
	for _, key := range []string{"folder/secret.jpg", "up/secret.jpg"} {
		if err := s.Delete(t.Context(), key); err == nil {
			t.Errorf("%s: deleted a file outside of the folder", key)
		}
	}
	// A put over a link replaces the link, not what it points to.
	put(t, s, "file.jpg", "mine")
	got := tree(t, outside)
	delete(got, ".")
	if diff := cmp.Diff(map[string]fs.FileMode{"secret.jpg": 0o600}, got); diff != "" {
		t.Errorf("outside (-want +got):\n%s", diff)
	}
	if got, err := os.ReadFile(secret); err != nil || string(got) != "secret" {
		t.Errorf("outside: got %q (%v), want it untouched", got, err)
	}
}

func TestFolderIsNoObject(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	s := newStore(t, dir.Config{Folder: folder})
	if err := os.Mkdir(filepath.Join(folder, "a.jpg"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Open(t.Context(), "a.jpg"); !errors.Is(err, blob.ErrNotFound) {
		t.Errorf("got %v, want %v", err, blob.ErrNotFound)
	}
}

func TestNewSweepsLeftovers(t *testing.T) {
	t.Parallel()
	folder, now := t.TempDir(), time.Now()
	for name, age := range map[string]time.Duration{
		".new-old":     25 * time.Hour, // a put that was cut off
		".new-running": time.Hour,      // a put of another process
		"object.jpg":   999 * time.Hour,
	} {
		full := filepath.Join(folder, name)
		writeFile(t, full, "x")
		if err := os.Chtimes(full, now.Add(-age), now.Add(-age)); err != nil {
			t.Fatal(err)
		}
	}
	newStore(t, dir.Config{Folder: folder, Now: clockAt(now)})
	got := tree(t, folder)
	if _, ok := got[".new-old"]; ok {
		t.Error("the old leftover is still there")
	}
	for _, name := range []string{".new-running", "object.jpg"} {
		if _, ok := got[name]; !ok {
			t.Errorf("%s is gone", name)
		}
	}
}
