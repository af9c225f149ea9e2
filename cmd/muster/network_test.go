package main

import (
	"net/netip"
	"net/url"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/musterhq/muster/internal/certificate/certificatetest"
)

func TestAddresses(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"192.0.2.7": "192.0.2.7/32", "192.0.2.0/24": "192.0.2.0/24", "0.0.0.0/0": "0.0.0.0/0", "2001:db8::1": "2001:db8::1/128",
		"2001:db8::/32": "2001:db8::/32", "::ffff:192.0.2.7": "192.0.2.7/32", "::ffff:10.0.0.0/104": "10.0.0.0/8",
		"": "", ",": "", "192.0.2.7,": "", "192.0.2.7/24": "", "192.0.2.7/33": "", "192.0.2.7/": "", "fe80::1%eth0": "", "fe80::%eth0/10": "",
		"192.0.2": "", "localhost": "", "192.0.2.7:80": "", "[2001:db8::1]": "", "192.0.2.0/255.255.255.0": "", "192.0.2.1-192.0.2.9": "",
	} {
		var got addresses
		err := got.UnmarshalText([]byte(text))
		if (err == nil) != (want != "") || err == nil && (len(got) != 1 || got[0] != netip.MustParsePrefix(want)) {
			t.Errorf("%q: got %v, %v, want %q", text, got, err, want)
		}
	}
	var several addresses
	for _, text := range []string{" 192.0.2.7, 2001:db8::/32 ", "10.0.0.0/8"} {
		if err := several.UnmarshalText([]byte(text)); err != nil {
			t.Error(err)
		}
	}
	if len(several) != 3 {
		t.Errorf("got %v, want three", several)
	}
}

// setCertificate gives a script a certificate, in place of the one that it had.
func (s *services) setCertificate(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: certificate NAME")
	}
	pair := certificatetest.SelfSigned(s.t, args[0], 90*24*time.Hour)
	pair.Write(s.t, ts.MkAbs("."))
	ts.Setenv("TRUST", string(pair.Certificate))
}

// authority is the ACME server of a script.
type authority struct{ *certificatetest.Authority }

// setAuthority gives a script an ACME server of its own.
func (s *services) setAuthority(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 1 || len(args) == 1 && args[0] != "check" {
		ts.Fatalf("usage: authority [check]")
	}
	asked := ts.Value(authority{}).(*authority)
	if len(args) == 1 {
		asked.Check(s.t, portOf(ts, ts.Getenv("PLAIN")), portOf(ts, ts.Getenv("URL")))
		return
	}
	a := certificatetest.StartAuthority(s.t)
	asked.Authority = a
	trust := ts.MkAbs("authority.pem")
	ts.Check(os.WriteFile(trust, []byte(a.Trust), 0o600))
	ts.Setenv("SSL_CERT_FILE", trust)
	ts.Setenv("DIRECTORY", a.Directory)
	ts.Setenv("TRUST", a.Root)
}

func portOf(ts *testscript.TestScript, text string) int {
	u, err := url.Parse(text)
	ts.Check(err)
	port, err := strconv.Atoi(u.Port())
	ts.Check(err)
	return port
}
