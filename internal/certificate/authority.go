package certificate

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/mail"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"
)

// LetsEncrypt is the directory URL of Let's Encrypt.
const LetsEncrypt = acme.LetsEncryptURL

// Account describes the certificates to request, and from where.
type Account struct {
	Domains   []string // to get certificates for; no wildcards
	Email     string   // for warnings of the authority; may be empty
	Directory string   // the directory URL; empty is [LetsEncrypt]
	Folder    string   // of the account's key and the certificates; created with mode 0700

	HTTP *http.Client // for requests; nil trusts what the system trusts
	Log  *slog.Logger // required
}

// Check returns what is wrong with the account, for the person who configured it.
func (a Account) Check() error {
	for _, d := range a.Domains {
		if !isDomain(d) {
			return fmt.Errorf("%q is not a name that can have a certificate: write a host name in ASCII, such as members.example.org, without a wildcard or a port, and not an IP address", d)
		}
	}
	if p, err := mail.ParseAddress(a.Email); a.Email != "" && (err != nil || p.Address != a.Email) {
		return fmt.Errorf("%q is not an email address", a.Email)
	}
	if u, err := url.Parse(a.Directory); a.Directory != "" && (err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil) {
		return fmt.Errorf("%q is not the directory of an ACME server: write a URL with https", a.Directory)
	}
	return nil
}

// isDomain reports whether an authority may know the name: several labels, as in
// DNS. autocert silently ignores names that it does not accept, so check them here.
func isDomain(name string) bool {
	words := strings.Split(name, ".")
	if len(words) < 2 || len(name) > 253 || net.ParseIP(name) != nil {
		return false
	}
	return !slices.ContainsFunc(words, func(w string) bool {
		return w == "" || len(w) > 63 || w[0] == '-' || w[len(w)-1] == '-' ||
			strings.Trim(w, "-0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") != ""
	})
}

// Authority gets and renews certificates, by tls-alpn-01 on the server's listener
// and, with [Authority.Challenges], by http-01. It is safe for concurrent use.
type Authority struct {
	manager *autocert.Manager
	domains []string
	log     *slog.Logger

	mu    sync.Mutex
	again map[string]time.Time // by domain: when to log the next failure
}

// complainAgain is how long failures of a domain are not logged again: browsers
// retry at once, and autocert asks the authority at most once a minute.
const complainAgain = 10 * time.Minute

// NewAuthority returns an authority, whose terms the caller accepts.
// [Authority.Prepare], or the first handshake, requests the first certificate.
// Errors are those of [Account.Check] and of creating the directory.
func NewAuthority(account Account) (*Authority, error) {
	if err := account.Check(); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(account.Folder, 0o700); err != nil {
		return nil, fmt.Errorf("the directory of certificates: %w", err)
	}
	a := &Authority{log: account.Log, again: map[string]time.Time{}}
	for _, d := range account.Domains {
		a.domains = append(a.domains, strings.ToLower(d))
	}
	a.manager = &autocert.Manager{
		Prompt:     autocert.AcceptTOS,
		Cache:      autocert.DirCache(account.Folder),
		HostPolicy: autocert.HostWhitelist(a.domains...),
		Email:      account.Email,
		Client:     &acme.Client{DirectoryURL: cmp.Or(account.Directory, LetsEncrypt), HTTPClient: account.HTTP, UserAgent: "muster"},
	}
	return a, nil
}

// Config returns the configuration of a server with these certificates, which also
// answers tls-alpn-01.
func (a *Authority) Config() *tls.Config { return configure(a.get, acme.ALPNProto) }

// get returns the certificate of a name, and logs a failure for our own domains
// only: scanners ask for any name.
func (a *Authority) get(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	c, err := a.manager.GetCertificate(hello)
	if err == nil {
		return c, nil
	}
	if domain := strings.ToLower(strings.TrimSuffix(hello.ServerName, ".")); slices.Contains(a.domains, domain) {
		a.complain(domain, err)
	}
	return nil, err
}

func (a *Authority) complain(domain string, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := time.Now()
	if now.Before(a.again[domain]) {
		return
	}
	a.again[domain] = now.Add(complainAgain)
	// The error of autocert is seldom the reason, so name the usual ones.
	a.log.Warn("cannot get a certificate for a domain; the next connection tries again. "+
		"Check that the domain resolves to this server, and that the authority can reach port 443, or port 80 if challenges are answered without TLS",
		"domain", domain, "error", err)
}

// Prepare gets the missing certificates until ctx is done, so that no connection
// has to wait and errors show early. It returns after it has requested all of them;
// a request in progress then continues.
func (a *Authority) Prepare(ctx context.Context) {
	for _, d := range a.domains {
		if ctx.Err() != nil {
			return
		}
		// Like a current client, so that the certificate is the one that clients get.
		c, err := a.get(&tls.ClientHelloInfo{ServerName: d, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}})
		if err == nil {
			a.log.Info("got the certificate", "domain", d, "until", c.Leaf.NotAfter)
		}
	}
}

// Challenges answers http-01, which the authority requests without TLS, by the name
// and on any port. Any other request is 403 or 404. After Challenges was called, the
// authority also tries http-01: do not call it for a handler that nobody can reach.
func (a *Authority) Challenges() http.Handler {
	challenges := a.manager.HTTPHandler(http.NotFoundHandler())
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		named := *r
		named.Host = strings.ToLower((&url.URL{Host: r.Host}).Hostname())
		challenges.ServeHTTP(w, &named)
	})
}
