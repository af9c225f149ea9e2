package postgrestest

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

// Pooler is a pgbouncer in transaction mode before a server.
type Pooler struct {
	port int
}

// Pooler starts a pooler, which ends with the test. The settings are lines of its
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
	host := newServer(t) // for its directory and its process
	lines := append([]string{
		"[databases]", fmt.Sprintf("* = host=127.0.0.1 port=%d user=muster", s.port),
		"[pgbouncer]", "pool_mode = transaction", "auth_type = any", "listen_addr = 127.0.0.1", fmt.Sprintf("listen_port = %d", host.port),
		"unix_socket_dir =", "max_client_conn = 1000", "default_pool_size = 30", "verbose = 0",
	}, settings...)
	file := filepath.Join(host.dir, "pgbouncer.ini")
	if err := os.WriteFile(file, []byte(strings.Join(lines, "\n")+"\n"), 0o644); err != nil { // its account reads it
		t.Fatal(err)
	}
	host.start(program, file)
	t.Cleanup(func() {
		if log, _ := os.ReadFile(filepath.Join(host.dir, "log")); t.Failed() {
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

// Through returns the address of the same database behind the pooler.
func (p *Pooler) Through(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		panic(err) // this package made it
	}
	u.Host = fmt.Sprintf("127.0.0.1:%d", p.port)
	return u.String()
}
