package s3test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

const (
	// Region is the region of the server.
	Region = "eu-test-1"

	// Domain follows the bucket in virtual host names. It does not resolve: clients
	// that need it must dial [Server.Address].
	Domain = "s3.test"

	startLimit = 15 * time.Second
)

// Account is a pair of keys, and a token for temporary ones.
type Account struct{ Key, Secret, Token string }

// The accounts that the server knows.
var (
	Owner    = Account{Key: "AKIAMUSTEROWNER00001", Secret: "owner/secret+with=signs"}
	Stranger = Account{Key: "AKIAMUSTERSTRANGER01", Secret: "stranger/secret"} // without permissions
	Session  = Account{Key: "ASIAMUSTERSESSION001", Secret: "session/secret", Token: "FwoGZXIvYXdzEXAMPLE//token+of/the==owner"}
)

// Getenv returns the value of the AWS variable for the account, or nothing.
func (a Account) Getenv(name string) string {
	switch name {
	case "AWS_ACCESS_KEY_ID":
		return a.Key
	case "AWS_SECRET_ACCESS_KEY":
		return a.Secret
	case "AWS_SESSION_TOKEN":
		return a.Token
	}
	return ""
}

// Server is a running server. It is safe for concurrent use.
type Server struct {
	Address string // 127.0.0.1:port

	process *exec.Cmd
	stop    func() error
}

// Start starts an empty server, which stops at the end of the test or of its
// process. It fails the test on errors.
func Start(tb testing.TB) *Server {
	tb.Helper()
	s, err := start(tb.Context(), tb.TempDir())
	if err != nil {
		tb.Fatalf("starting an S3 server: %v", err)
	}
	tb.Cleanup(func() {
		if err := s.Stop(); err != nil {
			tb.Errorf("stopping the S3 server: %v", err)
		}
	})
	return s
}

// program builds the server, once, and returns its path.
var program = sync.OnceValues(func() (string, error) {
	folder, err := runGo("", "list", "-f", "{{.Dir}}", "github.com/musterhq/muster/internal/blob/s3test")
	if err != nil {
		return "", err
	}
	return runGo(folder+"/gateway", "tool", "-n", "gateway")
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

func start(ctx context.Context, folder string) (*Server, error) {
	path, err := program()
	if err != nil {
		return nil, err
	}
	var complaints bytes.Buffer
	cmd := exec.Command(path)
	cmd.Stderr = &complaints
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	s := &Server{process: cmd}
	s.stop = sync.OnceValue(func() error {
		return errors.Join(s.Resume(), stdin.Close(), cmd.Wait())
	})
	if err := configure(stdin, folder); err != nil {
		return nil, errors.Join(err, s.stop())
	}
	if s.Address, err = readAddress(ctx, cmd, stdout); err != nil {
		return nil, errors.Join(err, s.stop(), errors.New(complaints.String()))
	}
	return s, nil
}

func configure(stdin io.Writer, folder string) error {
	return json.NewEncoder(stdin).Encode(map[string]any{
		"Folder": folder, "Region": Region, "Domain": Domain,
		"Owner": Owner, "Stranger": Stranger, "Session": Session,
	})
}

// readAddress waits for the line with the address. It kills a server that prints
// nothing for too long, which ends the read.
func readAddress(ctx context.Context, cmd *exec.Cmd, stdout io.Reader) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	defer context.AfterFunc(ctx, func() {
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			_ = cmd.Process.Kill()
		}
	})()
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		if address, ok := strings.CutPrefix(lines.Text(), "listening on "); ok {
			return address, nil
		}
	}
	return "", errors.New("it ended before it listened")
}

// Stop stops the server; then nothing listens on its address.
func (s *Server) Stop() error { return s.stop() }

// Suspend makes the server hang: it accepts connections but does not respond, until
// [Server.Resume].
func (s *Server) Suspend() error { return s.process.Process.Signal(syscall.SIGSTOP) }

// Resume continues a suspended server.
func (s *Server) Resume() error {
	err := s.process.Process.Signal(syscall.SIGCONT)
	if errors.Is(err, os.ErrProcessDone) {
		return nil
	}
	return err
}

// NewBucket creates a bucket of the owner, and returns its name.
func (s *Server) NewBucket(tb testing.TB) string {
	tb.Helper()
	bucket := "muster-" + strings.ToLower(rand.Text())
	if err := s.makeBucket(tb.Context(), bucket); err != nil {
		tb.Fatalf("making a bucket: %v", err)
	}
	return bucket
}

func (s *Server) makeBucket(ctx context.Context, bucket string) error {
	transport, err := minio.DefaultTransport(false)
	if err != nil {
		return err
	}
	defer transport.CloseIdleConnections()
	client, err := minio.New(s.Address, &minio.Options{
		Creds:        credentials.NewStaticV4(Owner.Key, Owner.Secret, ""),
		Region:       Region,
		BucketLookup: minio.BucketLookupPath,
		Transport:    transport,
	})
	if err != nil {
		return err
	}
	return client.MakeBucket(ctx, bucket, minio.MakeBucketOptions{})
}

// URL returns the value of --media for the bucket.
func (s *Server) URL(bucket string) string {
	return URL(bucket, "http://"+s.Address)
}

// URL returns the media URL of a bucket at an endpoint, in path style.
func URL(bucket, endpoint string) string {
	return "s3://" + bucket + "?endpoint=" + url.QueryEscape(endpoint) + "&region=" + Region + "&path-style=true"
}
