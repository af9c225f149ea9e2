package dir_test

import (
	"bytes"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/musterhq/muster/internal/blob"
	"github.com/musterhq/muster/internal/blob/blobtest"
	"github.com/musterhq/muster/internal/blob/dir"
)

const uuid = "0190a5c6-7d2e-7b31-8f60-2f1c5d0e9a47"

const photoKey = "members/" + uuid + "/photos/" + uuid + ".jpg"

var (
	secretA = bytes.Repeat([]byte("a"), 32)
	secretB = bytes.Repeat([]byte("b"), 32)
)

// noon is a multiple of 30 s, so that windows of a minute's links start then.
var noon = time.Unix(1_800_000_000, 0)

func clockAt(now time.Time) func() time.Time { return func() time.Time { return now } }

func newStore(t testing.TB, c dir.Config) *dir.Store {
	t.Helper()
	if c.Folder == "" {
		c.Folder = t.TempDir()
	}
	if c.Secrets == nil {
		c.Secrets = [][]byte{secretA}
	}
	s, err := dir.New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func put(t testing.TB, s *dir.Store, key, content string) {
	t.Helper()
	if err := s.Put(t.Context(), key, int64(len(content)), strings.NewReader(content)); err != nil {
		t.Fatal(err)
	}
}

func sign(t testing.TB, s *dir.Store, key string, o blob.SignOptions, now time.Time) string {
	t.Helper()
	if o.Expires == 0 {
		o.Expires = time.Minute
	}
	link, err := s.Sign(key, o, now)
	if err != nil {
		t.Fatal(err)
	}
	return link
}

// tree lists all that is below the folder, with its mode.
func tree(t testing.TB, folder string) map[string]fs.FileMode {
	t.Helper()
	found := map[string]fs.FileMode{}
	err := filepath.WalkDir(folder, func(name string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(folder, name)
		found[filepath.ToSlash(rel)] = info.Mode()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestConformance(t *testing.T) {
	t.Parallel()
	blobtest.Run(t, func(t *testing.T) blob.Store {
		server := httptest.NewUnstartedServer(nil)
		s := newStore(t, dir.Config{Base: "http://" + server.Listener.Addr().String()})
		mux := http.NewServeMux()
		mux.Handle(dir.Prefix, s.Handler())
		server.Config.Handler = mux
		server.Start()
		t.Cleanup(server.Close)
		return s
	})
}

func writeFile(t testing.TB, name, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}
