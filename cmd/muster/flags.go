package main

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/nyaruka/phonenumbers"
)

// zone is a time zone of the IANA database; nil if the flag was not set.
type zone struct{ *time.Location }

// UnmarshalText reads the name of a zone.
func (z *zone) UnmarshalText(text []byte) error {
	name := string(text)
	if name == "" {
		return nil
	}
	l, err := time.LoadLocation(name)
	if err != nil || name == "Local" {
		return fmt.Errorf("unknown time zone %q: use a name of the IANA database, such as Asia/Seoul or UTC", name)
	}
	z.Location = l
	return nil
}

// region is a country code of ISO 3166, or empty.
type region string

// UnmarshalText reads a code whose phone numbers are known.
func (r *region) UnmarshalText(text []byte) error {
	code := strings.ToUpper(string(text))
	if code != "" && !phonenumbers.GetSupportedRegions()[code] {
		return fmt.Errorf("unknown phone region %q: use a country code of two letters, such as KR", text)
	}
	*r = region(code)
	return nil
}

// instant is a moment, or nil.
type instant struct{ at *time.Time } // not embedded: time.Time has ways of its own to be read

// UnmarshalText reads a day or a time.
func (i *instant) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		return nil // an environment variable that is set, and empty
	}
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(layout, string(text)); err == nil {
			i.at = &t
			return nil
		}
	}
	return fmt.Errorf("%q is neither a day nor a time: write 2026-01-31 or 2026-01-31T15:04:05Z", text)
}

// address is a host and a port to listen on.
type address string

func (a *address) UnmarshalText(text []byte) error {
	if _, port, err := net.SplitHostPort(string(text)); err != nil || port == "" {
		return fmt.Errorf("%q is not an address to listen on: write host:port, such as 127.0.0.1:8080", text)
	}
	*a = address(text)
	return nil
}

// addresses are networks, some of them of one address. An empty flag or
// environment variable is refused: an allowlist that was meant and names nobody
// would let everybody in.
type addresses []netip.Prefix

// UnmarshalText adds the networks in a text, separated by commas.
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

// parseAddresses reads a CIDR, or an address as a network of its own. It
// unmaps IPv4 in IPv6, as is done with the addresses of callers.
func parseAddresses(text string) (p netip.Prefix, err error) {
	if one, err := netip.ParseAddr(text); err == nil && one.Zone() == "" {
		return one.Unmap().Prefix(one.Unmap().BitLen())
	}
	if p, err = netip.ParsePrefix(text); err != nil {
		return p, fmt.Errorf("%q is neither an address nor a network: write one such as 192.0.2.7, 192.0.2.0/24 or 2001:db8::/32", text)
	}
	if p.Addr().Is4In6() && p.Bits() >= 96 {
		p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
	}
	if whole := p.Masked(); whole != p {
		return p, fmt.Errorf("%q is an address in a network: write the network as %s, or the address as %s", text, whole, p.Addr())
	}
	return p, nil
}

// names are host names. As with addresses, an empty one is refused.
type names []string

// UnmarshalText adds the names in a text, separated by commas. Whether they are
// valid is checked where they are used.
func (n *names) UnmarshalText(text []byte) error {
	for one := range strings.SplitSeq(string(text), ",") {
		if one = strings.TrimSpace(one); one == "" {
			return errors.New("a name is empty")
		}
		*n = append(*n, one)
	}
	return nil
}

// databaseURL is the URL of a PostgreSQL server. It may hold a password and is
// never shown.
type databaseURL string

func (s *databaseURL) UnmarshalText(text []byte) error {
	u, err := url.Parse(string(text))
	switch {
	case len(text) == 0:
		return nil // an environment variable that is set, and empty
	case err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql": // err holds the URL
		return errors.New("it must be the URL of a PostgreSQL server, such as postgres://muster@db1.example.org/muster?sslmode=verify-full, with special characters escaped by %")
	case strings.Contains(u.Host, ","):
		return errors.New("it must be the URL of one server: name each of the others with a --replica of its own")
	case !u.Query().Has("sslmode") && os.Getenv("PGSSLMODE") == "" && !isLocal(u):
		return errors.New("it is the URL of a server on another machine, and does not say how the connection is protected: add sslmode=verify-full, or sslmode=disable on a network where nobody else can listen")
	}
	*s = databaseURL(text)
	return nil
}

// isLocal reports whether the URL names a server on this machine. The driver's
// own rule is to continue in plain text if a server has no TLS, and to accept any
// certificate.
func isLocal(u *url.URL) bool {
	host := u.Hostname()
	if named := u.Query().Get("host"); named != "" {
		host = named
	}
	ip, err := netip.ParseAddr(host)
	return host == "" || host == "localhost" || strings.HasPrefix(host, "/") || err == nil && ip.IsLoopback()
}

// String hides what may be a secret.
func (databaseURL) String() string { return "postgres://***" }

// parts returns the parts of the URL, which UnmarshalText has checked.
func (s databaseURL) parts() (*url.URL, url.Values) {
	u, err := url.Parse(string(s))
	if err != nil {
		u = new(url.URL)
	}
	return u, u.Query()
}

// pooled reports whether a pooler that swaps connections is in between.
func (s databaseURL) pooled() bool {
	_, parameters := s.parts()
	return parameters.Get("pool_mode") != ""
}

// plain returns the URL without what only pools understand.
func (s databaseURL) plain() string {
	u, parameters := s.parts()
	for name := range parameters {
		if strings.HasPrefix(name, "pool_") {
			parameters.Del(name)
		}
	}
	u.RawQuery = parameters.Encode()
	return u.String()
}
