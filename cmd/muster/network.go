package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/musterhq/muster/internal/certificate"
	"github.com/musterhq/muster/internal/rest"
)

// Network are the flags about the way from callers to the API.
type Network struct {
	TLSCert         string    `help:"Serve HTTPS with this certificate: PEM, followed by the intermediate certificates. It is reloaded when it changes." name:"tls-cert" placeholder:"FILE" group:"With TLS:"`
	TLSKey          string    `help:"The key of --tls-cert, in PEM." name:"tls-key" placeholder:"FILE" group:"With TLS:"`
	ACMEDomain      names     `help:"Serve HTTPS with a certificate for this name, which an ACME authority such as Let's Encrypt issues and renews. The authority must reach this server by that name on port 443, or on port 80 with --http-listen. Repeat the flag for several names; separate them by commas in the environment variable." name:"acme-domain" placeholder:"NAME" group:"With TLS:"`
	ACMEAcceptTerms bool      `help:"Accept the terms of the ACME authority, which it requires." name:"acme-accept-terms" group:"With TLS:"`
	ACMEEmail       string    `help:"An email address for messages of the ACME authority about problems." name:"acme-email" placeholder:"ADDRESS" group:"With TLS:"`
	ACMEDirectory   string    `help:"The directory URL of the ACME authority. Default: ${acme_directory}." name:"acme-directory" placeholder:"URL" group:"With TLS:"`
	HTTPListen      address   `help:"Listen here without TLS as well, to redirect browsers to HTTPS and to answer the challenges of an ACME authority." name:"http-listen" placeholder:"HOST:PORT" group:"With TLS:"`
	TrustedProxy    addresses `help:"Trust X-Forwarded-For and X-Forwarded-Proto from this proxy: an address, or a network such as 10.0.0.0/8. By default, no proxy is trusted. Repeat the flag for several; separate them by commas in the environment variable." placeholder:"CIDR"`
	AllowFrom       addresses `help:"Accept requests from this address or network only; /healthz and /readyz stay open. Repeat the flag for several; separate them by commas in the environment variable." placeholder:"CIDR"`
}

// check refuses flags that do not go together.
func (n Network) check() error {
	files, authority := n.TLSCert != "" || n.TLSKey != "", len(n.ACMEDomain) > 0
	switch {
	case (n.TLSCert == "") != (n.TLSKey == ""):
		return errors.New("--tls-cert and --tls-key must be given together")
	case files && authority:
		return errors.New("--tls-cert and --acme-domain exclude each other: give one of them")
	case !authority && (n.ACMEAcceptTerms || n.ACMEEmail != "" || n.ACMEDirectory != ""):
		return errors.New("--acme-accept-terms, --acme-email and --acme-directory require --acme-domain")
	case authority && !n.ACMEAcceptTerms:
		return fmt.Errorf("the ACME authority requires you to accept its terms, to which %s links: do so with --acme-accept-terms", n.account("").Directory)
	case n.HTTPListen != "" && !files && !authority:
		return errors.New("--http-listen requires --tls-cert or --acme-domain; without HTTPS, use --listen alone")
	}
	for _, p := range n.TrustedProxy {
		if p.Bits() == 0 {
			return fmt.Errorf("--trusted-proxy %s would let every caller choose its address: name the proxies", p)
		}
	}
	return n.account("").Check()
}

func (n Network) account(d dataDir) certificate.Account {
	a := certificate.Account{Domains: n.ACMEDomain, Email: n.ACMEEmail, Directory: n.ACMEDirectory, Folder: d.acme()}
	if a.Directory == "" {
		a.Directory = certificate.LetsEncrypt
	}
	return a
}

// front is the TLS side of the listener; the zero front has none.
type front struct {
	tls       *tls.Config
	authority *certificate.Authority // nil with a certificate from files
}

// certificates reads the certificate, or prepares to request one.
func (n Network) certificates(d dataDir, log *slog.Logger) (front, error) {
	switch {
	case n.TLSCert != "":
		files, err := certificate.LoadFiles(n.TLSCert, n.TLSKey, log)
		if err != nil {
			return front{}, err
		}
		return front{tls: files.Config()}, nil
	case len(n.ACMEDomain) > 0:
		account := n.account(d)
		account.Log = log
		authority, err := certificate.NewAuthority(account)
		if err != nil {
			return front{}, explain(string(d), err)
		}
		return front{tls: authority.Config(), authority: authority}, nil
	default:
		return front{}, nil
	}
}

// url is where the server listens: under a name of its own if it has one, or
// else under host.
func (s *server) url(l net.Listener, host string) string {
	scheme, at := "http", l.Addr().String()
	_, port, _ := net.SplitHostPort(at)
	if s.front.tls != nil {
		scheme = "https"
	}
	if len(s.ACMEDomain) > 0 {
		host = s.ACMEDomain[0]
	}
	if host != "" {
		at = net.JoinHostPort(host, port)
	}
	return scheme + "://" + strings.TrimSuffix(at, map[string]string{"http": ":80", "https": ":443"}[scheme])
}

// linkBase is what links to photos and documents begin with.
func (s *server) linkBase(l net.Listener) string {
	if s.PublicURL != "" {
		return s.PublicURL
	}
	if isUnspecified(l) && len(s.ACMEDomain) == 0 {
		return "" // clients know by which of its names they reached the server
	}
	return s.url(l, "")
}

// listen listens on the address of a flag.
func listen(ctx context.Context, at address, flag string) (net.Listener, error) {
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", string(at))
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("%s is in use by another program: stop it, or choose another port with %s", at, flag)
	case errors.Is(err, os.ErrPermission):
		return nil, fmt.Errorf("this account may not listen on %s: choose a port of 1024 or above with %s", at, flag)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return nil, fmt.Errorf("%s is not an address of this machine: choose another with %s", at, flag)
	case err != nil:
		return nil, fmt.Errorf("listening: %w", err)
	}
	return l, nil
}

// isUnspecified reports whether the listener is on every address of the machine.
func isUnspecified(l net.Listener) bool {
	a, ok := l.Addr().(*net.TCPAddr)
	return ok && a.IP.IsUnspecified()
}

// besideTLS requests certificates that are missing, and answers callers without
// TLS if the flag says where, until done.
func (s *server) besideTLS(ctx context.Context, l net.Listener, api *rest.Handler) (done func(), err error) {
	var challenges http.Handler
	if s.front.authority != nil {
		challenges = s.front.authority.Challenges()
	}
	done = func() {}
	if s.HTTPListen != "" {
		plain, err := listen(ctx, s.HTTPListen, "--http-listen")
		if err != nil {
			return nil, err
		}
		_, port, _ := net.SplitHostPort(l.Addr().String())
		s.log.Info("redirecting to HTTPS", "address", plain.Addr().String())
		done = s.serveBeside(plain, "callers without TLS are no longer answered", &http.Server{
			Handler: api.Plain(s.linkBase(l), port, challenges), ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second,
			MaxHeaderBytes: 16 << 10,
		})
	}
	if s.front.authority != nil {
		go s.front.authority.Prepare(ctx) // not waited for: at the end, nobody needs its result
	}
	return done, nil
}

// serveBeside serves what its callers ask for again: done cuts requests off.
func (s *server) serveBeside(l net.Listener, failed string, h *http.Server) (done func()) {
	h.ErrorLog = rest.ConnectionLog(s.log)
	var serving sync.WaitGroup
	serving.Go(func() {
		if err := h.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			s.log.Error(failed, "error", err)
		}
	})
	return func() {
		_ = h.Close()
		serving.Wait()
	}
}
