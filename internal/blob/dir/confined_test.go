package dir_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/musterhq/muster/internal/blob"
	"github.com/musterhq/muster/internal/blob/dir"
	"github.com/musterhq/muster/internal/fault"
)

// What a disk refuses can only be seen where it refuses: these tests run
// themselves again in a process that may not write more than a little to one
// file, or that is nobody in a folder it may not write to.
const (
	confinedVar = "MUSTER_TEST_CONFINED"
	folderVar   = "MUSTER_TEST_FOLDER"
	nobody      = 65534
)

var noContext = context.Background() // the confined process has no test, and so no t.Context

func TestFullDisk(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	runConfined(t, "full", folder, nil)
	if got := tree(t, folder); len(got) != 1 {
		t.Errorf("got %v, want an empty folder", got)
	}
}

func TestReadOnlyFolder(t *testing.T) {
	t.Parallel()
	base, err := os.MkdirTemp("", "muster-read-only-") // t.TempDir is closed to nobody
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(base) })
	folder := filepath.Join(base, "media")
	writeFile(t, filepath.Join(folder, "kept.txt"), "kept")
	writeFile(t, filepath.Join(folder, "closed.txt"), "closed")
	for name, mode := range map[string]os.FileMode{
		base: 0o755, folder: 0o555,
		filepath.Join(folder, "kept.txt"): 0o444, filepath.Join(folder, "closed.txt"): 0,
	} {
		if err := os.Chmod(name, mode); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { _ = os.Chmod(folder, 0o700) })
	var as *syscall.Credential
	if os.Geteuid() == 0 {
		as = &syscall.Credential{Uid: nobody, Gid: nobody}
	}
	runConfined(t, "read-only", folder, as)
}

func runConfined(t *testing.T, job, folder string, as *syscall.Credential) {
	t.Helper()
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if as != nil {
		binary = publicCopy(t, binary)
	}
	cmd := exec.CommandContext(t.Context(), binary)
	cmd.Dir = "/"
	cmd.Env = []string{confinedVar + "=" + job, folderVar + "=" + folder}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: as}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// publicCopy puts the test binary where nobody can run it: go test builds it in
// a folder of its own that is closed to others.
func publicCopy(t *testing.T, binary string) string {
	t.Helper()
	content, err := os.ReadFile(binary)
	if err != nil {
		t.Fatal(err)
	}
	folder, err := os.MkdirTemp("", "muster-test-binary-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	name := filepath.Join(folder, "dir.test")
	if err := errors.Join(os.Chmod(folder, 0o755), os.WriteFile(name, content, 0o700), os.Chmod(name, 0o755)); err != nil {
		t.Fatal(err)
	}
	return name
}

// confined is the main of the process that is confined. It returns its exit
// code.
func confined(job string) int {
	folder := os.Getenv(folderVar)
	var err error
	switch job {
	case "full":
		err = onFullDisk(folder)
	case "read-only":
		err = onReadOnlyFolder(folder)
	default:
		err = fmt.Errorf("no such job: %s", job)
	}
	if err != nil {
		fmt.Println(err)
		return 1
	}
	return 0
}

func onFullDisk(folder string) error {
	const limit = 64 << 10
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: limit, Max: limit}); err != nil {
		return err
	}
	s, err := dir.New(dir.Config{Folder: folder, Secrets: [][]byte{secretA}})
	if err != nil {
		return err
	}
	defer s.Close()
	put := func(size int) error {
		return s.Put(noContext, photoKey, int64(size), strings.NewReader(strings.Repeat("x", size)))
	}
	return errors.Join(
		wantFault(put(4*limit), blob.ErrFull, folder),
		put(limit), // what fits still goes in
		s.Delete(noContext, photoKey),
	)
}

func onReadOnlyFolder(folder string) error {
	s, err := dir.New(dir.Config{Folder: folder, Secrets: [][]byte{secretA}, Now: clockAt(noon), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	defer s.Close()
	o, err := s.Open(noContext, "kept.txt")
	if err != nil {
		return err
	}
	defer o.Close()
	_, closedErr := s.Open(noContext, "closed.txt")
	_, newErr := dir.New(dir.Config{Folder: filepath.Join(folder, "below"), Secrets: [][]byte{secretA}})
	if newErr == nil || !strings.Contains(newErr.Error(), folder) {
		return fmt.Errorf("a folder that cannot be made: got %w, want an error that names it", newErr)
	}
	return errors.Join(
		wantUnavailable(s, "closed.txt", folder),
		wantFault(s.Put(noContext, photoKey, 1, strings.NewReader("x")), blob.ErrReadOnly, folder),
		wantFault(s.Delete(noContext, "kept.txt"), blob.ErrReadOnly, folder),
		wantFault(closedErr, blob.ErrReadOnly, folder),
		wantFault(newErr, blob.ErrReadOnly, ""),
	)
}

// wantFault fails unless err is the fault and neither it nor what a person sees
// of it names the folder.
func wantFault(err error, want *fault.Error, folder string) error {
	if !errors.Is(err, want) {
		return fmt.Errorf("got %w, want %w", err, want)
	}
	if folder != "" && strings.Contains(err.Error()+fault.As(err).Message, folder) {
		return fmt.Errorf("the folder is named in: %w", err)
	}
	return nil
}

// wantUnavailable fails unless the handler says that the object cannot be had
// now, and when to ask again.
func wantUnavailable(s *dir.Store, key, folder string) error {
	link, err := s.Sign(key, blob.SignOptions{Expires: time.Minute}, noon)
	if err != nil {
		return err
	}
	w := fetch(s, http.MethodGet, link, nil)
	body := w.Body.String()
	if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" || !strings.Contains(body, `"storage_read_only"`) || strings.Contains(body, folder) {
		return fmt.Errorf("a file that cannot be read: got %d %v %s", w.Code, w.Header(), body)
	}
	return nil
}
