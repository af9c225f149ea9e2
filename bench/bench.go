package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// bench is one run.
type bench struct {
	*measureCmd
	self, muster string // programs
	cache        string // of filled stores
	scratch      string // thrown away in the end
	fingerprint  string
	phones       phones
}

// say tells how far it is, apart from the results.
func say(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "bench: "+format+"\n", args...)
}

func newBench(ctx context.Context, m *measureCmd) (b *bench, err error) {
	b = &bench{measureCmd: m, muster: m.Muster, cache: m.Cache}
	if b.self, err = os.Executable(); err != nil {
		return nil, fmt.Errorf("finding this program: %w", err)
	}
	out, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", "github.com/musterhq/muster").Output()
	if err != nil {
		return nil, fmt.Errorf("finding the module, in which this has to run: %w", err)
	}
	root := strings.TrimSpace(string(out))
	if b.fingerprint, err = fingerprint(root); err != nil {
		return nil, err
	}
	if b.cache == "" {
		folder, err := os.UserCacheDir()
		if err != nil {
			return nil, fmt.Errorf("finding the cache folder, which --cache can name: %w", err)
		}
		b.cache = filepath.Join(folder, "muster-bench")
	}
	if err := os.MkdirAll(b.cache, 0o700); err != nil {
		return nil, fmt.Errorf("making the cache folder: %w", err)
	}
	// Beside the cache: a folder for temporary files may be no disk at all.
	if b.scratch, err = os.MkdirTemp(b.cache, "run-"); err != nil {
		return nil, fmt.Errorf("making a folder: %w", err)
	}
	if b.muster == "" {
		b.muster = filepath.Join(b.scratch, "muster")
		build := exec.CommandContext(ctx, "go", "build", "-o", b.muster, "./cmd/muster")
		build.Dir, build.Stderr = root, os.Stderr
		if err := build.Run(); err != nil {
			return nil, errors.Join(fmt.Errorf("building muster: %w", err), os.RemoveAll(b.scratch))
		}
	}
	return b, nil
}

func (b *bench) close() { _ = os.RemoveAll(b.scratch) }

// measure does all that is asked for, size by size.
func (b *bench) measure(ctx context.Context, r *report) error {
	for i, members := range b.Sizes {
		if !b.wantsAny("detail", "list", "dashboard", "create", "flat", "deep", "search", "memory") {
			break
		}
		largest := i == len(b.Sizes)-1
		if err := b.measureSize(ctx, r, members, largest); err != nil {
			return fmt.Errorf("with %d members: %w", members, err)
		}
	}
	if b.wants("writers") {
		if err := b.measureWriters(ctx, r); err != nil {
			return fmt.Errorf("group commit: %w", err)
		}
	}
	if b.wants("import") {
		if err := b.measureTransfer(ctx, r); err != nil {
			return fmt.Errorf("import and export: %w", err)
		}
	}
	return nil
}

// servers are those that run on copies of one store.
type servers struct {
	store
	where        string // the database, if it is not the usual one
	muster       *process
	shared, each *process // the limit: creates share commits, or have one each
	folder       string
}

func (b *bench) serve(ctx context.Context, members int) (s *servers, err error) {
	s = &servers{}
	if s.store, err = b.filled(ctx, members); err != nil {
		return nil, err
	}
	if s.folder, err = os.MkdirTemp(b.scratch, "size-"); err != nil {
		return nil, fmt.Errorf("making a folder: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.stop())
		}
	}()
	if s.muster, err = b.startMuster(ctx, s.store, filepath.Join(s.folder, "muster")); err != nil {
		return s, err
	}
	if !b.wantsAny("detail", "list", "dashboard", "create") {
		return s, nil
	}
	if s.shared, err = b.startLimit(ctx, s.store, filepath.Join(s.folder, "shared"), "--group"); err != nil || !b.wants("create") {
		return s, err
	}
	s.each, err = b.startLimit(ctx, s.store, filepath.Join(s.folder, "each"))
	return s, err
}

func (b *bench) startMuster(ctx context.Context, s store, folder string) (*process, error) {
	if _, err := s.copyTo(folder); err != nil {
		return nil, err
	}
	return start(ctx, b.muster, "serve", "--data", folder, "--listen", "127.0.0.1:0", "--phone-region", region)
}

func (b *bench) startLimit(ctx context.Context, s store, folder string, flags ...string) (*process, error) {
	database, err := s.copyTo(folder)
	if err != nil {
		return nil, err
	}
	return start(ctx, b.self, append([]string{"limit", "--database", database}, flags...)...)
}

func (s *servers) stop() error {
	var errs []error
	for _, p := range []*process{s.muster, s.shared, s.each} {
		if p != nil {
			errs = append(errs, p.stop())
		}
	}
	return errors.Join(append(errs, os.RemoveAll(s.folder))...)
}

func (b *bench) measureSize(ctx context.Context, r *report, members int, largest bool) (err error) {
	s, err := b.serve(ctx, members)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	if err := b.compareReads(ctx, r, s); err != nil {
		return err
	}
	if largest {
		if err := b.measureClaims(ctx, r, s); err != nil {
			return err
		}
	}
	if b.wants("create") {
		if err := b.compareCreates(ctx, r, s); err != nil {
			return err
		}
	}
	if largest && b.wants("memory") {
		return b.measureMemory(r, s)
	}
	return nil
}
