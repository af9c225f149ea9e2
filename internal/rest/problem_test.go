package rest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/query"
	"github.com/musterhq/muster/session"
)

func TestProblemOf(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err    error
		status int
		code   string
		retry  bool
	}{
		"invalid":              {fault.New(fault.Invalid, "a", "m"), 422, "a", false},
		"not found":            {fault.New(fault.NotFound, "a", "m"), 404, "a", false},
		"conflict":             {fault.New(fault.Conflict, "a", "m"), 409, "a", false},
		"stale":                {fault.New(fault.Stale, "a", "m"), 412, "a", false},
		"forbidden":            {fault.New(fault.Forbidden, "a", "m"), 403, "a", false},
		"unauthenticated":      {fault.New(fault.Unauthenticated, "a", "m"), 401, "a", false},
		"unavailable":          {fault.New(fault.Unavailable, "a", "m"), 503, "a", true},
		"too large":            {fault.New(fault.TooLarge, "a", "m"), 413, "a", false},
		"a kind that is none":  {fault.New(99, "a", "m"), 500, "internal", false},
		"wrapped":              {fmt.Errorf("doing: %w", fault.New(fault.Conflict, "a", "m")), 409, "a", false},
		"malformed":            {malformed("a", "m"), 400, "a", false},
		"a foreign cursor":     {fmt.Errorf("opening: %w", query.ErrCursor), 422, "cursor_invalid", false},
		"a database down":      {fmt.Errorf("reading: %w", session.ErrUnavailable), 503, "unavailable", true},
		"too many conflicts":   {errors.Join(session.ErrConflict, errors.New("x")), 503, "unavailable", true},
		"a session too long":   {fmt.Errorf("x: %w", session.ErrExpired), 503, "unavailable", true},
		"a request too long":   {fmt.Errorf("x: %w", context.DeadlineExceeded), 503, "timeout", true},
		"a session used wrong": {session.ErrClosed, 500, "internal", false},
		"anything else":        {errors.New("dial tcp 10.0.0.7: secret"), 500, "internal", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := http.Header{}
			p := problemOf(c.err, "id", h)
			if p.Status != c.status || p.Code != c.code || (h.Get("Retry-After") != "") != c.retry {
				t.Errorf("got %d %s, Retry-After %q", p.Status, p.Code, h.Get("Retry-After"))
			}
			if p.Status == 500 && p.Detail == c.err.Error() {
				t.Errorf("something internal is told: %s", p.Detail)
			}
		})
	}
}

func TestEveryKindHasItsProblem(t *testing.T) {
	t.Parallel()
	seen := map[int]bool{internal.Status: true}
	for kind := fault.Invalid; kind <= fault.TooLarge; kind++ {
		s, known := types[kind]
		if !known || s.Name == "" || s.Title == "" || seen[s.Status] {
			t.Errorf("kind %d: got %+v", kind, s)
		}
		seen[s.Status] = true
	}
}

func TestDetailOfAProblem(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		kind   fault.Kind
		detail any
		member string
	}{
		"stale shows what is current": {fault.Stale, map[string]int{"version": 3}, "current"},
		"others inform":               {fault.Conflict, []string{"a"}, "info"},
		"what is no JSON is left out": {fault.Conflict, math.Inf(1), ""},
	} {
		raw := problemOf(fault.New(c.kind, "a", "m").With(c.detail), "id", http.Header{}).encode()
		var p map[string]any
		if err := json.Unmarshal(raw, &p); err != nil {
			t.Fatalf("%s: %s: %v", name, raw, err)
		}
		if (p[c.member] != nil) != (c.member != "") || p["code"] != "a" {
			t.Errorf("%s: got %s", name, raw)
		}
	}
}

// exchangeFor is a request that is under way.
func exchangeFor(t *testing.T) (*Exchange, *httptest.ResponseRecorder) {
	t.Helper()
	w := httptest.NewRecorder()
	x := &Exchange{ResponseWriter: w, ID: "id"}
	x.ctx, x.cost = session.Track(t.Context(), "position-7")
	return x, w
}

func TestWhoIsGoneIsToldOfNoSuccess(t *testing.T) {
	t.Parallel()
	x, w := exchangeFor(t)
	gone, leave := context.WithCancel(t.Context())
	leave()
	x.ctx = gone
	x.fail(context.Canceled)
	if w.Code != statusGone || !strings.Contains(w.Body.String(), `"code":"cancelled"`) {
		t.Errorf("got status %d and %q", w.Code, w.Body)
	}
	x, w = exchangeFor(t)
	late, cancel := context.WithTimeout(t.Context(), time.Nanosecond)
	defer cancel()
	<-late.Done()
	x.ctx = late
	x.fail(fmt.Errorf("the query was cancelled: %w", context.Cause(late)))
	if w.Code != http.StatusServiceUnavailable {
		t.Errorf("a deadline: got %d, want 503", w.Code)
	}
}

func TestHalfAResponseIsCutOff(t *testing.T) {
	t.Parallel()
	x, w := exchangeFor(t)
	func() {
		defer func() {
			if v, _ := recover().(error); !errors.Is(v, http.ErrAbortHandler) {
				t.Errorf("got %v, want the connection to be cut", v)
			}
		}()
		defer x.recover()
		_, _ = x.Write([]byte("half of"))
		panic("in the middle")
	}()
	if w.Body.String() != "half of" || x.failure == nil {
		t.Errorf("got %q, failure %v", w.Body, x.failure)
	}
}

// What a position is, is between us and the engine that made it: a store whose
// sessions have none tells none, whatever it was sent.
func TestNoPositionWithoutHistory(t *testing.T) {
	t.Parallel()
	x, w := exchangeFor(t)
	x.send(http.StatusOK, typeJSON, []byte("{}"))
	if got := w.Header().Get(HeaderPosition); got != "" {
		t.Errorf("got the position %q of a store that has none", got)
	}
}
