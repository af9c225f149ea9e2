package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"

	"github.com/musterhq/muster/engine/sqlite"
	"github.com/musterhq/muster/internal/schema"
	"github.com/musterhq/muster/query"
	"github.com/musterhq/muster/session"
)

type versionCmd struct{ Format }

// Help is shown below the flags.
func (versionCmd) Help() string {
	return `Example:

    muster version --json | jq -r .version`
}

// build is what this program was made of.
type build struct {
	Version  string `json:"version"`
	Commit   string `json:"commit"`
	Modified bool   `json:"modified"` // the source had changes that are in no commit
	Go       string `json:"go"`
	Platform string `json:"platform"`
	SQLite   string `json:"sqlite"`
	Schema   int64  `json:"schema"` // the version of the database that it needs
}

// version and commit are set by the Makefile where the toolchain knows neither.
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

// Run says which Muster this is.
func (v versionCmd) Run(ctx context.Context, c console) error {
	b := thisBuild()
	err := b.askDatabase(ctx)
	if err != nil {
		return err
	}
	if v.JSON {
		return writeJSON(c.out, b)
	}
	_, err = fmt.Fprintf(c.out, "muster %s\ncommit %s\n%s %s\nsqlite %s\nschema %d\n",
		b.Version, b.Commit, b.Go, b.Platform, b.SQLite, b.Schema)
	return err
}

// askDatabase asks a database that is there for a moment.
func (b *build) askDatabase(ctx context.Context) (err error) {
	folder, err := os.MkdirTemp("", "muster-version-")
	if err != nil {
		return fmt.Errorf("making a database to ask: %w", err)
	}
	defer os.RemoveAll(folder)
	file := filepath.Join(folder, "empty.db")
	state, err := schema.Inspect(ctx, file)
	if err != nil {
		return err
	}
	b.Schema = state.Latest
	engine, err := sqlite.Open(ctx, sqlite.Options{Path: file})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, engine.Close()) }()
	return session.New(engine).Read(ctx, func(r *session.Read) (err error) {
		b.SQLite, err = session.Run(ctx, r, query.Scalar[string]("select sqlite_version()"))
		return err
	}, session.Once)
}
