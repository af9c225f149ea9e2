package atomicfile_test

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/musterhq/muster/internal/atomicfile"
)

func text(s string) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := io.WriteString(w, s)
		return err
	}
}

// want checks what the file holds, and that it is alone in its directory.
func want(t *testing.T, path, content string) {
	t.Helper()
	got, err := os.ReadFile(path)
	if err != nil || string(got) != content {
		t.Errorf("got %q, %v, want %q", got, err, content)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("got %v, %v; want that only the owner can read it", info.Mode(), err)
	}
	if left, err := os.ReadDir(filepath.Dir(path)); err != nil || len(left) != 1 {
		t.Errorf("the directory holds %v, %v; want the file alone", left, err)
	}
}

func TestReplace(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "file")
	for _, content := range []string{"one", "another"} {
		if err := atomicfile.Replace(path, text(content)); err != nil {
			t.Fatal(err)
		}
		want(t, path, content)
	}
	wrong := errors.New("no more")
	err := atomicfile.Replace(path, func(w io.Writer) error {
		_, _ = io.WriteString(w, "half")
		return wrong
	})
	if !errors.Is(err, wrong) {
		t.Errorf("got %v, want %v", err, wrong)
	}
	want(t, path, "another")
	if err := atomicfile.Replace(filepath.Join(path+"s", "file"), text("x")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("in a directory that does not exist: got %v", err)
	}
}

func TestCreate(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "file")
	if err := atomicfile.Create(path, text("one")); err != nil {
		t.Fatal(err)
	}
	if err := atomicfile.Create(path, text("another")); !errors.Is(err, fs.ErrExist) {
		t.Errorf("got %v, want %v", err, fs.ErrExist)
	}
	want(t, path, "one")
}
