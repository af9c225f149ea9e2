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

// LetsEncrypt is the directory of Let's Encrypt.
const LetsEncrypt = acme.LetsEncryptURL

// Account is what an authority is asked for, and how.
type Account struct {
	Domains   []string // for which certificates are wanted, as names without wildcards
	Email     string   // at which the authority may warn of trouble; may be empty
	Directory string   // its URL; empty is [LetsEncrypt]
	Folder    string   // keeps the account's key and the certificates; made with 0700

	HTTP *http.Client // that asks; nil is one that trusts what the system does
	Log  *slog.Logger // must be given
}

// Check says what of the account cannot be right, for the person who wrote it.
func (a Account) Check() error {
	for _, d := range a.Domains {
		if !isDomain(d) {
			return fmt.Errorf("%q is no name that an authority gives a certificate for: write a host name in ASCII, such as members.example.org, without a wildcard, a port or an address", d)
		}
	}
	if p, err := mail.ParseAddress(a.Email); a.Email != "" && (err != nil || p.Address != a.Email) {
		return fmt.Errorf("%q is no address of e-mail", a.Email)
	}
	if u, err := url.Parse(a.Directory); a.Directory != "" && (err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil) {
		return fmt.Errorf("%q is no directory of an ACME server: it is a URL with https", a.Directory)
	}
	return nil
}

// isDomain reports whether an authority may know the name: of several words, as
// in DNS. What autocert cannot take it leaves out without a word, so it is found
// here.
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

// Authority gets certificates and renews them in time, by tls-alpn-01 on the
// listener that it is for and, with [Authority.Challenges], by http-01. It is
// safe for concurrent use.
type Authority struct {
	manager *autocert.Manager
	domains []string
	log     *slog.Logger

	mu    sync.Mutex
	again map[string]time.Time // by domain: when a failure is told next
}

// complainAgain is how long a domain's failure is not told again: browsers come
// back at once, and autocert asks the authority once a minute at most and in
// between says only that there is nothing.
const complainAgain = 10 * time.Minute

// NewAuthority prepares to ask an authority: the first certificate is asked for by
// [Authority.Prepare], or by the first handshake. To call it is to accept the
// authority's terms. Errors are those of [Account.Check] and of the folder.
func NewAuthority(account Account) (*Authority, error) {
	if err := account.Check(); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(account.Folder, 0o700); err != nil {
		return nil, fmt.Errorf("the folder of certificates: %w", err)
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

// Config is that of a server which shows the certificates, and answers
// tls-alpn-01.
func (a *Authority) Config() *tls.Config { return configure(a.get, acme.ALPNProto) }

// get gives the certificate of a name, and tells when there is none of a name
// that is ours; others are asked for by whoever tries every address.
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
	// What autocert says is seldom the reason, so the usual ones are named.
	a.log.Warn("there is no certificate for a domain; the authority is asked again when somebody connects. "+
		"See that the domain leads here, and that the authority reaches port 443, or port 80 where challenges are answered without TLS",
		"domain", domain, "error", err)
}

// Prepare gets the certificates that are not there yet, so that nobody waits for
// them and what is wrong is known at once, until ctx ends. It returns when all
// have been asked for; a question that is under way then goes on.
func (a *Authority) Prepare(ctx context.Context) {
	for _, d := range a.domains {
		if ctx.Err() != nil {
			return
		}
		// A client as they are today, so that the certificate is the one they get.
		c, err := a.get(&tls.ClientHelloInfo{ServerName: d, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}})
		if err == nil {
			a.log.Info("there is a certificate", "domain", d, "until", c.Leaf.NotAfter)
		}
	}
}

// Challenges answers http-01, which the authority asks for without TLS: whatever
// port that comes to, the name is what counts. All else is 403 or 404. To call it
// before the first certificate is asked for has the authority try it, too: of a
// handler that nobody reaches, it would note a failure more.
func (a *Authority) Challenges() http.Handler {
	challenges := a.manager.HTTPHandler(http.NotFoundHandler())
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		named := *r
		named.Host = strings.ToLower((&url.URL{Host: r.Host}).Hostname())
		challenges.ServeHTTP(w, &named)
	})
}
