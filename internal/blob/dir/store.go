package dir

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path"
	"strings"
	"syscall"
	"time"

	"github.com/musterhq/muster/internal/blob"
)

const (
	tempPrefix = ".new-"        // no key starts with a dot
	tempLife   = 24 * time.Hour // longer than any Put takes
)

// Config configures a store.
type Config struct {
	// Folder is the directory of the objects. New creates it, with mode 0700.
	Folder string

	// Base is the start of signed URLs, such as https://example.org. If empty,
	// URLs have no host: /media/….
	Base string

	// Secrets sign the URLs: the first, which is the newest, signs, and all of
	// them verify. From 1 to 8, each of at least 32 bytes.
	Secrets [][]byte

	// Now returns the time; nil is time.Now.
	Now func() time.Time

	// Log receives internal errors; nil is slog.Default().
	Log *slog.Logger
}

// Store is a blob.Store in a directory. It is safe for concurrent use, also by
// several processes.
type Store struct {
	root    *os.Root
	prefix  string
	secrets []*secret
	now     func() time.Time
	log     *slog.Logger
}

var _ blob.Store = (*Store)(nil)

// New opens the store, which must be closed, and removes files that interrupted
// puts left more than a day ago. Its errors are for the person who runs Muster and
// name the directory.
func New(c Config) (*Store, error) {
	base, err := parseBase(c.Base)
	if err != nil {
		return nil, err
	}
	secrets, err := newSecrets(c.Secrets)
	if err != nil {
		return nil, err
	}
	root, err := openRoot(c.Folder)
	if err != nil {
		return nil, fmt.Errorf("media directory %s: %w", c.Folder, explain(err))
	}
	s := &Store{root: root, prefix: base + Prefix, secrets: secrets, now: c.Now, log: cmp.Or(c.Log, slog.Default())}
	if s.now == nil {
		s.now = time.Now
	}
	if err := s.sweep(); err != nil {
		_ = root.Close()
		return nil, fmt.Errorf("media directory %s: %w", c.Folder, explain(err))
	}
	return s, nil
}

func openRoot(folder string) (*os.Root, error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, err
	}
	return os.OpenRoot(folder)
}

func parseBase(base string) (string, error) {
	if base == "" {
		return "", nil
	}
	u, err := url.Parse(base)
	if err != nil || u.Host == "" || u.User != nil || (u.Scheme != "http" && u.Scheme != "https") || strings.ContainsAny(base, "?#") {
		return "", errors.New("the base of media URLs must be http:// or https:// with a host and optionally a path, such as https://example.org")
	}
	return strings.TrimRight(base, "/"), nil
}

// sweep removes leftovers. One that it cannot remove does no harm.
func (s *Store) sweep() error {
	folder, err := s.root.Open(".")
	if err != nil {
		return err
	}
	defer folder.Close()
	for {
		entries, err := folder.ReadDir(256)
		for _, e := range entries {
			if s.isLeftover(e) {
				_ = s.root.Remove(e.Name())
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (s *Store) isLeftover(e fs.DirEntry) bool {
	if !strings.HasPrefix(e.Name(), tempPrefix) {
		return false
	}
	info, err := e.Info()
	return err == nil && s.now().Sub(info.ModTime()) >= tempLife
}

// Close releases the directory. Open objects stay readable.
func (s *Store) Close() error { return s.root.Close() }

// Put implements blob.Store. It reads the new content before it replaces the old,
// and readers of the old content can read it to the end.
func (s *Store) Put(ctx context.Context, key string, size int64, r io.Reader) error {
	if err := blob.CheckPut(ctx, key, size); err != nil {
		return err
	}
	if err := s.put(ctx, key, size, r); err != nil {
		return fmt.Errorf("storing an object: %w", explain(err))
	}
	return nil
}

func (s *Store) put(ctx context.Context, key string, size int64, r io.Reader) error {
	temp := tempPrefix + rand.Text()
	defer func() { _ = s.root.Remove(temp) }() // already renamed, unless something failed or panicked
	if err := s.write(ctx, temp, size, r); err != nil {
		return err
	}
	return s.place(temp, key)
}

func (s *Store) write(ctx context.Context, name string, size int64, r io.Reader) error {
	f, err := s.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := io.Copy(f, blob.Exactly(&interruptible{ctx, r}, size)); err != nil {
		return err
	}
	// The kernel's own timestamps have steps of milliseconds, within which an
	// object may be replaced; the ETag depends on this one.
	now := time.Now()
	if err := s.root.Chtimes(name, now, now); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	return f.Close()
}

// place renames a file to its key. A concurrent Delete may remove directories
// before they are used, hence the attempts. MkdirAll reports that a directory
// exists if it disappears before MkdirAll examines it.
func (s *Store) place(temp, key string) error {
	folder := path.Dir(key)
	var err error
	for range 100 {
		if err = s.root.MkdirAll(folder, 0o700); err == nil {
			err = s.root.Rename(temp, key)
		}
		if !isAny(err, fs.ErrNotExist, fs.ErrExist) {
			break
		}
	}
	if err != nil {
		return err
	}
	return s.syncUp(folder)
}

// syncUp makes the entries of the directory and of all above it durable: another
// Put may have created them a moment ago and not synced them yet.
func (s *Store) syncUp(folder string) error {
	for ; ; folder = path.Dir(folder) {
		if err := s.sync(folder); err != nil || folder == "." {
			return err
		}
	}
}

func (s *Store) sync(folder string) error {
	f, err := s.root.Open(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // a concurrent Delete removed it
	}
	if err != nil {
		return err
	}
	defer f.Close()
	err = f.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, errors.ErrUnsupported) {
		return nil // some network file systems cannot sync a directory
	}
	return err
}

// Open implements blob.Store.
func (s *Store) Open(ctx context.Context, key string) (*blob.Object, error) {
	if err := blob.CheckCall(ctx, key); err != nil {
		return nil, err
	}
	f, info, err := s.open(key)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, blob.ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("opening an object: %w", explain(err))
	}
	return &blob.Object{ReadSeekCloser: f, Size: info.Size(), ContentType: blob.TypeOf(key), Modified: info.ModTime()}, nil
}

func (s *Store) open(key string) (*os.File, fs.FileInfo, error) {
	f, err := s.root.Open(key)
	if err != nil {
		return nil, nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fs.ErrNotExist // a directory that somebody created
	}
	if err != nil {
		_ = f.Close()
		return nil, nil, err
	}
	return f, info, nil
}

// Delete implements blob.Store. It also removes directories that become empty,
// whose names are often ids of members.
func (s *Store) Delete(ctx context.Context, key string) error {
	if err := blob.CheckCall(ctx, key); err != nil {
		return err
	}
	err := s.root.Remove(key)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = s.prune(path.Dir(key))
	}
	if err != nil {
		return fmt.Errorf("deleting an object: %w", explain(err))
	}
	return nil
}

// prune removes the directory and those above it while they are empty, and makes
// the last removal durable.
func (s *Store) prune(folder string) error {
	for folder != "." && s.root.Remove(folder) == nil {
		folder = path.Dir(folder)
	}
	return s.sync(folder)
}

// explain turns an error of the system into a fault that names the remedy. The
// original, which contains paths, stays the cause, which only the log shows.
func explain(err error) error {
	switch {
	case isAny(err, syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG):
		return blob.ErrFull.Because(err)
	case isAny(err, fs.ErrPermission, syscall.EROFS):
		return blob.ErrReadOnly.Because(err)
	}
	return err
}

func isAny(err error, targets ...error) bool {
	for _, t := range targets {
		if errors.Is(err, t) {
			return true
		}
	}
	return false
}

// interruptible stops a copy when its context is done.
type interruptible struct {
	ctx context.Context //nolint:containedctx // of the one copy that it interrupts
	r   io.Reader
}

func (i *interruptible) Read(p []byte) (int, error) {
	if err := i.ctx.Err(); err != nil {
		return 0, err
	}
	return i.r.Read(p)
}
