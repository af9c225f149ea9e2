package certificate

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/musterhq/muster/internal/certificate/certificatetest"
)

const domain = "members.muster.test"

// ask asks the authority of a test, with folder as its memory.
func ask(t *testing.T, authority *certificatetest.Authority, folder string, d *diary) *Authority {
	t.Helper()
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: certificatetest.Pool(authority.Trust)}}
	t.Cleanup(transport.CloseIdleConnections)
	a, err := NewAuthority(Account{
		Domains: []string{"Members.Muster.test"}, Email: "someone@muster.test", Directory: authority.Directory,
		Folder: folder, HTTP: &http.Client{Transport: transport}, Log: d.log(),
	})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func portOf(t *testing.T, address string) int {
	t.Helper()
	a, err := net.ResolveTCPAddr("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	return a.Port
}

// nobody is a port at which nothing answers.
func nobody(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return portOf(t, l.Addr().String())
}

// wants fails the test unless the server shows a certificate of the authority
// for the domain, to a client of today and to one of yesterday.
func wants(t *testing.T, authority *certificatetest.Authority, address string) *tls.ConnectionState {
	t.Helper()
	config := &tls.Config{RootCAs: certificatetest.Pool(authority.Root), ServerName: domain}
	state, err := shown(address, config)
	if err != nil {
		t.Fatalf("there is no certificate: %v", err)
	}
	return state
}

func TestCertificateByTheListener(t *testing.T) {
	t.Parallel()
	authority, folder := certificatetest.StartAuthority(t), filepath.Join(t.TempDir(), "acme")
	var d diary
	a := ask(t, authority, folder, &d)
	address := server(t, a.Config())
	authority.Check(t, nobody(t), portOf(t, address))
	a.Prepare(t.Context())
	if !strings.Contains(d.String(), "got the certificate") {
		t.Fatalf("got %s", d.String())
	}
	first := wants(t, authority, address)

	// What is kept is for the account alone.
	info, err := os.Stat(folder)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the folder has %v, %v", info, err)
	}
	files, err := os.ReadDir(folder)
	if err != nil || len(files) != 2 { // the key of the account, the certificate
		t.Errorf("got %v, %v", files, err)
	}
	for _, f := range files {
		if info, err := f.Info(); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s has %v, %v", f.Name(), info, err)
		}
	}

	// Names that are not ours get none, and nobody is asked.
	for _, name := range []string{"other.muster.test", "muster.test", "a." + domain, ""} {
		if _, err := shown(address, &tls.Config{ServerName: name, InsecureSkipVerify: true}); err == nil {
			t.Errorf("%q is shown a certificate", name)
		}
	}
	if strings.Contains(d.String(), "WARN") {
		t.Errorf("got %s, want no word of names that are not ours", d.String())
	}

	// After a restart it is the same one.
	again := ask(t, authority, folder, &d)
	if second := wants(t, authority, server(t, again.Config())); !second.PeerCertificates[0].Equal(first.PeerCertificates[0]) {
		t.Error("a restart has another certificate")
	}
}

func TestCertificateByHTTP(t *testing.T) {
	t.Parallel()
	authority := certificatetest.StartAuthority(t)
	var d diary
	a := ask(t, authority, t.TempDir(), &d)
	plain, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h := &http.Server{ReadHeaderTimeout: time.Second, Handler: a.Challenges()}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = h.Serve(plain)
	}()
	t.Cleanup(func() {
		_ = h.Close()
		<-ended
	})
	address := server(t, a.Config())
	authority.Check(t, portOf(t, plain.Addr().String()), nobody(t))
	a.Prepare(t.Context())
	wants(t, authority, address)
}

func TestNoCertificateIsSaidOnce(t *testing.T) {
	t.Parallel()
	authority := certificatetest.StartAuthority(t)
	authority.Check(t, nobody(t), nobody(t)) // no challenge is answered
	var d diary
	a := ask(t, authority, t.TempDir(), &d)
	address := server(t, a.Config())
	a.Prepare(t.Context())
	for range 3 {
		if _, err := shown(address, &tls.Config{ServerName: domain, InsecureSkipVerify: true}); err == nil {
			t.Error("there is a certificate all the same")
		}
	}
	if got := strings.Count(d.String(), "cannot get a certificate for a domain"); got != 1 {
		t.Errorf("got %d complaints, want 1:\n%s", got, d.String())
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	a.Prepare(ended) // returns
}

func TestAccounts(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*Account)
		good   bool
	}{
		"good":                  {func(*Account) {}, true},
		"without e-mail":        {func(a *Account) { a.Email = "" }, true},
		"punycode":              {func(a *Account) { a.Domains = []string{"xn--mnchen-3ya.example.org"} }, true},
		"one word":              {func(a *Account) { a.Domains = []string{"localhost"} }, false},
		"an address":            {func(a *Account) { a.Domains = []string{"192.0.2.1"} }, false},
		"a wildcard":            {func(a *Account) { a.Domains = []string{"*.example.org"} }, false},
		"a port":                {func(a *Account) { a.Domains = []string{"example.org:443"} }, false},
		"a URL":                 {func(a *Account) { a.Domains = []string{"https://example.org"} }, false},
		"another script":        {func(a *Account) { a.Domains = []string{"münchen.example.org"} }, false},
		"an empty word":         {func(a *Account) { a.Domains = []string{"example..org"} }, false},
		"a dot at the end":      {func(a *Account) { a.Domains = []string{"example.org."} }, false},
		"empty":                 {func(a *Account) { a.Domains = []string{""} }, false},
		"a dash at the end":     {func(a *Account) { a.Domains = []string{"example-.org"} }, false},
		"long":                  {func(a *Account) { a.Domains = []string{strings.Repeat("a", 64) + ".org"} }, false},
		"no e-mail":             {func(a *Account) { a.Email = "someone" }, false},
		"a name with e-mail":    {func(a *Account) { a.Email = "Someone <a@example.org>" }, false},
		"two e-mails":           {func(a *Account) { a.Email = "a@example.org,b@example.org" }, false},
		"a directory in clear":  {func(a *Account) { a.Directory = "http://example.org/dir" }, false},
		"a directory of a file": {func(a *Account) { a.Directory = "/dir" }, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := Account{Domains: []string{"members.example.org"}, Email: "a@example.org", Folder: t.TempDir(), Log: slog.New(slog.DiscardHandler)}
			c.change(&a)
			if _, err := NewAuthority(a); (err == nil) != c.good {
				t.Errorf("got %v", err)
			}
		})
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := NewAuthority(Account{Folder: file}); err == nil || errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v, want that the folder is a file", err)
	}
}
