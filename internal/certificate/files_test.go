package certificate

import (
	"bytes"
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/musterhq/muster/internal/certificate/certificatetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const day = 24 * time.Hour

// diary is a log that several goroutines write.
type diary struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (d *diary) Write(p []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.b.Write(p)
}

func (d *diary) String() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.b.String()
}

func (d *diary) log() *slog.Logger { return slog.New(slog.NewTextHandler(d, nil)) }

func TestFilesThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	good, other := certificatetest.SelfSigned(t, "a.test", 90*day), certificatetest.SelfSigned(t, "b.test", 90*day)
	locked := []byte("-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n")
	for name, c := range map[string]struct {
		pair certificatetest.Pair
		want string
	}{
		"the key of another":    {certificatetest.Pair{Certificate: good.Certificate, Key: other.Key}, "private key does not match"},
		"over":                  {certificatetest.SelfSigned(t, "a.test", -time.Minute), "expired at"},
		"turned round":          {certificatetest.Pair{Certificate: good.Key, Key: good.Certificate}, "PEM"},
		"no certificate":        {certificatetest.Pair{Certificate: []byte("a text"), Key: good.Key}, "failed to find any PEM data"},
		"empty":                 {certificatetest.Pair{}, "failed to find any PEM data"},
		"locked":                {certificatetest.Pair{Certificate: good.Certificate, Key: locked}, "has a passphrase"},
		"both in the same file": {certificatetest.Pair{Certificate: append(good.Key, good.Certificate...), Key: append(good.Certificate, good.Key...)}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			certificate, key := c.pair.Write(t, t.TempDir())
			_, err := LoadFiles(certificate, key, slog.New(slog.DiscardHandler))
			if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
			if err != nil && strings.Contains(err.Error(), "PRIVATE KEY-----") {
				t.Errorf("the error shows the key: %v", err)
			}
		})
	}
	t.Run("not there", func(t *testing.T) {
		t.Parallel()
		folder := t.TempDir()
		_, err := LoadFiles(filepath.Join(folder, "c.pem"), filepath.Join(folder, "k.pem"), slog.New(slog.DiscardHandler))
		if err == nil || !strings.Contains(err.Error(), "c.pem does not exist") || !strings.Contains(err.Error(), "k.pem does not exist") {
			t.Errorf("got %v, want that both are not there", err)
		}
		if _, err = LoadFiles(folder, folder, slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), "is a directory") {
			t.Errorf("got %v, want that it is a directory", err)
		}
	})
	t.Run("not yet good", func(t *testing.T) {
		t.Parallel()
		certificate, key := good.Write(t, t.TempDir())
		f := &Files{certificate: certificate, key: key, now: func() time.Time { return time.Now().Add(-2 * time.Hour) }}
		if _, err := f.parse(f.read()); err == nil || !strings.Contains(err.Error(), "is not valid before") {
			t.Errorf("got %v, want that it is not good yet", err)
		}
	})
}

func TestWarnings(t *testing.T) {
	t.Parallel()
	certificate, key := certificatetest.SelfSigned(t, "a.test", day).Write(t, t.TempDir())
	if err := os.Chmod(key, 0o644); err != nil {
		t.Fatal(err)
	}
	var d diary
	if _, err := LoadFiles(certificate, key, d.log()); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"others on this machine can read the key", "the certificate expires soon"} {
		if !strings.Contains(d.String(), want) {
			t.Errorf("got %s, want %q", d.String(), want)
		}
	}
	certificate, key = certificatetest.SelfSigned(t, "a.test", 90*day).Write(t, t.TempDir())
	if err := os.Chmod(key, 0o640); err != nil { // for a group that somebody has made for it
		t.Fatal(err)
	}
	var quiet diary
	if _, err := LoadFiles(certificate, key, quiet.log()); err != nil || quiet.String() != "" {
		t.Errorf("got %v and %s, want no word", err, quiet.String())
	}
}

// server serves HTTPS with a configuration, and says where.
func server(t *testing.T, config *tls.Config) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h := &http.Server{
		TLSConfig: config, ReadHeaderTimeout: time.Second, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, 0),
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.Proto) }),
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = h.ServeTLS(l, "", "")
	}()
	t.Cleanup(func() {
		_ = h.Close()
		<-ended
	})
	return l.Addr().String()
}

// shown is the certificate that a server shows, if the roots trust it.
func shown(address string, c *tls.Config) (*tls.ConnectionState, error) {
	conn, err := tls.Dial("tcp", address, c)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	state := conn.ConnectionState()
	return &state, nil
}

func TestVersions(t *testing.T) {
	t.Parallel()
	pair := certificatetest.SelfSigned(t, "a.test", 90*day)
	certificate, key := pair.Write(t, t.TempDir())
	f, err := LoadFiles(certificate, key, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	address, roots := server(t, f.Config()), certificatetest.Pool(string(pair.Certificate))
	for _, c := range []struct{ greatest, want uint16 }{
		{tls.VersionTLS13, tls.VersionTLS13}, {tls.VersionTLS12, tls.VersionTLS12}, {tls.VersionTLS11, 0}, {tls.VersionTLS10, 0},
	} {
		state, err := shown(address, &tls.Config{RootCAs: roots, ServerName: "a.test", MinVersion: tls.VersionTLS10, MaxVersion: c.greatest})
		if (err == nil) != (c.want != 0) || err == nil && state.Version != c.want {
			t.Errorf("up to %s: got %v, %v", tls.VersionName(c.greatest), state, err)
		}
	}
	for name, c := range map[string]struct {
		suite uint16
		taken bool
	}{
		"without authentication": {tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA, false},
		"with it":                {tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, true},
	} {
		_, err := shown(address, &tls.Config{RootCAs: roots, ServerName: "a.test", MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{c.suite}})
		if (err == nil) != c.taken {
			t.Errorf("a suite %s: got %v", name, err)
		}
	}
	for proto, protos := range map[string]*http.Protocols{"HTTP/2.0": protocols(false, true), "HTTP/1.1": protocols(true, false)} {
		transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, Protocols: protos}
		answer, err := (&http.Client{Transport: transport}).Get("https://" + address)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(answer.Body)
		answer.Body.Close()
		transport.CloseIdleConnections()
		if string(body) != proto {
			t.Errorf("got %s, want %s", body, proto)
		}
	}
}

func protocols(one, two bool) *http.Protocols {
	p := new(http.Protocols)
	p.SetHTTP1(one)
	p.SetHTTP2(two)
	return p
}

func TestFilesAreReadAgain(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	first, second := certificatetest.SelfSigned(t, "a.test", 90*day), certificatetest.SelfSigned(t, "a.test", 90*day)
	certificate, key := first.Write(t, folder)
	var d diary
	f, err := LoadFiles(certificate, key, d.log())
	if err != nil {
		t.Fatal(err)
	}
	var now time.Time
	f.now = func() time.Time { return now }
	now = time.Now()
	address := server(t, f.Config())
	shows := func(p certificatetest.Pair) {
		t.Helper()
		if _, err := shown(address, &tls.Config{RootCAs: certificatetest.Pool(string(p.Certificate)), ServerName: "a.test"}); err != nil {
			t.Errorf("another certificate is shown: %v", err)
		}
	}
	later := func() {
		f.mu.Lock() // no handshake is under way that looks at the clock
		now = now.Add(rereadAfter)
		f.mu.Unlock()
	}
	shows(first)

	// Half of a new pair is none; it is said once, and the old one is shown.
	if err := os.WriteFile(certificate, second.Certificate, 0o600); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		later()
		shows(first)
	}
	if got := strings.Count(d.String(), "the new certificate cannot be used"); got != 1 {
		t.Errorf("got %d complaints, want 1:\n%s", got, d.String())
	}
	second.Write(t, folder)
	shows(first) // it was looked at a moment ago
	later()
	shows(second)
	if got := strings.Count(d.String(), "the certificate was replaced"); got != 1 {
		t.Errorf("got %d replacements, want 1:\n%s", got, d.String())
	}

	// A file that is gone, and one that is broken in another way.
	if err := os.Remove(key); err != nil {
		t.Fatal(err)
	}
	later()
	shows(second)
	certificatetest.SelfSigned(t, "a.test", -time.Minute).Write(t, folder)
	later()
	shows(second)
	if got := strings.Count(d.String(), "the new certificate cannot be used"); got != 3 {
		t.Errorf("got %d complaints, want 3:\n%s", got, d.String())
	}
	// The old one is back: nothing is wrong, and nothing new.
	second.Write(t, folder)
	later()
	shows(second)
}

// The files are replaced all the time while handshakes go on; each gets a
// certificate that belongs to its key.
func TestHandshakesWhileFilesChange(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	pairs := []certificatetest.Pair{certificatetest.SelfSigned(t, "a.test", 90*day), certificatetest.SelfSigned(t, "a.test", 90*day)}
	certificate, key := pairs[0].Write(t, folder)
	f, err := LoadFiles(certificate, key, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	now := time.Now()
	f.now = func() time.Time { // each handshake that may look does
		mu.Lock()
		defer mu.Unlock()
		now = now.Add(rereadAfter)
		return now
	}
	address := server(t, f.Config())
	roots := certificatetest.Pool(string(pairs[0].Certificate) + string(pairs[1].Certificate))
	stop, seen := make(chan struct{}), sync.Map{}
	var work sync.WaitGroup
	for range 4 {
		work.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				state, err := shown(address, &tls.Config{RootCAs: roots, ServerName: "a.test"})
				if err != nil {
					t.Errorf("a handshake failed: %v", err)
					return
				}
				seen.Store(state.PeerCertificates[0].SerialNumber.String(), true)
			}
		})
	}
	for i := range 50 {
		pairs[i%2].Write(t, folder)
		time.Sleep(5 * time.Millisecond)
	}
	close(stop)
	work.Wait()
	n := 0
	seen.Range(func(any, any) bool { n++; return true })
	if n != 2 {
		t.Errorf("got %d certificates, want that both were shown", n)
	}
}
