package certificatetest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
)

// Authority is a running ACME server, for which every name resolves to 127.0.0.1. It
// is safe for concurrent use.
type Authority struct {
	Directory string // its URL
	Trust     string // the certificate of that URL, as PEM
	Root      string // of the certificates that it issues, as PEM

	mu    sync.Mutex
	stdin io.WriteCloser
}

// StartAuthority starts a fresh server, which stops at the end of the test or of its
// process. Requests wait until [Authority.Check] was called. It fails the test on
// errors.
func StartAuthority(tb testing.TB) *Authority {
	tb.Helper()
	path, err := program()
	if err != nil {
		tb.Fatalf("building an ACME server: %v", err)
	}
	cmd := exec.Command(path)
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	s := new(Authority)
	stdout, err := cmd.StdoutPipe()
	if err == nil {
		s.stdin, err = cmd.StdinPipe()
	}
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		tb.Fatalf("starting an ACME server: %v", err)
	}
	tb.Cleanup(func() {
		if err := errors.Join(s.stdin.Close(), cmd.Wait()); err != nil {
			tb.Errorf("the ACME server ended with %v:\n%s", err, &complaints)
		} else if tb.Failed() {
			tb.Logf("the ACME server:\n%s", &complaints)
		}
	})
	if err := json.NewDecoder(stdout).Decode(s); err != nil {
		tb.Fatalf("the ACME server does not say where it is: %v", err)
	}
	return s
}

// program builds the server, once, and returns its path.
var program = sync.OnceValues(func() (string, error) {
	folder, err := runGo("", "list", "-f", "{{.Dir}}", "github.com/musterhq/muster/internal/certificate/certificatetest")
	if err != nil {
		return "", err
	}
	return runGo(folder+"/authority", "tool", "-n", "authority")
})

func runGo(folder string, args ...string) (string, error) {
	var out, complaints bytes.Buffer
	cmd := exec.Command("go", args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = folder, &out, &complaints
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=readonly -buildvcs=false")
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("go %s: %w: %s", strings.Join(args, " "), err, complaints.Bytes())
	}
	return strings.TrimSpace(out.String()), nil
}

// Check sets the ports of 127.0.0.1 at which to check challenges: one for http-01,
// the other for tls-alpn-01. Call it once.
func (s *Authority) Check(tb testing.TB, httpPort, tlsPort int) {
	tb.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := json.NewEncoder(s.stdin).Encode(map[string]int{"HTTP": httpPort, "TLS": tlsPort}); err != nil {
		tb.Fatalf("telling the ACME server where to look: %v", err)
	}
}
