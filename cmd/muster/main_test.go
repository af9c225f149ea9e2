package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"database/sql"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	_ "github.com/ncruces/go-sqlite3/driver"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/musterhq/muster/internal/certificate/certificatetest"
)

var silent = slog.New(slog.DiscardHandler)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"muster": main})
}

// TestScripts drives the real program. What the scripts have beside the usual:
//
//	serve [args]           start a server at a free port; sets $URL, $PID and, if there are, $TOKEN, $METRICS and $PLAIN
//	stop                   end it with SIGTERM; its output is then in serve.out and serve.err
//	[!] http METHOD PATH [BODY]   ask it with $TOKEN, if there is one, and the headers of $HEADERS, one a line; ! wants a status of 400 or above; sets $STATUS
//	link NAME REGEXP       set $NAME to what the group matches in the last answer
//	keep NAME              set $NAME to the one line that the last exec wrote
//	slow PATH BODY         begin a POST and end it only after the server was told to stop
//	! slow PATH BODY       begin a POST and tell the server twice to stop, which ends it at once
//	sql FILE STATEMENT     change a database behind the program's back
//	record N               write N entries to the record of $MUSTER_DATA or $MUSTER_DATABASE
//	postgres               an empty database on PostgreSQL: $DATABASE, and what setPostgres says
//	certificate NAME       a certificate that is its own root, and its key, in certificate.pem and key.pem; the client trusts it
//	authority              start an ACME server; sets $DIRECTORY; the client trusts what it issues
//	authority check        let it look for challenges where the server listens; it answers from then on
//	bucket                 an empty bucket of an S3 server: $BUCKET, and what setBucket says
func TestScripts(t *testing.T) {
	t.Parallel()
	shared := newServices(t)
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(e *testscript.Env) error {
			e.Values[served{}] = &servedProcess{}
			e.Values[authority{}] = &authority{}
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"serve": startServer, "stop": stopServer, "http": askServer, "link": findLink, "keep": keepLine, "slow": askSlowly, "sql": runSQL, "record": record,
			"certificate": shared.setCertificate, "authority": shared.setAuthority,
			"postgres": shared.setPostgres, "bucket": shared.setBucket,
		},
	})
}

type served struct{}

// servedProcess is the server of a script.
type servedProcess struct {
	cmd      *exec.Cmd
	out, err bytes.Buffer
	reading  sync.WaitGroup
	stopping chan struct{} // closed when it says that it stops
	answer   string
	metrics  string // where they are, before it serves
	plain    string // where it sends to HTTPS, before it serves
}

func process(ts *testscript.TestScript) *servedProcess {
	return ts.Value(served{}).(*servedProcess)
}

var (
	whereLine = regexp.MustCompile(`^Muster is at (\S+),`)
	tokenLine = regexp.MustCompile(`(muster_\S+)$`)
)

func startServer(ts *testscript.TestScript, neg bool, args []string) {
	p := process(ts)
	if neg || p.cmd != nil {
		ts.Fatalf("serve starts one server, which must succeed; use exec for others")
	}
	*p = servedProcess{stopping: make(chan struct{})}
	args = append([]string{"serve", "--listen", "127.0.0.1:0"}, args...)
	cmd := exec.Command("muster", args...)
	cmd.Dir = ts.MkAbs(".")
	cmd.Env = append(os.Environ(), "MUSTER_LOG_FORMAT=text")
	for _, name := range []string{"MUSTER_DATA", "MUSTER_DATABASE", "MUSTER_REPLICA", "MUSTER_MEDIA", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "SSL_CERT_FILE"} {
		cmd.Env = append(cmd.Env, name+"="+ts.Getenv(name))
	}
	stdout, err := cmd.StdoutPipe()
	ts.Check(err)
	stderr, err := cmd.StderrPipe()
	ts.Check(err)
	ts.Check(cmd.Start())
	p.cmd = cmd
	ts.Defer(func() {
		if p.cmd != nil {
			_ = cmd.Process.Kill()
			p.reading.Wait()
			_ = cmd.Wait()
		}
	})
	serving := make(chan struct{})
	p.reading.Go(func() { p.watch(stderr, serving) })
	lines := bufio.NewScanner(stdout)
	p.greeting(ts, lines)
	p.reading.Go(func() {
		for lines.Scan() {
			fmt.Fprintln(&p.out, lines.Text())
		}
	})
	<-serving
	ts.Setenv("PID", strconv.Itoa(cmd.Process.Pid))
	ts.Setenv("METRICS", p.metrics)
	ts.Setenv("PLAIN", p.plain)
}

// watch keeps what the server logs, and tells when it serves and when it stops.
func (p *servedProcess) watch(stderr io.Reader, serving chan struct{}) {
	var once, twice sync.Once
	defer once.Do(func() { close(serving) })
	defer twice.Do(func() { close(p.stopping) })
	for lines := bufio.NewScanner(stderr); lines.Scan(); {
		fmt.Fprintln(&p.err, lines.Text())
		switch {
		case strings.Contains(lines.Text(), "msg=\"serving metrics\""):
			_, at, _ := strings.Cut(lines.Text(), "address=")
			p.metrics = "http://" + at + "/metrics"
		case strings.Contains(lines.Text(), "msg=\"redirecting to HTTPS\""):
			_, at, _ := strings.Cut(lines.Text(), "address=")
			p.plain = "http://" + at
		case strings.Contains(lines.Text(), "msg=serving"):
			once.Do(func() { close(serving) })
		case strings.Contains(lines.Text(), "msg=\"stopping"):
			twice.Do(func() { close(p.stopping) })
		}
	}
}

// greeting reads what the server says first: where it is, and the token.
func (p *servedProcess) greeting(ts *testscript.TestScript, lines *bufio.Scanner) {
	for lines.Scan() {
		line := lines.Text()
		fmt.Fprintln(&p.out, line)
		if m := whereLine.FindStringSubmatch(line); m != nil {
			ts.Setenv("URL", m[1])
		} else if m := tokenLine.FindStringSubmatch(line); m != nil {
			ts.Setenv("TOKEN", m[1])
			return
		} else if strings.HasPrefix(line, "To create a token:") {
			return
		}
	}
	p.reading.Wait()
	ts.Fatalf("the server ended before it served:\n%s%s", &p.out, &p.err)
}

func stopServer(ts *testscript.TestScript, neg bool, args []string) {
	p := process(ts)
	if neg || len(args) > 0 || p.cmd == nil {
		ts.Fatalf("usage: stop, after serve")
	}
	ts.Check(p.cmd.Process.Signal(syscall.SIGTERM))
	p.finish(ts)
}

func (p *servedProcess) finish(ts *testscript.TestScript) {
	p.reading.Wait()
	err := p.cmd.Wait()
	p.cmd = nil
	ts.Check(os.WriteFile(ts.MkAbs("serve.out"), p.out.Bytes(), 0o600))
	ts.Check(os.WriteFile(ts.MkAbs("serve.err"), p.err.Bytes(), 0o600))
	if err != nil {
		ts.Fatalf("the server ended with %v:\n%s", err, &p.err)
	}
}

// newClient trusts what the script's $TRUST does; each of its names is here.
func newClient(ts *testscript.TestScript) *http.Client {
	here := func(ctx context.Context, network, address string) (net.Conn, error) {
		_, port, err := net.SplitHostPort(address)
		if err != nil {
			return nil, err
		}
		return new(net.Dialer).DialContext(ctx, network, net.JoinHostPort("127.0.0.1", port))
	}
	return &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{
		DisableKeepAlives: true, DialContext: here, ForceAttemptHTTP2: true,
		TLSClientConfig: &tls.Config{RootCAs: certificatetest.Pool(ts.Getenv("TRUST"))},
	}}
}

func askServer(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 2 || len(args) > 3 {
		ts.Fatalf("usage: http METHOD PATH [BODY]")
	}
	url := args[1]
	if strings.HasPrefix(url, "/") {
		url = ts.Getenv("URL") + url
	}
	r, err := http.NewRequest(args[0], url, strings.NewReader(strings.Join(args[2:], "")))
	ts.Check(err)
	if token := ts.Getenv("TOKEN"); token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	for line := range strings.Lines(ts.Getenv("HEADERS")) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		r.Header.Set(name, value)
	}
	if len(args) == 3 {
		r.Header.Set("Content-Type", "application/json")
	}
	res, err := newClient(ts).Do(r)
	ts.Check(err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	ts.Check(err)
	process(ts).answer = string(body)
	ts.Setenv("STATUS", strconv.Itoa(res.StatusCode))
	fmt.Fprintf(ts.Stdout(), "%s %s\n%s\n%s\n%s\n", res.Proto, res.Status, res.Header.Get("Content-Type"), body, res.Header.Get("Strict-Transport-Security"))
	if neg != (res.StatusCode >= http.StatusBadRequest) {
		ts.Fatalf("%s %s: %s\n%s", args[0], args[1], res.Status, body)
	}
}

func findLink(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: link NAME REGEXP")
	}
	m := regexp.MustCompile(args[1]).FindStringSubmatch(process(ts).answer)
	if len(m) != 2 {
		ts.Fatalf("%s matches nothing in %s", args[1], process(ts).answer)
	}
	ts.Setenv(args[0], m[1])
}

func keepLine(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: keep NAME")
	}
	ts.Setenv(args[0], strings.TrimSpace(ts.ReadFile("stdout")))
}

// askSlowly has a request in flight when the server is told to stop. That the
// server has begun it is known from its 100 Continue.
func askSlowly(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: [!] slow PATH BODY")
	}
	p := process(ts)
	conn, err := net.Dial("tcp", strings.TrimPrefix(ts.Getenv("URL"), "http://"))
	ts.Check(err)
	defer conn.Close()
	ts.Check(conn.SetDeadline(time.Now().Add(30 * time.Second)))
	fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: muster\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\n"+
		"Content-Length: %d\r\nExpect: 100-continue\r\n\r\n", args[0], ts.Getenv("TOKEN"), len(args[1]))
	answer := bufio.NewReader(conn)
	line, err := answer.ReadString('\n')
	ts.Check(err)
	if !strings.Contains(line, "100") {
		ts.Fatalf("got %q, want 100 Continue", line)
	}
	if _, err := answer.ReadString('\n'); err != nil {
		ts.Fatalf("reading the end of 100 Continue: %v", err)
	}
	ts.Check(p.cmd.Process.Signal(syscall.SIGTERM))
	<-p.stopping
	if neg {
		ts.Check(p.cmd.Process.Signal(syscall.SIGTERM))
		p.reading.Wait()
		if err := p.cmd.Wait(); err == nil || !strings.Contains(err.Error(), "signal") {
			ts.Fatalf("the server ended with %v, want that the signal ended it", err)
		}
		p.cmd = nil
		return
	}
	_, err = io.WriteString(conn, args[1])
	ts.Check(err)
	res, err := http.ReadResponse(answer, nil)
	ts.Check(err)
	defer res.Body.Close()
	fmt.Fprintln(ts.Stdout(), res.Status)
	p.finish(ts)
}

func runSQL(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: sql FILE STATEMENT")
	}
	db, err := sql.Open("sqlite3", "file:"+ts.MkAbs(args[0]))
	ts.Check(err)
	defer db.Close()
	_, err = db.Exec(args[1])
	ts.Check(err)
}
