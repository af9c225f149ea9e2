package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

type measureCmd struct {
	Quick       bool          `help:"Small stores and short turns: whether it works, not how fast it is."`
	Only        []string      `help:"Some of: detail, list, dashboard, create (against the limit), flat, deep, search, memory, writers, import." enum:"detail,list,dashboard,create,flat,deep,search,memory,writers,import" placeholder:"PART,…"`
	Sizes       []int         `help:"Members in the stores, ascending." default:"100000,1000000"`
	Connections []int         `help:"Connections at once." default:"1,16,64"`
	Rounds      int           `help:"Rounds, in each of which everything has its turn." default:"5"`
	Turn        time.Duration `help:"How long a turn lasts." default:"2s"`
	Rows        int           `help:"Rows to import." default:"300000"`
	JSON        bool          `help:"Print JSON."`
	Cache       string        `help:"Where filled stores are kept. Default: in the cache folder of the user." placeholder:"DIR"`
	Muster      string        `help:"The program to measure. Default: one that is built from here." placeholder:"FILE"`
}

// small makes it quick.
func (m *measureCmd) small() {
	m.Sizes, m.Connections = []int{1000, 5000}, []int{1, 16}
	m.Rounds, m.Turn, m.Rows = 3, 200*time.Millisecond, 20_000
}

func (m *measureCmd) wants(part string) bool {
	return len(m.Only) == 0 || slices.Contains(m.Only, part)
}

func (m *measureCmd) wantsAny(parts ...string) bool { return slices.ContainsFunc(parts, m.wants) }

// bench is one run.
type bench struct {
	*measureCmd
	self, muster string // programs
	cache        string // of filled stores
	scratch      string // thrown away in the end
	fingerprint  string
	phones       phones
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
