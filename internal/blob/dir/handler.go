package dir

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/musterhq/muster/internal/blob"
	"github.com/musterhq/muster/internal/fault"
)

// Handler serves the objects of signed URLs to GET and HEAD, with ranges. Mount it
// at [Prefix]. It reads the URL as it was sent, so nothing before it may rewrite
// the path. Errors are problems of RFC 9457: 403 link_invalid or link_expired, 404
// object_not_found, 405 method_not_allowed; 503 if the directory cannot be read and
// 500, with a number that is also in the log, for anything else.
func (s *Store) Handler() http.Handler { return http.HandlerFunc(s.serve) }

func (s *Store) serve(w http.ResponseWriter, r *http.Request) {
	harden(w.Header())
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		refuse(w, http.StatusMethodNotAllowed, "method_not_allowed", "Links to photos and documents support only GET and HEAD.")
		return
	}
	l, err := s.verify(r.URL.EscapedPath(), r.URL.RawQuery)
	if err != nil {
		s.fail(r.Context(), w, err)
		return
	}
	object, err := s.Open(r.Context(), l.key)
	if err != nil {
		s.fail(r.Context(), w, err)
		return
	}
	defer object.Close()
	s.describe(w.Header(), l, object)
	// No time, and so no Last-Modified: seconds are too coarse to distinguish two
	// versions. The ETag does.
	http.ServeContent(w, r, "", time.Time{}, object)
}

// harden sets the headers that keep a browser from treating an object as a page.
func harden(h http.Header) {
	h.Set("Content-Security-Policy", "default-src 'none'; base-uri 'none'; frame-ancestors 'none'; sandbox")
	h.Set("Referrer-Policy", "no-referrer") // the URL is a key to the object
	h.Set("X-Content-Type-Options", "nosniff")
}

func (s *Store) describe(h http.Header, l link, object *blob.Object) {
	if l.filename != "" { // see blob.SignOptions
		h.Set("Cache-Control", "no-store")
	} else {
		rest := max(l.until.Sub(s.now()), 0)
		h.Set("Cache-Control", fmt.Sprintf("private, max-age=%d", int64(rest/time.Second)))
	}
	h.Set("Content-Disposition", blob.Disposition(l.filename, l.contentType))
	h.Set("Content-Type", l.contentType)
	h.Set("Etag", fmt.Sprintf(`"%x-%x"`, object.Modified.UnixNano(), object.Size))
}

// fail responds with an error. It logs only internal ones.
func (s *Store) fail(ctx context.Context, w http.ResponseWriter, err error) {
	if errors.Is(err, context.Canceled) {
		return // the client has gone
	}
	switch f := fault.As(err); {
	case f != nil && f.Kind == fault.Forbidden:
		refuse(w, http.StatusForbidden, f.Code, f.Message)
	case f != nil && f.Kind == fault.NotFound:
		refuse(w, http.StatusNotFound, f.Code, f.Message)
	case f != nil && f.Kind == fault.Unavailable:
		s.log.ErrorContext(ctx, "serving media", "err", err, "cause", errors.Unwrap(f))
		w.Header().Set("Retry-After", "30")
		refuse(w, http.StatusServiceUnavailable, f.Code, f.Message)
	default:
		number := rand.Text()[:10]
		s.log.ErrorContext(ctx, "serving media", "err", err, "number", number)
		refuse(w, http.StatusInternalServerError, "internal", "Internal error. Quote the number "+number+" when you report it.")
	}
}

// A problem is the body of an error response (RFC 9457).
type problem struct {
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
	Code   string `json:"code"`
}

func refuse(w http.ResponseWriter, status int, code, detail string) {
	body, _ := json.Marshal(problem{http.StatusText(status), status, detail, code}) // strings and a number: never fails
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_, _ = w.Write(body) // the client may have gone
}
