package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"

	sqlite3 "github.com/ncruces/go-sqlite3"
)

// measureClaims compares Muster with itself and with what it promises, on the
// largest store.
func (b *bench) measureClaims(ctx context.Context, r *report, s *servers) error {
	for _, part := range []struct {
		name    string
		measure func(context.Context, *report, *servers) error
	}{{"flat", b.measureFlat}, {"deep", b.measureDeep}, {"search", b.measureSearch}} {
		if !b.wants(part.name) {
			continue
		}
		if err := part.measure(ctx, r, s); err != nil {
			return fmt.Errorf("%s: %w", part.name, err)
		}
	}
	return nil
}

// measureFlat compares the dashboard with that of a hundredth of the members.
func (b *bench) measureFlat(ctx context.Context, r *report, s *servers) (err error) {
	small, err := b.filled(ctx, max(s.members/100, 50))
	if err != nil {
		return err
	}
	other, err := b.startMuster(ctx, small, filepath.Join(s.folder, "small"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, other.stop()) }()
	turns, err := b.rounds(ctx, 1,
		contender{s.muster, always(get("/dashboard", s.token))}, contender{other, always(get("/dashboard", small.token))})
	if err != nil {
		return err
	}
	r.atMost(1.2, "×", ratios(costs(turns[0]), costs(turns[1])),
		"dashboard: processor time with %d members over that with %d", s.members, small.members)
	return nil
}

// measureDeep compares a page in the middle of the list with the first.
func (b *bench) measureDeep(ctx context.Context, r *report, s *servers) error {
	cursor, depth, err := s.walk(ctx, s.members/2)
	if err != nil {
		return err
	}
	turns, err := b.rounds(ctx, 1,
		contender{s.muster, always(get("/members?cursor="+url.QueryEscape(cursor), s.token))},
		contender{s.muster, always(get("/members", s.token))})
	if err != nil {
		return err
	}
	r.atMost(1.1, "×", ratios(costs(turns[0]), costs(turns[1])),
		"list: processor time of the page after %d members over that of the first", depth)
	return nil
}

// walk follows the cursors of the list until they have passed so many members.
func (s *servers) walk(ctx context.Context, members int) (cursor string, depth int, err error) {
	const step = 200
	for depth < members {
		var page struct {
			Items      []json.RawMessage `json:"items"`
			NextCursor *string           `json:"next_cursor"`
		}
		path := fmt.Sprintf("/members?limit=%d", step)
		if cursor != "" {
			path += "&cursor=" + url.QueryEscape(cursor)
		}
		if err := s.read(ctx, path, &page); err != nil {
			return "", 0, err
		}
		if page.NextCursor == nil || len(page.Items) == 0 {
			return "", 0, fmt.Errorf("the list ended after %d members", depth)
		}
		cursor, depth = *page.NextCursor, depth+len(page.Items)
	}
	return cursor, depth, nil
}

// read asks Muster for something and decodes it.
func (s *servers) read(ctx context.Context, path string, into any) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.muster.address+"/api/v1/admin"+path, http.NoBody)
	if err != nil {
		return fmt.Errorf("asking for %s: %w", path, err)
	}
	r.Header.Set("Authorization", "Bearer "+s.token)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return fmt.Errorf("asking for %s: %w", path, err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("asking for %s: %w: %s", path, errAnswer, answer.Status)
	}
	if err := json.NewDecoder(answer.Body).Decode(into); err != nil {
		return fmt.Errorf("reading %s: %w", path, err)
	}
	return nil
}

const searchReach = 20 // milliseconds

// measureSearch times what people type into a search, each at the 99th
// percentile.
func (b *bench) measureSearch(ctx context.Context, r *report, s *servers) error {
	ids, err := s.ids(1)
	if err != nil {
		return err
	}
	phone, err := s.aPhone()
	if err != nil {
		return err
	}
	for _, search := range []struct{ what, text string }{
		{"two letters of many names", "er"},
		{"two characters of many names", "바다"},
		{"two characters of few names", "歐陽"},
		{"two characters of no name", "뷁뷁"},
		{"one character", "김"},
		{"a whole name", "김바다"},
		{"the end of a phone", phone[len(phone)-4:]},
		{"a part of a phone", phone[4:9]},
		{"a phone", phone},
		{"an id", ids[0]},
	} {
		path := "/members?q=" + url.QueryEscape(search.text)
		turns, err := b.rounds(ctx, 1, contender{s.muster, always(get(path, s.token))})
		if err != nil {
			return fmt.Errorf("%s: %w", search.what, err)
		}
		p99 := spreadOf(each(turns[0], func(t turn) float64 { return milliseconds(t.percentile(0.99)) }))
		median := spreadOf(each(turns[0], func(t turn) float64 { return milliseconds(t.percentile(0.5)) })).Median
		r.atMost(searchReach, "ms", p99, "search for %s (%s), %d members: 99th percentile; the median is %.2f ms",
			search.what, search.text, s.members, median)
	}
	return nil
}

// aPhone is one of the store.
func (s store) aPhone() (phone string, err error) {
	db, err := sqlite3.OpenFlags(s.path, sqlite3.OPEN_READONLY)
	if err != nil {
		return "", fmt.Errorf("opening a store: %w", err)
	}
	defer db.Close()
	stmt, _, err := db.Prepare("select phone from users where deleted_at is null and phone like '+8210%' order by id limit 1 offset 100")
	if err != nil {
		return "", fmt.Errorf("asking for a phone: %w", err)
	}
	defer stmt.Close()
	for stmt.Step() {
		phone = stmt.ColumnText(0)
	}
	if phone == "" {
		return "", errors.Join(errors.New("no member has a phone"), stmt.Err())
	}
	return phone, nil
}

// measureMemory tells what the server holds after all that it was asked.
func (b *bench) measureMemory(r *report, s *servers) error {
	now, most, err := memory(s.muster.cmd.Process.Pid)
	if err != nil {
		return err
	}
	r.atMost(memoryReach, "MB", spread{now, most, most},
		"memory while serving %d members: now, and the most since the start", s.members)
	return nil
}
