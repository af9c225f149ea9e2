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
	tempLife   = 24 * time.Hour // longer than any put takes
)

// Config says where a store keeps its objects and how it signs.
type Config struct {
	// Folder is made, with mode 0700, when it is absent.
	Folder string

	// Base is what signed URLs start with, such as https://example.org. Empty
	// gives URLs without a host: /media/….
	Base string

	// Secrets sign the URLs: the first, the newest, makes signatures and each
	// of them verifies. Between 1 and 8, each of at least 32 bytes.
	Secrets [][]byte

	// Now tells the time; nil is time.Now.
	Now func() time.Time

	// Log is told of failures that are nobody's fault; nil is slog.Default().
	Log *slog.Logger
}

// Store is a blob.Store in a folder. It is safe for concurrent use, and several
// processes may use one folder at once.
type Store struct {
	root    *os.Root
	prefix  string
	secrets []*secret
	now     func() time.Time
	log     *slog.Logger
}

var _ blob.Store = (*Store)(nil)

// New opens the folder, which must be closed again, and removes what puts that
// were cut off left there a day ago or earlier. Its errors are for the person
// who runs Muster and name the folder.
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
		return nil, fmt.Errorf("media folder %s: %w", c.Folder, explain(err))
	}
	s := &Store{root: root, prefix: base + Prefix, secrets: secrets, now: c.Now, log: cmp.Or(c.Log, slog.Default())}
	if s.now == nil {
		s.now = time.Now
	}
	if err := s.sweep(); err != nil {
		_ = root.Close()
		return nil, fmt.Errorf("media folder %s: %w", c.Folder, explain(err))
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
		return "", errors.New("the base of media URLs is http:// or https:// with a host and perhaps a path, such as https://example.org")
	}
	return strings.TrimRight(base, "/"), nil
}

// sweep removes leftovers. One that cannot be removed harms nobody.
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

// Close releases the folder. Objects that are open stay readable.
func (s *Store) Close() error { return s.root.Close() }

// Put fills blob.Store. The content is read before the key's old content goes,
// so a reader of the old one reads it to its end.
func (s *Store) Put(ctx context.Context, key string, size int64, r io.Reader) error {
	if err := admit(ctx, key); err != nil {
		return err
	}
	if size < 0 || size > blob.MaxSize {
		return blob.ErrSize
	}
	if err := s.put(ctx, key, size, r); err != nil {
		return fmt.Errorf("storing an object: %w", explain(err))
	}
	return nil
}

func (s *Store) put(ctx context.Context, key string, size int64, r io.Reader) error {
	temp := tempPrefix + rand.Text()
	defer func() { _ = s.root.Remove(temp) }() // gone already, unless something failed or panicked
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
	// The kernel's own stamp moves in steps of milliseconds, in which an
	// object may be replaced; the ETag is made of this one.
	now := time.Now()
	if err := s.root.Chtimes(name, now, now); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	return f.Close()
}

// place gives a file its key. Folders are made on the way and may be removed by
// a concurrent Delete before they are used, hence the attempts. MkdirAll says
// that a folder exists when it did, and went before it could look.
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

// syncUp makes the folder's entries durable, and the folder itself in those
// above: another put may have made them a moment ago and not synced them yet.
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
		return nil // a concurrent Delete emptied and removed it
	}
	if err != nil {
		return err
	}
	defer f.Close()
	err = f.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, errors.ErrUnsupported) {
		return nil // some network file systems cannot sync a folder
	}
	return err
}

// Open fills blob.Store.
func (s *Store) Open(ctx context.Context, key string) (*blob.Object, error) {
	if err := admit(ctx, key); err != nil {
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
		err = fs.ErrNotExist // a folder that somebody made
	}
	if err != nil {
		_ = f.Close()
		return nil, nil, err
	}
	return f, info, nil
}

// Delete fills blob.Store. Folders that it leaves empty go too: their names are
// often a member's id.
func (s *Store) Delete(ctx context.Context, key string) error {
	if err := admit(ctx, key); err != nil {
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

// prune removes the folder and those above as far as they are empty, and makes
// the last removal durable.
func (s *Store) prune(folder string) error {
	for folder != "." && s.root.Remove(folder) == nil {
		folder = path.Dir(folder)
	}
	return s.sync(folder)
}

// admit lets a call in whose context is alive and whose key is sound.
func admit(ctx context.Context, key string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return blob.CheckKey(key)
}

// explain turns what the system says into a fault that names the remedy. The
// system's words hold paths; they stay the cause, which only the log shows.
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

// interruptible ends a copy when its context does.
type interruptible struct {
	ctx context.Context //nolint:containedctx // of one copy, which it ends
	r   io.Reader
}

func (i *interruptible) Read(p []byte) (int, error) {
	if err := i.ctx.Err(); err != nil {
		return 0, err
	}
	return i.r.Read(p)
}
