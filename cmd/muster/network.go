package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"path/filepath"
	"strings"
	"time"

	"github.com/musterhq/muster/internal/certificate"
	"github.com/musterhq/muster/internal/rest"
)

// addresses are networks, of which some have one address. A variable that is
// there and empty is refused, and so is a flag: an allowlist that was meant and
// names nobody would let in all.
type addresses []netip.Prefix

// UnmarshalText adds those that a text names, with commas between them.
func (a *addresses) UnmarshalText(text []byte) error {
	for one := range strings.SplitSeq(string(text), ",") {
		p, err := parseAddresses(strings.TrimSpace(one))
		if err != nil {
			return err
		}
		*a = append(*a, p)
	}
	return nil
}

// parseAddresses takes a CIDR, or an address for itself alone. IPv4 in the
// clothes of IPv6 becomes what it is, as the addresses of callers do.
func parseAddresses(text string) (p netip.Prefix, err error) {
	if one, err := netip.ParseAddr(text); err == nil && one.Zone() == "" {
		return one.Unmap().Prefix(one.Unmap().BitLen())
	}
	if p, err = netip.ParsePrefix(text); err != nil {
		return p, fmt.Errorf("%q is no address and no network: write one such as 192.0.2.7, 192.0.2.0/24 or 2001:db8::/32", text)
	}
	if p.Addr().Is4In6() && p.Bits() >= 96 {
		p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
	}
	if whole := p.Masked(); whole != p {
		return p, fmt.Errorf("%q is an address in a network: write the network as %s, or the address as %s", text, whole, p.Addr())
	}
	return p, nil
}

// names are host names. As with addresses, none is not what was meant.
type names []string

// UnmarshalText adds those that a text names, with commas between them; whether
// they can be is checked by who is asked about them.
func (n *names) UnmarshalText(text []byte) error {
	for one := range strings.SplitSeq(string(text), ",") {
		if one = strings.TrimSpace(one); one == "" {
			return errors.New("a name is empty")
		}
		*n = append(*n, one)
	}
	return nil
}

// Network are the flags of what stands between callers and the API.
type Network struct {
	TLSCert         string    `help:"Serve HTTPS with this certificate: PEM, with those between it and its root. It is read again when it changes." name:"tls-cert" placeholder:"FILE" group:"With TLS:"`
	TLSKey          string    `help:"The key of --tls-cert, as PEM." name:"tls-key" placeholder:"FILE" group:"With TLS:"`
	ACMEDomain      names     `help:"Serve HTTPS with a certificate for this name, which an ACME authority such as Let's Encrypt gives and renews. It must reach this server by that name, at port 443, or at port 80 with --http-listen. Can be given several times; in the variable, a comma is between them." name:"acme-domain" placeholder:"NAME" group:"With TLS:"`
	ACMEAcceptTerms bool      `help:"Accept the terms of the ACME authority, without which it gives none." name:"acme-accept-terms" group:"With TLS:"`
	ACMEEmail       string    `help:"Where the ACME authority may write to when there is trouble." name:"acme-email" placeholder:"ADDRESS" group:"With TLS:"`
	ACMEDirectory   string    `help:"The directory of the ACME authority. Default: ${acme_directory}." name:"acme-directory" placeholder:"URL" group:"With TLS:"`
	HTTPListen      address   `help:"Where to listen without TLS too: to send browsers to HTTPS, and to prove to an ACME authority whose name it is." name:"http-listen" placeholder:"HOST:PORT" group:"With TLS:"`
	TrustedProxy    addresses `help:"A proxy that is believed what X-Forwarded-For and X-Forwarded-Proto say: an address, or a network such as 10.0.0.0/8. Without it, none is. Can be given several times; in the variable, a comma is between them." placeholder:"CIDR"`
	AllowFrom       addresses `help:"Take requests from this address or network only; /healthz and /readyz stay open. Can be given several times; in the variable, a comma is between them." placeholder:"CIDR"`
}

// misuse says which flags do not go together.
func (n Network) misuse() error {
	files, authority := n.TLSCert != "" || n.TLSKey != "", len(n.ACMEDomain) > 0
	switch {
	case (n.TLSCert == "") != (n.TLSKey == ""):
		return errors.New("--tls-cert and --tls-key go together: give both")
	case files && authority:
		return errors.New("--tls-cert is a certificate that is there, --acme-domain one that is asked for: give one of the two")
	case !authority && (n.ACMEAcceptTerms || n.ACMEEmail != "" || n.ACMEDirectory != ""):
		return errors.New("--acme-accept-terms, --acme-email and --acme-directory are about --acme-domain: give it, too")
	case authority && !n.ACMEAcceptTerms:
		return fmt.Errorf("the authority gives a certificate to who accepts its terms, which %s names: say so with --acme-accept-terms", n.account("").Directory)
	case n.HTTPListen != "" && !files && !authority:
		return errors.New("--http-listen is beside HTTPS: give --tls-cert or --acme-domain, or use --listen alone")
	}
	for _, p := range n.TrustedProxy {
		if p.Bits() == 0 {
			return fmt.Errorf("--trusted-proxy %s would believe everybody who they say they are: name the proxies", p)
		}
	}
	return n.account("").Check()
}

func (n Network) account(f folder) certificate.Account {
	a := certificate.Account{Domains: n.ACMEDomain, Email: n.ACMEEmail, Directory: n.ACMEDirectory, Folder: filepath.Join(string(f), "acme")}
	if a.Directory == "" {
		a.Directory = certificate.LetsEncrypt
	}
	return a
}

// network is what the API has to know.
func (n Network) network() rest.Network {
	return rest.Network{TrustedProxies: n.TrustedProxy, AllowFrom: n.AllowFrom}
}

// front is what listens with TLS; empty, it is without.
type front struct {
	tls       *tls.Config
	authority *certificate.Authority // nil with a certificate from files
}

// certificates reads the certificate, or prepares to ask for one.
func (n Network) certificates(f folder, log *slog.Logger) (front, error) {
	switch {
	case n.TLSCert != "":
		files, err := certificate.LoadFiles(n.TLSCert, n.TLSKey, log)
		if err != nil {
			return front{}, err
		}
		return front{tls: files.Config()}, nil
	case len(n.ACMEDomain) > 0:
		account := n.account(f)
		account.Log = log
		authority, err := certificate.NewAuthority(account)
		if err != nil {
			return front{}, explain(string(f), err)
		}
		return front{tls: authority.Config(), authority: authority}, nil
	default:
		return front{}, nil
	}
}

// here is where the server listens, for a person: by a name of its own, if it
// has one, and else by host.
func (s *server) here(l net.Listener, host string) string {
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

// isEverywhere reports whether a listener is at every address of the machine.
func isEverywhere(l net.Listener) bool {
	a, ok := l.Addr().(*net.TCPAddr)
	return ok && a.IP.IsUnspecified()
}

// besideTLS gets certificates that are not there yet, and answers who comes
// without TLS where the flag says, until done.
func (s *server) besideTLS(ctx context.Context, l net.Listener, api *rest.Handler) (done func(), err error) {
	done = func() {}
	if s.HTTPListen != "" {
		if done, err = s.listenPlain(ctx, l, api); err != nil {
			return nil, err
		}
	}
	if s.front.authority != nil {
		go s.front.authority.Prepare(ctx) // what is under way at the end has nobody to tell: it is not waited for
	}
	return done, nil
}

func (s *server) listenPlain(ctx context.Context, l net.Listener, api *rest.Handler) (done func(), err error) {
	plain, err := listen(ctx, s.HTTPListen, "--http-listen")
	if err != nil {
		return nil, err
	}
	var challenges http.Handler
	if s.front.authority != nil {
		challenges = s.front.authority.Challenges()
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	h := &http.Server{
		Handler: api.Plain(s.base(l), port, challenges), ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second,
		MaxHeaderBytes: 16 << 10, ErrorLog: rest.ConnectionLog(s.log),
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := h.Serve(plain); !errors.Is(err, http.ErrServerClosed) {
			s.log.Error("who comes without TLS is not answered any more", "error", err)
		}
	}()
	s.log.Info("sending to HTTPS", "address", plain.Addr().String())
	return func() {
		_ = h.Close() // a browser asks again
		<-ended
	}, nil
}
