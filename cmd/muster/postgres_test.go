package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/musterhq/muster/engine/postgres/postgrestest"
	"github.com/musterhq/muster/internal/blob/s3test"
)

// services are what scripts share: servers that start when the first of them
// asks for one, and end with the test.
type services struct {
	t       *testing.T
	primary func() *postgrestest.Server // lets "locked" in with a password, and "refused" not at all
	replica func() *postgrestest.Server
	other   func() *postgrestest.Server // of another cluster
	old     func() string               // the address of a server that says it is PostgreSQL 13
	bucket  func() *s3test.Server
}

func newServices(t *testing.T) *services {
	t.Helper()
	s := &services{t: t}
	s.primary = sync.OnceValue(func() *postgrestest.Server {
		p := postgrestest.Start(t, fmt.Sprintf("hba_file = '%s'", doors(t)))
		p.Exec(t, "create role locked login password 'correct horse'")
		p.Exec(t, "create role refused login")
		p.Exec(t, "create role poor login")
		return p
	})
	s.replica = sync.OnceValue(func() *postgrestest.Server { return s.primary().Replica() })
	s.other = sync.OnceValue(func() *postgrestest.Server { return postgrestest.Start(t) })
	s.old = sync.OnceValue(func() string { return startOld(t, hostOf(t, s.primary().URL())) })
	s.bucket = sync.OnceValue(func() *s3test.Server { return s3test.Start(t) })
	return s
}

// doors writes down who may come in, where the server can read it.
func doors(t *testing.T) string {
	t.Helper()
	folder, err := os.MkdirTemp("", "muster-doors-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	file := filepath.Join(folder, "pg_hba.conf")
	rules := "host all locked all scram-sha-256\nhost all refused all reject\nhost all all all trust\nhost replication all all trust\n"
	for _, err := range []error{os.Chmod(folder, 0o755), os.WriteFile(file, []byte(rules), 0o644), os.Chmod(file, 0o644)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return file
}

func hostOf(t *testing.T, text string) string {
	t.Helper()
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return u.Host
}

// startOld stands before a server and has it say that it is of version 13.
func startOld(t *testing.T, server string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			caller, err := l.Accept()
			if err != nil {
				return
			}
			go relay(caller, server)
		}
	}()
	return l.Addr().String()
}

func relay(caller net.Conn, server string) {
	defer caller.Close()
	behind, err := net.Dial("tcp", server)
	if err != nil {
		return
	}
	defer behind.Close()
	go func() { _, _ = io.Copy(behind, caller) }()
	buffer := make([]byte, 1<<16)
	for {
		n, err := behind.Read(buffer)
		if err != nil {
			return
		}
		said := buffer[:n]
		if i := bytes.Index(said, []byte("server_version\x00")); i >= 0 && i+17 <= n {
			copy(said[i+15:], "13")
		}
		if _, err := caller.Write(said); err != nil {
			return
		}
	}
}

// setPostgres gives a script an empty database of its own: $DATABASE, the same
// on a replica as $REPLICA, and for each way to be refused an address.
func (s *services) setPostgres(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 0 {
		ts.Fatalf("usage: postgres")
	}
	database := s.primary().Database(s.t)
	u, err := url.Parse(database)
	ts.Check(err)
	as := func(user *url.Userinfo) string {
		c := *u
		c.User = user
		return c.String()
	}
	ts.Setenv("DATABASE", database)
	ts.Setenv("NAME", strings.TrimPrefix(u.Path, "/"))
	ts.Setenv("REPLICA", s.replica().URLOf(strings.TrimPrefix(u.Path, "/")))
	ts.Setenv("OTHER", s.other().URL())
	ts.Setenv("OLD", strings.Replace(database, u.Host, s.old(), 1))
	ts.Setenv("LOCKED", as(url.UserPassword("locked", "correct horse")))
	ts.Setenv("WRONG", as(url.UserPassword("locked", "wrong-horse")))
	ts.Setenv("REFUSED", as(url.User("refused")))
	ts.Setenv("POOR", as(url.User("poor")))
	ts.Setenv("MISSING", s.primary().URLOf("nowhere"))
	ts.Setenv("TLS", strings.Replace(database, "sslmode=disable", "sslmode=require", 1))
	s.replica().CatchUp(s.t, s.primary())
}

// setBucket gives a script a bucket of its own: $BUCKET with the owner's keys,
// and $NO_BUCKET.
func (s *services) setBucket(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 0 {
		ts.Fatalf("usage: bucket")
	}
	server := s.bucket()
	ts.Setenv("BUCKET", server.URL(server.NewBucket(s.t)))
	ts.Setenv("NO_BUCKET", server.URL("there-is-no-such-bucket"))
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"} {
		ts.Setenv(name, s3test.Owner.Getenv(name))
		ts.Setenv("STRANGER_"+name, s3test.Stranger.Getenv(name))
	}
}
