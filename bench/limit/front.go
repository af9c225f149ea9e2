package limit

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Options of a server.
type Options struct {
	Path   string         // of the database, which has Muster's schema
	Base   string         // of signed links
	Zone   *time.Location // in which days begin
	Region string         // that local phones are of
	Group  bool           // creates that wait share a commit; otherwise each has its own
	Clock  func() time.Time
}

// front is what a server has whatever its database is.
type front struct {
	Options
	mux     *http.ServeMux
	cursors cipher.AEAD
	secret  []byte
}

func newFront(o Options) (*front, error) {
	if o.Clock == nil {
		o.Clock = time.Now
	}
	f := &front{Options: o, mux: http.NewServeMux(), secret: make([]byte, 32)}
	block, err := aes.NewCipher(f.secret) // nothing here is secret
	if err != nil {
		return nil, fmt.Errorf("making a cipher: %w", err)
	}
	if f.cursors, err = cipher.NewGCMWithRandomNonce(block); err != nil {
		return nil, fmt.Errorf("making a cipher: %w", err)
	}
	f.mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, struct{}{}, nil)
	})
	return f, nil
}

// ServeHTTP answers a request.
func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) { f.mux.ServeHTTP(w, r) }

// Serve answers requests at the address until ctx ends. Ready is called with
// the address once there is one.
func (f *front) Serve(ctx context.Context, address string, ready func(address string)) error {
	h := &http.Server{ // as nobody would run one without, and as Muster's
		Handler:           f,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      45 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    32 << 10,
	}
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("listening: %w", err)
	}
	defer context.AfterFunc(ctx, func() { _ = h.Shutdown(context.WithoutCancel(ctx)) })()
	ready(l.Addr().String())
	if err := h.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serving: %w", err)
	}
	return nil
}

var (
	errToken  = errors.New("the token is not good")
	errAbsent = errors.New("there is no such member")
	errBody   = errors.New("the body is not that of a member")
	errTaken  = errors.New("another member has this phone number")
)

// bearer is the hash of the token that a request comes with.
func bearer(r *http.Request) (hash [32]byte) {
	text, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	return sha256.Sum256([]byte(text))
}

// caller is whose token it is.
type caller struct{ token, operator [16]byte }

// idle is how long a token may not be used.
const idle = 90 * 24 * time.Hour

// allows reports whether a role allows what is asked for here: those that every
// store has do, and Muster's others are not measured.
func allows(role string) bool {
	return role == "administrator" || role == "manager"
}

// authenticate looks the token up, as Muster does.
func (c *conn) authenticate(hash *[32]byte, now time.Time) (who caller, err error) {
	s, err := c.stmt(token)
	if err != nil {
		return who, err
	}
	_ = s.BindBlob(1, hash[:]) // a failure is one of the last, too
	_ = s.BindText(2, now.UTC().Format(stored))
	_ = s.BindText(3, now.Add(-idle).UTC().Format(stored))
	if err := s.BindBlob(4, make([]byte, 16)); err != nil {
		return who, err
	}
	good := false
	for s.Step() {
		good = s.ColumnInt(0) == 0 && textOf(s, 5) == nil && allows(s.ColumnText(3))
		who = caller{idOf(s, 1), idOf(s, 2)}
	}
	if err := s.Reset(); err != nil {
		return who, err
	}
	if !good {
		return who, errToken
	}
	return who, nil
}

// answer writes v, or what went wrong.
func answer(w http.ResponseWriter, status int, v any, err error) {
	var body []byte
	if err == nil {
		body, err = json.Marshal(v)
	}
	switch {
	case err == nil:
	case errors.Is(err, errToken):
		http.Error(w, err.Error(), http.StatusUnauthorized)
		return
	case errors.Is(err, errAbsent):
		http.Error(w, err.Error(), http.StatusNotFound)
		return
	case errors.Is(err, errBody):
		http.Error(w, err.Error(), http.StatusUnprocessableEntity)
		return
	case errors.Is(err, errTaken):
		http.Error(w, err.Error(), http.StatusConflict)
		return
	default:
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h["Content-Type"] = []string{"application/json"}
	h["Content-Length"] = []string{strconv.Itoa(len(body))}
	w.WriteHeader(status)
	_, _ = w.Write(body) // who has gone away needs no answer
}
