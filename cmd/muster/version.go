package main

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"

	"github.com/musterhq/muster/query"
)

type versionCmd struct{ Format }

func (v versionCmd) Run(ctx context.Context, c console) error {
	b := thisBuild()
	if err := b.askDatabase(ctx); err != nil {
		return err
	}
	return v.print(c, b, fmt.Sprintf("muster %s\ncommit %s\n%s %s\nsqlite %s\nschema %d\n", b.Version, b.Commit, b.Go, b.Platform, b.SQLite, b.Schema))
}

// build describes this program.
type build struct {
	Version  string `json:"version"`
	Commit   string `json:"commit"`
	Modified bool   `json:"modified"` // the source had changes that were not committed
	Go       string `json:"go"`
	Platform string `json:"platform"`
	SQLite   string `json:"sqlite"`
	Schema   int64  `json:"schema"` // the version of the database that it needs
}

// The Makefile sets version and commit if the toolchain knows neither.
var version, commit string

func thisBuild() build {
	b := build{Version: version, Commit: commit, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	if b.Version == "" {
		b.Version = info.Main.Version
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Commit = s.Value
		case "vcs.modified":
			b.Modified = s.Value == "true"
		}
	}
	return b
}

// askDatabase fills in what only a database knows, from a temporary one.
func (b *build) askDatabase(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "muster-version-")
	if err != nil {
		return fmt.Errorf("creating a database to ask: %w", err)
	}
	defer os.RemoveAll(dir)
	return Store{Data: dir}.with(ctx, openOptions{create: true}, func(s *store) (err error) {
		b.Schema = s.state.Latest
		b.SQLite, err = ask(ctx, s.db, query.Scalar[string]("select sqlite_version()"))
		return err
	})
}
