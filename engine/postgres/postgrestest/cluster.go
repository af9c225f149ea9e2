package postgrestest

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Server is a PostgreSQL server in a directory of its own.
type Server struct {
	t       testing.TB
	dir     string
	port    int
	process *exec.Cmd
	done    chan struct{} // closed when the process has ended
	slots   atomic.Int64
}

// patience is how long a server may take to start, stop or answer.
const patience = 60 * time.Second

// bin returns the path of a PostgreSQL program, of the newest installed version.
func bin(t testing.TB, name string) string {
	t.Helper()
	dirs, _ := filepath.Glob("/usr/lib/postgresql/*/bin")
	slices.Sort(dirs)
	slices.Reverse(dirs)
	if named := os.Getenv("MUSTER_POSTGRES_BIN"); named != "" {
		dirs = []string{named}
	}
	for _, dir := range dirs {
		if path := filepath.Join(dir, name); isFile(path) {
			return path
		}
	}
	t.Fatalf("PostgreSQL's %s is not installed; 'make test' installs it (Debian's package postgresql)", name)
	return ""
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

// account is the user that the servers run as: PostgreSQL refuses to run as root.
var account = sync.OnceValue(func() *syscall.Credential {
	if os.Getuid() != 0 {
		return nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		if u, err := user.Lookup(name); err == nil {
			uid, _ := strconv.ParseUint(u.Uid, 10, 32)
			gid, _ := strconv.ParseUint(u.Gid, 10, 32)
			return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		}
	}
	return nil
})

// Start starts a primary with an empty database. The settings are lines of
// postgresql.conf that go before the usual ones of a test.
func Start(t testing.TB, settings ...string) *Server {
	t.Helper()
	s := newServer(t)
	s.command(bin(t, "initdb"), "--pgdata", s.data(), "--auth", "trust", "--username", "muster",
		"--encoding", "UTF8", "--locale", "C.UTF-8", "--no-sync")
	s.configure(settings...)
	s.Run()
	return s
}

func newServer(t testing.TB) *Server {
	t.Helper()
	dir, err := os.MkdirTemp("", "muster-postgres-")
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{t: t, dir: dir, port: freePort(t)}
	t.Cleanup(func() {
		s.Kill()
		_ = os.RemoveAll(dir) // it is in the system's temporary directory
	})
	if c := account(); c != nil {
		if err := os.Chown(dir, int(c.Uid), int(c.Gid)); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func (s *Server) data() string { return filepath.Join(s.dir, "data") }

// freePort returns a port that is free at the moment.
func freePort(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// command runs a program to its end.
func (s *Server) command(name string, args ...string) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = s.dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: account()}
	if out, err := cmd.CombinedOutput(); err != nil {
		s.t.Fatalf("%s: %v\n%s", filepath.Base(name), err, out)
	}
}

func (s *Server) configure(settings ...string) {
	s.t.Helper()
	lines := append(slices.Clip(settings),
		"listen_addresses = '127.0.0.1'", fmt.Sprintf("port = %d", s.port), fmt.Sprintf("unix_socket_directories = '%s'", s.dir),
		"max_connections = 300", "shared_buffers = '64MB'", "wal_level = replica", "max_wal_senders = 8", "hot_standby = on",
		"wal_keep_size = '256MB'", "log_min_messages = warning", "hot_standby_feedback = on", "wal_receiver_status_interval = 1",
		"wal_retrieve_retry_interval = '200ms'", "recovery_target_timeline = 'latest'")
	s.append("postgresql.conf", lines...)
	s.append("pg_hba.conf", "host replication all 127.0.0.1/32 trust")
}

func (s *Server) append(file string, lines ...string) {
	s.t.Helper()
	f, err := os.OpenFile(filepath.Join(s.data(), file), os.O_APPEND|os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		s.t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString(strings.Join(lines, "\n") + "\n"); err != nil {
		s.t.Fatal(err)
	}
	if c := account(); c != nil {
		if err := f.Chown(int(c.Uid), int(c.Gid)); err != nil {
			s.t.Fatal(err)
		}
	}
}

// Run starts the server, the first time or again, and waits until it answers.
func (s *Server) Run() {
	s.t.Helper()
	s.start(bin(s.t, "postgres"), "-D", s.data())
	s.await("the server answers", func(ctx context.Context) bool {
		c, err := pgx.Connect(ctx, s.URL())
		if err != nil {
			return false
		}
		return c.Close(ctx) == nil
	})
}

// start starts a program in the server's directory, as the account that servers
// run as. It runs until it ends or the server is killed.
func (s *Server) start(program string, args ...string) {
	s.t.Helper()
	log, err := os.OpenFile(filepath.Join(s.dir, "log"), os.O_APPEND|os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		s.t.Fatal(err)
	}
	defer log.Close()
	process := exec.Command(program, args...)
	process.Dir = s.dir
	process.Stdout, process.Stderr = log, log
	process.SysProcAttr = &syscall.SysProcAttr{Credential: account(), Setpgid: true}
	if err := process.Start(); err != nil {
		s.t.Fatal(err)
	}
	done := make(chan struct{})
	s.process, s.done = process, done
	go func() {
		defer close(done)
		_ = process.Wait() // the tests end it
	}()
}

// await calls ready until it returns true. Each call has a second.
func (s *Server) await(what string, ready func(context.Context) bool) {
	s.t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		ok := ready(ctx)
		cancel()
		if ok {
			return
		}
		select {
		case <-s.done:
			log, _ := os.ReadFile(filepath.Join(s.dir, "log"))
			s.t.Fatalf("the server ended while the test waited until %s:\n%s", what, log)
		case <-time.After(20 * time.Millisecond):
		}
	}
	s.t.Fatalf("it takes too long until %s", what)
}

// URL returns the address of the server's first database.
func (s *Server) URL() string { return s.URLOf("postgres") }

// URLOf returns the address of a database on the server.
func (s *Server) URLOf(database string) string {
	return fmt.Sprintf("postgres://muster@127.0.0.1:%d/%s?sslmode=disable", s.port, database)
}

// Database creates an empty database for a test and returns its address.
func (s *Server) Database(t testing.TB) string {
	t.Helper()
	name := fmt.Sprintf("test_%d", s.slots.Add(1))
	s.Exec(t, "create database "+name)
	return s.URLOf(name)
}

// Exec runs one statement on the server's first database.
func (s *Server) Exec(t testing.TB, sql string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c, err := pgx.Connect(ctx, s.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(ctx)
	if _, err := c.Exec(ctx, sql); err != nil {
		t.Fatal(err)
	}
}

// Replica starts a replica that streams from the server.
func (s *Server) Replica() *Server {
	s.t.Helper()
	r := newServer(s.t)
	slot := fmt.Sprintf("replica_%d", s.slots.Add(1))
	s.command(bin(s.t, "pg_basebackup"), "--dbname", s.URL(), "--pgdata", filepath.Join(s.dir, slot),
		"--write-recovery-conf", "--create-slot", "--slot", slot, "--checkpoint", "fast", "--no-sync")
	if err := os.Rename(filepath.Join(s.dir, slot), r.data()); err != nil {
		s.t.Fatal(err)
	}
	r.configure()
	r.Run()
	return r
}

// Follow has the replica stream from another server from now on.
func (s *Server) Follow(primary *Server) {
	s.t.Helper()
	s.append("postgresql.auto.conf", "primary_slot_name = ''",
		fmt.Sprintf("primary_conninfo = 'user=muster host=127.0.0.1 port=%d'", primary.port))
	s.command(bin(s.t, "pg_ctl"), "reload", "--pgdata", s.data())
}

// Promote makes a replica a primary, on a timeline of its own.
func (s *Server) Promote() {
	s.t.Helper()
	s.command(bin(s.t, "pg_ctl"), "promote", "--pgdata", s.data(), "--wait")
}

// Pause suspends the server's processes: it hangs.
func (s *Server) Pause() { s.signal(syscall.SIGSTOP) }

// Resume continues a paused server.
func (s *Server) Resume() { s.signal(syscall.SIGCONT) }

// signal sends a signal to the server and all its processes, which are its
// children.
func (s *Server) signal(sig syscall.Signal) {
	pid := s.process.Process.Pid
	for _, child := range append(children(pid), pid) {
		_ = syscall.Kill(child, sig) // one may have ended
	}
}

func children(pid int) (list []int) {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	for word := range strings.FieldsSeq(string(text)) {
		if child, err := strconv.Atoi(word); err == nil {
			list = append(list, child)
		}
	}
	return list
}

// Kill ends the server at once, as a crash does. It may be called again.
func (s *Server) Kill() {
	if s.process == nil || s.process.Process == nil {
		return
	}
	pid := s.process.Process.Pid
	_ = syscall.Kill(pid, syscall.SIGSTOP) // so that it starts no other
	others := children(pid)
	s.signal(syscall.SIGKILL)
	<-s.done
	for _, other := range others { // until they end, the memory that they share is in use
		for deadline := time.Now().Add(patience); runs(other) && time.Now().Before(deadline); {
			time.Sleep(time.Millisecond)
		}
	}
}

// runs reports whether a process has not ended yet.
func runs(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, state, _ := strings.Cut(string(stat), ") ")
	return err == nil && !strings.HasPrefix(state, "Z") // a zombie has ended
}

// CatchUp waits until the replica shows all that the primary has on disk.
func (s *Server) CatchUp(t testing.TB, primary *Server) {
	t.Helper()
	want := primary.ask(t, "select cast(pg_current_wal_flush_lsn() as text)")
	s.await("the replica has caught up", func(context.Context) bool {
		return s.ask(t, "select cast(pg_last_wal_replay_lsn() >= '"+want+"' as text)") == "true"
	})
}

// ask runs a query for one text.
func (s *Server) ask(t testing.TB, sql string) (answer string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c, err := pgx.Connect(ctx, s.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(ctx)
	if err := c.QueryRow(ctx, sql).Scan(&answer); err != nil {
		t.Fatal(err)
	}
	return answer
}

// HoldReplay has a replica receive changes without showing them, until
// [Server.ResumeReplay].
func (s *Server) HoldReplay(t testing.TB) { s.Exec(t, "select pg_wal_replay_pause()") }

// ResumeReplay ends [Server.HoldReplay].
func (s *Server) ResumeReplay(t testing.TB) { s.Exec(t, "select pg_wal_replay_resume()") }
