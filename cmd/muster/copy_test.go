package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster/engine/postgres/postgrestest"
	"github.com/musterhq/muster/internal/counters"
	"github.com/musterhq/muster/internal/demo"
	"github.com/musterhq/muster/internal/httpapi"
	"github.com/musterhq/muster/internal/member"
	"github.com/musterhq/muster/internal/operator"
	"github.com/musterhq/muster/internal/testkit"
)

// TestEveryCallAnswersTheSameAfterACopy copies a store to PostgreSQL and asks
// both everything.
func TestEveryCallAnswersTheSameAfterACopy(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 17, 4, 5, 6, 700_000_000, time.UTC)
	dir := filepath.Join(t.TempDir(), "data")
	place := copyCmd{From: storePlace{Data: dir}, To: storePlace{Postgres: Postgres{Database: databaseURL(postgrestest.Start(t, "fsync = off").Database(t))}}}
	token := fillToCopy(t, Store(place.From), now)
	if err := place.Run(t.Context(), discarding(t)); err != nil {
		t.Fatal(err)
	}
	onBoth(t, place, now, func(here, there http.Handler) {
		var page struct {
			Items []struct{ ID, Name, Phone string }
			Next  string `json:"next_cursor"`
		}
		if err := json.Unmarshal(called(t, here, token, "/members?limit=200&sort=name"), &page); err != nil || len(page.Items) != 200 {
			t.Fatalf("%d members, %v", len(page.Items), err)
		}
		paths := []string{"/dashboard", "/dashboard/signups", "/dashboard/signups?from=2025-04-01&to=2026-03-17"}
		for _, m := range page.Items[:40] {
			paths = append(paths, "/members/"+m.ID, "/members?q="+url.QueryEscape(m.Name), "/members?q="+url.QueryEscape(m.Phone), "/members?q="+m.ID)
		}
		filters := []string{
			"", "status=pending", "status=approved,rejected&gender=female", "gender=male", "birth_year_from=1985&birth_year_to=1990",
			"created_from=2026-01-01T00:00:00Z", "updated_to=2025-12-01T00:00:00Z", "region=Seoul", "has_photos=true", "has_photos=false",
			"has_documents=true", "subscription=active", "subscription=none", "plan=gold", "deleted=only", "deleted=include", "q=er", "q=%EB%B0%94",
		}
		for _, f := range filters {
			for _, sort := range []string{"created_at", "-created_at", "updated_at", "-updated_at", "name", "-name", "birth_year", "-birth_year"} {
				if !strings.HasPrefix(f, "q=") || strings.HasSuffix(sort, "created_at") {
					paths = append(paths, "/members?limit=7&include=profile,lifestyle,preference,subscription,photos,documents&sort="+sort+"&"+f)
				}
			}
		}
		for _, path := range paths {
			if diff := cmp.Diff(plainAnswer(t, called(t, here, token, path)), plainAnswer(t, called(t, there, token, path))); diff != "" {
				t.Errorf("%s: (-SQLite +PostgreSQL):\n%s", path, diff)
			}
		}
	})
}

func fillToCopy(t *testing.T, s Store, now time.Time) (token string) {
	t.Helper()
	err := s.with(t.Context(), openOptions{create: true}, func(opened *store) error {
		rules := member.Rules{Zone: time.UTC}
		if err := counters.UseZone(t.Context(), opened.db, rules.Zone); err != nil {
			return err
		}
		media, err := Media{}.openMedia(dataDir(s.Data), "", discarding(t).plainLog())
		if err != nil {
			return err
		}
		defer media.Close()
		if err := demo.Fill(t.Context(), opened.db, media, demo.Options{By: testkit.Recorder(), Members: 400, Media: 20, Seed: 1, Now: now, Rules: rules}); err != nil {
			return err
		}
		_, secret := testkit.Token(t, opened.db, "copy", operator.Administrator, 0, now)
		token = secret.Reveal()
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// onBoth hands over the API on both stores of a copy, at one moment.
func onBoth(t *testing.T, c copyCmd, now time.Time, fn func(here, there http.Handler)) {
	t.Helper()
	media, err := Media{}.openMedia(dataDir(c.From.Data), "", discarding(t).plainLog())
	if err != nil {
		t.Fatal(err)
	}
	defer media.Close()
	api := func(s *store) http.Handler {
		a, err := httpapi.New(httpapi.Options{
			DB: s.db, Blob: media.Store, Rules: member.Rules{Zone: time.UTC}, CursorSecret: make([]byte, 32), AuditLog: testkit.AuditLog(),
			Clock: func() time.Time { return now }, History: s.engine.history(),
		})
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	err = Store(c.From).with(t.Context(), openOptions{}, func(here *store) error {
		return Store(c.To).with(t.Context(), openOptions{}, func(there *store) error {
			fn(api(here), api(there))
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
}

func called(t *testing.T, h http.Handler, token, path string) []byte {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/api/v1/admin"+path, http.NoBody)
	r.Header.Set("Authorization", "Bearer "+token)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code != http.StatusOK {
		t.Fatalf("%s: %d %s", path, w.Code, w.Body)
	}
	return w.Body.Bytes()
}

// plainAnswer is an answer without its cursor, which is sealed anew each time.
func plainAnswer(t *testing.T, body []byte) any {
	t.Helper()
	var answer map[string]any
	if err := json.NewDecoder(bytes.NewReader(body)).Decode(&answer); err != nil {
		t.Fatal(err)
	}
	if answer["next_cursor"] != nil {
		answer["next_cursor"] = "a cursor"
	}
	return answer
}

// discarding is a console that nobody reads.
func discarding(t *testing.T) console {
	t.Helper()
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = null.Close() })
	return console{out: null, err: null}
}
