package testkit

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/musterhq/muster/engine/postgres"
	"github.com/musterhq/muster/internal/schema"
	"github.com/musterhq/muster/session"
)

// ServerVariable names the PostgreSQL server on which [Open] creates stores. It
// is empty for SQLite.
const ServerVariable = "MUSTER_TEST_SERVER"

// template is a database with the schema. Each test gets a copy of it.
const template = "muster_template"

// patience is how long the server may take for a statement.
const patience = time.Minute

var (
	stores   atomic.Int64
	prepared sync.Once
)

func openPostgres(t testing.TB, server string) *session.DB {
	t.Helper()
	prepared.Do(func() { prepare(t, server) })
	name := fmt.Sprintf("store_%d_%d", os.Getpid(), stores.Add(1))
	execute(t, server, "create database "+name+" template "+template)
	engine, err := postgres.Open(t.Context(), postgres.Options{Primary: database(t, server, name), ProbeTimeout: patience})
	if err != nil {
		t.Fatalf("opening a new store: %v", err)
	}
	t.Cleanup(func() {
		if err := engine.Close(); err != nil {
			t.Errorf("closing the store: %v", err)
		}
		execute(t, server, "drop database "+name)
	})
	return session.New(noted(t, engine))
}

// prepare creates the template, unless another process has.
func prepare(t testing.TB, server string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c, err := pgx.Connect(ctx, server)
	if err != nil {
		t.Fatalf("connecting to the server of %s: %v", ServerVariable, err)
	}
	defer c.Close(ctx)
	if _, err := c.Exec(ctx, "select pg_advisory_lock(1)"); err != nil { // held until the connection closes
		t.Fatal(err)
	}
	var there bool
	if err := c.QueryRow(ctx, "select exists (select 1 from pg_database where datname = $1)", template).Scan(&there); err != nil {
		t.Fatal(err)
	}
	if there {
		return
	}
	if _, err := c.Exec(ctx, "create database "+template); err != nil {
		t.Fatal(err)
	}
	if _, err := schema.MigratePostgres(ctx, database(t, server, template)); err != nil {
		t.Fatalf("migrating a new store: %v", err)
	}
}

func database(t testing.TB, server, name string) string {
	t.Helper()
	u, err := url.Parse(server)
	if err != nil {
		t.Fatalf("%s is not a valid address", ServerVariable)
	}
	u.Path = "/" + name
	return u.String()
}

func execute(t testing.TB, server, sql string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c, err := pgx.Connect(ctx, server)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(ctx)
	if _, err := c.Exec(ctx, sql); err != nil {
		t.Fatal(err)
	}
}
