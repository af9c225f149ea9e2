package rest

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// proxies are the trusted ones of these tests.
var proxies = []netip.Prefix{
	netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("192.0.2.7/32"),
	netip.MustParsePrefix("fd00::/8"), netip.MustParsePrefix("fe80::/10"),
}

func TestClient(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		trusted []netip.Prefix
		peer    string
		lines   []string
		want    string
	}{
		"nothing said":               {proxies, "203.0.113.5:4711", nil, "203.0.113.5"},
		"nobody trusted":             {nil, "10.0.0.1:4711", []string{"198.51.100.1"}, "10.0.0.1"},
		"said by a stranger":         {proxies, "203.0.113.5:4711", []string{"198.51.100.1"}, "203.0.113.5"},
		"a neighbour of a proxy":     {proxies, "192.0.2.8:4711", []string{"198.51.100.1"}, "192.0.2.8"},
		"said by a proxy":            {proxies, "10.0.0.1:4711", []string{"198.51.100.1"}, "198.51.100.1"},
		"said by nobody":             {proxies, "10.0.0.1:4711", nil, "10.0.0.1"},
		"empty":                      {proxies, "10.0.0.1:4711", []string{""}, "10.0.0.1"},
		"made up at the left":        {proxies, "10.0.0.1:4711", []string{"127.0.0.1, 10.0.0.9, 198.51.100.1"}, "198.51.100.1"},
		"two proxies":                {proxies, "10.0.0.1:4711", []string{"8.8.8.8, 198.51.100.1, 10.0.0.2"}, "198.51.100.1"},
		"two lines":                  {proxies, "10.0.0.1:4711", []string{"8.8.8.8", "198.51.100.1, 10.0.0.2"}, "198.51.100.1"},
		"the client in another line": {proxies, "10.0.0.1:4711", []string{"8.8.8.8, 198.51.100.1", "10.0.0.2"}, "198.51.100.1"},
		"proxies only":               {proxies, "10.0.0.1:4711", []string{"10.0.0.3, 10.0.0.2"}, "10.0.0.3"},
		"no address":                 {proxies, "10.0.0.1:4711", []string{"198.51.100.1, unknown, 10.0.0.2"}, "10.0.0.2"},
		"no address at the right":    {proxies, "10.0.0.1:4711", []string{"198.51.100.1, unknown"}, "10.0.0.1"},
		"a gap":                      {proxies, "10.0.0.1:4711", []string{"198.51.100.1,, 10.0.0.2"}, "10.0.0.2"},
		"an empty line":              {proxies, "10.0.0.1:4711", []string{"198.51.100.1", ""}, "10.0.0.1"},
		"a name":                     {proxies, "10.0.0.1:4711", []string{"localhost"}, "10.0.0.1"},
		"a network":                  {proxies, "10.0.0.1:4711", []string{"198.51.100.0/24"}, "10.0.0.1"},
		"leading zeros":              {proxies, "10.0.0.1:4711", []string{"198.51.100.01"}, "10.0.0.1"},
		"in another script":          {proxies, "10.0.0.1:4711", []string{"１９８.51.100.1"}, "10.0.0.1"},
		"in quotes":                  {proxies, "10.0.0.1:4711", []string{`"198.51.100.1"`}, "10.0.0.1"},
		"with a port":                {proxies, "10.0.0.1:4711", []string{"198.51.100.1:80"}, "198.51.100.1"},
		"with a port that is none":   {proxies, "10.0.0.1:4711", []string{"198.51.100.1:99999"}, "10.0.0.1"},
		"IPv6":                       {proxies, "10.0.0.1:4711", []string{"2001:db8::1"}, "2001:db8::1"},
		"IPv6 in brackets":           {proxies, "10.0.0.1:4711", []string{"[2001:db8::1]"}, "2001:db8::1"},
		"IPv6 with a port":           {proxies, "10.0.0.1:4711", []string{"[2001:db8::1]:80"}, "2001:db8::1"},
		"IPv4 in brackets":           {proxies, "10.0.0.1:4711", []string{"[198.51.100.1]"}, "10.0.0.1"},
		"half a bracket":             {proxies, "10.0.0.1:4711", []string{"[2001:db8::1"}, "10.0.0.1"},
		"IPv4 as IPv6":               {proxies, "10.0.0.1:4711", []string{"::ffff:198.51.100.1"}, "198.51.100.1"},
		"a proxy's IPv4 as IPv6":     {proxies, "[::ffff:10.0.0.1]:4711", []string{"198.51.100.1, ::ffff:10.0.0.2"}, "198.51.100.1"},
		"a zone":                     {proxies, "[fe80::1%eth0]:4711", []string{"fe80::2%made up"}, "fe80::2"},
		"tabs":                       {proxies, "10.0.0.1:4711", []string{"\t198.51.100.1\t,\t10.0.0.2 "}, "198.51.100.1"},
		"no connection":              {proxies, "@", []string{"198.51.100.1"}, "invalid IP"},
		"no connection, none known":  {nil, "", nil, "invalid IP"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := Network{TrustedProxies: c.trusted}
			if got := n.client(&http.Request{RemoteAddr: c.peer, Header: http.Header{headerFor: c.lines}}); got.String() != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func TestOverTLS(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		trusted []netip.Prefix
		peer    string
		proto   []string
		want    bool
	}{
		"plain":                          {proxies, "10.0.0.1:1", nil, false},
		"said by a proxy":                {proxies, "10.0.0.1:1", []string{"https"}, true},
		"in capitals":                    {proxies, "10.0.0.1:1", []string{" HTTPS "}, true},
		"said by a stranger":             {proxies, "203.0.113.5:1", []string{"https"}, false},
		"nobody is trusted":              {nil, "10.0.0.1:1", []string{"https"}, false},
		"said by the client":             {proxies, "10.0.0.1:1", []string{"https", "http"}, false},
		"said by the client, one line":   {proxies, "10.0.0.1:1", []string{"https, http"}, false},
		"said by the proxy, at the last": {proxies, "10.0.0.1:1", []string{"http", "https"}, true},
		"something else":                 {proxies, "10.0.0.1:1", []string{"httpsx"}, false},
		"empty":                          {proxies, "10.0.0.1:1", []string{""}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := Network{TrustedProxies: c.trusted}
			r := &http.Request{RemoteAddr: c.peer, Header: http.Header{headerProto: c.proto}}
			if got := n.overTLS(r); got != c.want {
				t.Errorf("got %v, want %v", got, c.want)
			}
			r.TLS = new(tls.ConnectionState)
			if !n.overTLS(r) {
				t.Error("a connection with TLS is none")
			}
		})
	}
}

// stop is one on the way of a request: an address, or a text that is none.
type stop struct {
	text    string
	address netip.Addr
}

// anyStop draws a stop, in one of the spellings that proxies have.
func anyStop(t *rapid.T) stop {
	var a netip.Addr
	switch rapid.IntRange(0, 5).Draw(t, "kind") {
	case 0:
		return stop{text: rapid.SampledFrom([]string{"", "unknown", "unix:", "1.2.3", "[::1", "10.0.0.1.", "_hidden", "10.0.0.1;x"}).Draw(t, "no address")}
	case 1, 2:
		a = netip.AddrFrom4([4]byte{10, rapid.Byte().Draw(t, "b"), 0, 1})
	case 3:
		a = netip.AddrFrom4([4]byte{203, 0, 113, rapid.Byte().Draw(t, "b")})
	case 4:
		a = netip.AddrFrom16([16]byte{0: 0xfd, 15: rapid.Byte().Draw(t, "b")})
	default:
		a = netip.AddrFrom16([16]byte{0: 0x20, 1: 0x01, 15: rapid.Byte().Draw(t, "b")})
	}
	spellings := []string{a.String(), netip.AddrPortFrom(a, 443).String(), " " + a.String() + "\t"}
	if a.Is4() {
		spellings = append(spellings, "::ffff:"+a.String(), "[::ffff:"+a.String()+"]:80")
	} else {
		spellings = append(spellings, "["+a.String()+"]", a.WithZone("eth0").String(), a.StringExpanded())
	}
	return stop{rapid.SampledFrom(spellings).Draw(t, "spelling"), a}
}

// TestClientIsTheRightmostStranger holds the walk against one that is as simple
// as can be: over a list, with no text to take apart.
func TestClientIsTheRightmostStranger(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		way := rapid.SliceOfN(rapid.Custom(anyStop), 0, 6).Draw(t, "way")
		var lines []string
		for i, s := range way {
			if i == 0 || rapid.Bool().Draw(t, "a line of its own") {
				lines = append(lines, s.text)
			} else {
				lines[len(lines)-1] += "," + s.text
			}
		}
		from := rapid.SampledFrom([]string{"10.9.9.9", "198.51.100.9", "fd00::9"}).Draw(t, "peer")
		want := netip.MustParseAddr(from)
		for _, s := range slices.Backward(way) {
			if !contains(proxies, want) || !s.address.IsValid() {
				break
			}
			want = s.address
		}
		n := Network{TrustedProxies: proxies}
		r := &http.Request{RemoteAddr: netip.AddrPortFrom(netip.MustParseAddr(from), 1).String(), Header: http.Header{headerFor: lines}}
		if got := n.client(r); got != want {
			t.Fatalf("got %s, want %s of %q", got, want, lines)
		}
	})
}

// FuzzClient: what a caller writes cannot change who it is, once a trusted proxy
// has added it.
func FuzzClient(f *testing.F) {
	for _, text := range []string{"", "127.0.0.1", "10.0.0.1, ", "[::1]:80", "a,b", ",,,", "::ffff:10.0.0.1%x", "::% ", "\x00"} {
		f.Add(text, true)
	}
	n := Network{TrustedProxies: proxies, AllowFrom: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}
	caller := netip.MustParseAddr("203.0.113.5")
	f.Fuzz(func(t *testing.T, text string, sameLine bool) {
		lines := []string{text, caller.String()}
		if sameLine {
			lines = []string{text + ", " + caller.String()}
		}
		r := &http.Request{RemoteAddr: "10.0.0.1:4711", Header: http.Header{headerFor: lines}}
		if got := n.client(r); got != caller {
			t.Errorf("%q makes the caller %s", text, got)
		}
		r.Header[headerFor] = []string{text}
		got := n.client(r)
		if !got.IsValid() || got.Zone() != "" || got.Is4In6() {
			t.Errorf("%q makes the caller %s", text, got)
		}
		if a, ok := parseAddress(strings.Trim(text, " \t")); ok && got != a {
			t.Errorf("%q makes the caller %s", text, got)
		}
	})
}

func TestNothingConfiguredCostsNothing(t *testing.T) {
	r := &http.Request{URL: new(url.URL), RemoteAddr: "203.0.113.5:4711", Header: http.Header{headerFor: {"198.51.100.1"}, headerProto: {"https"}}}
	x := &Exchange{Request: r, network: new(Network)}
	if got := testing.AllocsPerRun(100, func() {
		if x.network.overTLS(r) || x.network.admit(r.URL.Path, x.Client) != nil {
			t.Error("something is configured")
		}
	}); got != 0 || x.from.IsValid() {
		t.Errorf("got %v allocations and the address %s, want none", got, x.from)
	}
	if got := testing.AllocsPerRun(100, func() { x.from = netip.Addr{}; _ = x.Client() }); got != 0 {
		t.Errorf("an address takes %v allocations, want none", got)
	}
}

func TestConnectionsAreLoggedWithoutAddresses(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	log := connectionLog{slog.New(slog.NewTextHandler(&out, nil))}
	for _, line := range []string{
		"http: TLS handshake error from 203.0.113.5:4711: EOF\n",
		"http2: server: error reading preface from client 203.0.113.5:4711: timeout\n",
		"http: panic serving [2001:db8::1]:4711: x\n",
		"read tcp 127.0.0.1:80->[fe80::1%eth0]:99: reset\n",
	} {
		if n, err := log.Write([]byte(line)); n != len(line) || err != nil {
			t.Errorf("got %d, %v", n, err)
		}
	}
	if got := out.String(); strings.Count(got, "level=WARN") != 3 || strings.Contains(got, "handshake") {
		t.Errorf("got %s", got)
	}
	for _, address := range []string{"203.0.113.5", "2001:db8", "fe80", "4711"} {
		if strings.Contains(out.String(), address) {
			t.Errorf("got the address %s in %s", address, &out)
		}
	}
}

func BenchmarkClient(b *testing.B) {
	for proxied := range 4 {
		b.Run(fmt.Sprint(proxied), func(b *testing.B) {
			n := Network{TrustedProxies: proxies}
			line := "203.0.113.5" + strings.Repeat(", 10.0.0.1", proxied)
			r := &http.Request{RemoteAddr: "10.0.0.1:4711", Header: http.Header{headerFor: {line}}}
			for b.Loop() {
				_ = n.client(r)
			}
		})
	}
}
