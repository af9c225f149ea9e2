package postgrestest

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"
)

// Pooler is a pgbouncer in transaction mode that stands before a server.
type Pooler struct {
	port int
}

// Pooler starts one, which ends with the test. The settings are lines of its
// configuration.
func (s *Server) Pooler(t testing.TB, settings ...string) *Pooler {
	t.Helper()
	program, err := exec.LookPath("pgbouncer")
	if err != nil {
		program = "/usr/sbin/pgbouncer"
	}
	if !isFile(program) {
		t.Fatal("pgbouncer is not installed; 'make test' installs it (Debian's package pgbouncer)")
	}
	host := newServer(t) // for its folder and its life
	lines := append([]string{
		"[databases]", fmt.Sprintf("* = host=127.0.0.1 port=%d user=muster", s.port),
		"[pgbouncer]", "pool_mode = transaction", "auth_type = any", "listen_addr = 127.0.0.1", fmt.Sprintf("listen_port = %d", host.port),
		"unix_socket_dir =", "max_client_conn = 1000", "default_pool_size = 30", "verbose = 0",
	}, settings...)
	file := filepath.Join(host.folder, "pgbouncer.ini")
	if err := os.WriteFile(file, []byte(strings.Join(lines, "\n")+"\n"), 0o644); err != nil { // its account reads it
		t.Fatal(err)
	}
	host.start(program, file)
	t.Cleanup(func() {
		if log, _ := os.ReadFile(filepath.Join(host.folder, "log")); t.Failed() {
			t.Logf("the pooler's log ends with\n%s", log[max(0, len(log)-4096):])
		}
	})
	p := &Pooler{port: host.port}
	host.await("the pooler answers", func(ctx context.Context) bool {
		c, err := pgx.Connect(ctx, p.Through(s.URL()))
		if err != nil {
			return false
		}
		return c.Close(ctx) == nil
	})
	return p
}

// Through is the address of the same database behind the pooler.
func (p *Pooler) Through(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		panic(err) // it was made by this package
	}
	u.Host = fmt.Sprintf("127.0.0.1:%d", p.port)
	return u.String()
}

// start runs a program beside the test, as the account that servers run as,
// until the server is killed.
func (s *Server) start(program string, args ...string) {
	s.t.Helper()
	log, err := os.OpenFile(filepath.Join(s.folder, "log"), os.O_APPEND|os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		s.t.Fatal(err)
	}
	defer log.Close()
	process := exec.Command(program, args...)
	process.Dir = s.folder
	process.Stdout, process.Stderr = log, log
	process.SysProcAttr = &syscall.SysProcAttr{Credential: account(), Setpgid: true}
	if err := process.Start(); err != nil {
		s.t.Fatal(err)
	}
	done := make(chan struct{})
	s.process, s.done = process, done
	go func() {
		defer close(done)
		_ = process.Wait() // how it ends is the tests' doing
	}()
}
