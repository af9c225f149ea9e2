package httpapi

import (
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/session"
)

var (
	// transport has a browser use TLS for the next year, below this name too. It
	// means something only over TLS, and is sent only there (RFC 6797, 7.2).
	transport = []string{"max-age=31536000; includeSubDomains"}

	// apart keeps other pages away from the window of one of ours.
	apart = []string{"same-origin"}

	// modest is what a page of ours asks of the browser: to copy.
	modest = []string{"accelerometer=(), bluetooth=(), camera=(), clipboard-read=(), clipboard-write=(self), display-capture=(), " +
		"geolocation=(), gyroscope=(), hid=(), magnetometer=(), microphone=(), midi=(), payment=(), " +
		"publickey-credentials-get=(), screen-wake-lock=(), serial=(), usb=(), web-share=(), xr-spatial-tracking=()"}
)

// dress gives a page what responses that a browser does not show do not need.
func dress(h http.Header, policy string) {
	h["Content-Security-Policy"] = []string{policy}
	h["Cross-Origin-Opener-Policy"] = apart
	h["Permissions-Policy"] = modest
}

// errPlain is what who sends a secret in the open has to know.
var errPlain = fault.New(fault.Forbidden, "tls_needed",
	"This is served with https only. What was sent with this request, a token or a link, could be read on its way: have it revoked.")

// Plain answers who comes without TLS, on a listener of its own: a browser that
// looks at a page is sent to base, which begins with https, or where that is
// empty to its own name at the port. What programs call is refused and not sent
// on, since a call that works all the same would show its token on the way for
// ever. Challenges of an authority go to their handler, which may be nil.
func (a *API) Plain(base, port string, challenges http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		x := &exchange{ResponseWriter: w, api: a, request: r, requestID: requestID(r.Header), head: r.Method == http.MethodHead}
		x.ctx, x.cost = session.Track(r.Context(), "")
		x.protect(false)
		if a.observe != nil {
			defer x.report(r, start)
		}
		defer x.log(r, start)
		defer x.recover()
		x.servePlain(r, base, port, challenges)
	})
}

// challengePath is where an authority looks for an answer (RFC 8555, 8.3): from
// addresses that it does not tell.
const challengePath = "/.well-known/acme-challenge/"

func (x *exchange) servePlain(r *http.Request, base, port string, challenges http.Handler) {
	if challenges != nil && strings.HasPrefix(r.URL.Path, challengePath) {
		x.route = challengePath
		challenges.ServeHTTP(x, r)
		return
	}
	if err := x.admitAddress(); err != nil {
		x.fail(err)
		return
	}
	if !isPage(r) {
		x.fail(errPlain)
		return
	}
	if base == "" {
		host := (&url.URL{Host: r.Host}).Hostname()
		base = "https://" + strings.TrimSuffix(net.JoinHostPort(host, port), ":443")
	}
	x.Header()["Location"] = x.line(base + (&url.URL{Path: r.URL.Path}).EscapedPath())
	x.send(http.StatusPermanentRedirect, nil, nil)
}

// isPage reports whether a browser shows what is asked for, with nothing in the
// request that others should not see.
func isPage(r *http.Request) bool {
	read := r.Method == http.MethodGet || r.Method == http.MethodHead
	return read && r.Header.Get("Authorization") == "" && (r.URL.Path == "/" || r.URL.Path == "/docs" || strings.HasPrefix(r.URL.Path, "/docs/"))
}
