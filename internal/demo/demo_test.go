package demo_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"image/jpeg"
	"io"
	"testing"
	"time"
	"unicode"

	"github.com/musterhq/muster/internal/blob"
	"github.com/musterhq/muster/internal/blob/dir"
	"github.com/musterhq/muster/internal/counters"
	"github.com/musterhq/muster/internal/demo"
	"github.com/musterhq/muster/internal/directory"
	"github.com/musterhq/muster/internal/member"
	"github.com/musterhq/muster/internal/testkit"
	"github.com/musterhq/muster/query"
	"github.com/musterhq/muster/session"
)

var now = time.Date(2026, time.May, 13, 15, 4, 5, 0, time.UTC)

func openMedia(t *testing.T) *dir.Store {
	t.Helper()
	s, err := dir.New(dir.Config{Folder: t.TempDir(), Secrets: [][]byte{make([]byte, 32)}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func read(t *testing.T, db *session.DB, fn func(*session.Read) error) {
	t.Helper()
	if err := db.Read(t.Context(), fn); err != nil {
		t.Fatal(err)
	}
}

func everyone(t *testing.T, db *session.DB) (list []member.Detail) {
	t.Helper()
	read(t, db, func(r *session.Read) error {
		o := directory.ListOptions{Filter: directory.Filter{Deleted: directory.AlsoDeleted}, Include: member.WithAll, Limit: directory.MaxLimit}
		for {
			page, err := directory.List(t.Context(), r, member.Rules{}, o)
			if err != nil {
				return err
			}
			list = append(list, page.Items...)
			if o.After = page.Next; o.After == nil {
				return nil
			}
		}
	})
	return list
}

func TestFill(t *testing.T) {
	t.Parallel()
	db, media := testkit.Open(t), openMedia(t)
	const members, illustrated = 400, 40
	var progress []int
	o := demo.Options{
		By:      testkit.Recorder(),
		Members: members, Media: illustrated, Seed: 1, Now: now,
		Progress: func(done, total int) {
			if progress = append(progress, done); total != members {
				t.Errorf("got a total of %d, want %d", total, members)
			}
		},
	}
	if err := demo.Fill(t.Context(), db, media, o); err != nil {
		t.Fatal(err)
	}
	if len(progress) == 0 || progress[len(progress)-1] != members {
		t.Errorf("the progress ended at %v, want %d", progress, members)
	}
	list := everyone(t, db)
	if len(list) != members {
		t.Fatalf("got %d members, want %d", len(list), members)
	}
	t.Run("variety", func(t *testing.T) { checkVariety(t, list) })
	t.Run("media", func(t *testing.T) { checkMedia(t, media, list, illustrated) })
	t.Run("numbers", func(t *testing.T) { checkNumbers(t, db) })
	t.Run("not again", func(t *testing.T) {
		if err := demo.Fill(t.Context(), db, media, o); !errors.Is(err, demo.ErrNotEmpty) {
			t.Errorf("got %v, want ErrNotEmpty", err)
		}
	})
}

func checkVariety(t *testing.T, list []member.Detail) {
	t.Helper()
	found := make(map[string]int)
	for i := range list {
		m := &list[i]
		found[string(m.Status)]++
		found[string(m.Gender)]++
		for name, table := range map[string]*unicode.RangeTable{
			"hangul": unicode.Hangul, "latin": unicode.Latin, "kana": unicode.Hiragana, "han": unicode.Han,
			"cyrillic": unicode.Cyrillic, "arabic": unicode.Arabic,
		} {
			for _, r := range m.Name {
				if unicode.Is(table, r) {
					found[name]++
					break
				}
			}
		}
		for name, has := range map[string]bool{
			"deleted": m.DeletedAt != nil, "profile": m.Profile != nil, "no profile": m.Profile == nil,
			"lifestyle": m.Lifestyle != nil, "no lifestyle": m.Lifestyle == nil,
			"preference": m.Preference != nil, "no preference": m.Preference == nil,
			"subscription": m.Subscription != nil, "no subscription": m.Subscription == nil,
			"photos": len(m.Photos) > 0, "no photos": len(m.Photos) == 0,
			"documents": len(m.Documents) > 0, "no documents": len(m.Documents) == 0,
			"introduction": m.Profile != nil && m.Profile.Introduction != nil,
		} {
			if has {
				found[name]++
			}
		}
	}
	for _, want := range []string{
		"pending", "approved", "rejected", "needs_info", "suspended", "male", "female", "other", "deleted",
		"hangul", "latin", "kana", "han", "cyrillic", "arabic", "introduction",
		"profile", "no profile", "lifestyle", "no lifestyle", "preference", "no preference",
		"subscription", "no subscription", "photos", "no photos", "documents", "no documents",
	} {
		if found[want] == 0 {
			t.Errorf("no member is or has: %s", want)
		}
	}
}

func checkMedia(t *testing.T, media blob.Store, list []member.Detail, newest int) {
	t.Helper()
	for i := range list {
		m := &list[i]
		if i >= newest && len(m.Photos)+len(m.Documents) > 0 {
			t.Fatalf("the member at %d has photos or documents, want them only for the %d newest", i, newest)
		}
		for _, p := range m.Photos {
			body := content(t, media, p.Key, p.Bytes, p.SHA256)
			config, err := jpeg.DecodeConfig(bytes.NewReader(body))
			if err != nil || config.Width != p.Width || config.Height != p.Height {
				t.Fatalf("a photo is %dx%d, its row says %dx%d: %v", config.Width, config.Height, p.Width, p.Height, err)
			}
		}
		for _, d := range m.Documents {
			body := content(t, media, d.Key, d.Bytes, d.SHA256)
			if !bytes.HasPrefix(body, []byte("%PDF-")) || !bytes.Contains(body, []byte("SPECIMEN")) {
				t.Fatalf("a document of kind %s is not a specimen", d.Kind)
			}
		}
	}
}

func content(t *testing.T, media blob.Store, key string, size int64, sum string) []byte {
	t.Helper()
	o, err := media.Open(t.Context(), key)
	if err != nil {
		t.Fatalf("opening %s: %v", key, err)
	}
	defer o.Close()
	body, err := io.ReadAll(o)
	if err != nil {
		t.Fatal(err)
	}
	got := sha256.Sum256(body)
	if int64(len(body)) != size || hex.EncodeToString(got[:]) != sum || o.ContentType != blob.TypeOf(key) {
		t.Fatalf("the object %s differs from its row", key)
	}
	return body
}

func checkNumbers(t *testing.T, db *session.DB) {
	t.Helper()
	read(t, db, func(r *session.Read) error {
		differences, err := counters.Check(t.Context(), r)
		if len(differences) > 0 {
			t.Errorf("the counters differ from a recount: %v", differences)
		}
		return err
	})
	read(t, db, func(r *session.Read) error {
		var deltas, former int
		err := r.Gather(t.Context(),
			query.Into(&deltas, query.Scalar[int]("select count(*) from member_delta")),
			query.Into(&former, query.Scalar[int]("select count(*) from subscription where not current")))
		if deltas != 0 {
			t.Errorf("%d deltas are not rolled up", deltas)
		}
		if former == 0 {
			t.Error("no member had a subscription before the current one")
		}
		return err
	})
}

func TestFillRefuses(t *testing.T) {
	t.Parallel()
	for name, members := range map[string]int{"fewer than none": -1, "too many": demo.MaxMembers + 1} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := demo.Fill(t.Context(), testkit.Open(t), nil, demo.Options{By: testkit.Recorder(), Members: members, Now: now}); err == nil {
				t.Error("got no error")
			}
		})
	}
}

func TestFillStops(t *testing.T) {
	t.Parallel()
	db := testkit.Open(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	err := demo.Fill(ctx, db, nil, demo.Options{
		By:      testkit.Recorder(),
		Members: 10_000, Now: now,
		Progress: func(int, int) { cancel() },
	})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v, want context.Canceled", err)
	}
	if n := len(everyone(t, db)); n == 0 || n > 1000 {
		t.Errorf("got %d members, want those of the first batches", n)
	}
}
