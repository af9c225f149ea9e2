package blob_test

import (
	"mime"
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/musterhq/muster/internal/blob"
)

func TestLifetime(t *testing.T) {
	t.Parallel()
	at := func(s int64) time.Time { return time.Unix(1_800_000_000+s, 0) }
	for _, tt := range []struct {
		name        string
		now         time.Time
		expires     time.Duration
		from, until time.Time
	}{
		{"start of a window", at(0), time.Minute, at(0), at(90)},
		{"end of a window", at(29).Add(time.Second - 1), time.Minute, at(0), at(90)},
		{"next window", at(30), time.Minute, at(30), at(120)},
		{"shortest", at(7), 2 * time.Second, at(7), at(10)},
		{"shorter than links are", at(7), 0, at(7), at(8)},
		{"a fraction counts as a second", at(0), 2*time.Second + 1, at(0), at(4)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			from, until := blob.Lifetime(tt.now, tt.expires)
			if !from.Equal(tt.from) || !until.Equal(tt.until) {
				t.Errorf("got %v to %v, want %v to %v", from, until, tt.from, tt.until)
			}
		})
	}
}

func TestLifetimeHolds(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		now := time.Unix(rapid.Int64Range(0, 1<<33).Draw(t, "now"), rapid.Int64Range(0, 999_999_999).Draw(t, "ns"))
		expires := time.Duration(rapid.Int64Range(int64(blob.MinExpires), int64(blob.MaxExpires)).Draw(t, "expires"))
		from, until := blob.Lifetime(now, expires)
		whole := (expires + time.Second - 1).Truncate(time.Second)
		if from.After(now) {
			t.Errorf("good from %v, after now", from)
		}
		if life := until.Sub(now); life <= expires || life > whole+whole/2 {
			t.Errorf("lives %v, want within %v and half as long again", life, expires)
		}
		if total := until.Sub(from); total > 7*24*time.Hour {
			t.Errorf("lives %v in all, more than SigV4 takes", total)
		}
		if f, u := blob.Lifetime(from, expires); !f.Equal(from) || !u.Equal(until) {
			t.Errorf("at the start of its window: got %v to %v, want %v to %v", f, u, from, until)
		}
	})
}

func TestDisposition(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, filename, contentType, want string }{
		{"photo", "", "image/jpeg", "inline"},
		{"text", "", "text/plain; charset=utf-8", "inline"},
		{"PDF", "", "Application/PDF", "inline"},
		{"SVG runs scripts", "", "image/svg+xml", "attachment"},
		{"HTML runs scripts", "", "text/html", "attachment"},
		{"unknown", "", "application/octet-stream", "attachment"},
		{"ASCII", "lease 2.pdf", "application/pdf", `attachment; filename="lease 2.pdf"`},
		{"another script", "가족.pdf", "application/pdf", `attachment; filename="__.pdf"; filename*=UTF-8''%EA%B0%80%EC%A1%B1.pdf`},
		{"percent", "100%41.pdf", "application/pdf", `attachment; filename="100_41.pdf"; filename*=UTF-8''100%2541.pdf`},
		{"quote", `a".pdf`, "application/pdf", `attachment; filename="a_.pdf"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := blob.Disposition(tt.filename, tt.contentType); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestFilename(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, in, want string }{
		{"plain", "a.pdf", "a.pdf"},
		{"nothing", "", "download"},
		{"dots only", "...", "download"},
		{"parent", "../../etc/passwd", "_.._etc_passwd"},
		{"drive", `C:\a.exe`, "C__a.exe"},
		{"hidden", ".bashrc", "bashrc"},
		{"direction override", "a\u202efdp.exe", "a_fdp.exe"},
		{"control", "a\x00\x1b\r\n.pdf", "a____.pdf"},
		{"invalid UTF-8", "a\xff\xfe.pdf", "a__.pdf"},
		{"long", strings.Repeat("a", 300) + ".pdf", strings.Repeat("a", 146) + ".pdf"},
		{"long in another script", strings.Repeat("바", 100) + ".pdf", strings.Repeat("바", 48) + ".pdf"},
		{"long extension", "a." + strings.Repeat("b", 300), "a." + strings.Repeat("b", 148)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := blob.Filename(tt.in); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// FuzzDisposition reads the header back with another reader: it is one value,
// and names the file that Filename does.
func FuzzDisposition(f *testing.F) {
	for _, name := range []string{"a.pdf", "가족 관계.pdf", "a\"; x=\"y", "a\r\nX: y", "%41'.pdf", "\xff", "a\u202eb", ". .", strings.Repeat("é", 100)} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		safe := blob.Filename(name)
		if safe == "" || len(safe) > 150 || !utf8.ValidString(safe) || strings.ContainsAny(safe, "/\\\r\n\x00\"") || blob.Filename(safe) != safe {
			t.Errorf("Filename(%q): got %q", name, safe)
		}
		header := blob.Disposition(name+"x", "image/jpeg")
		kind, params, err := mime.ParseMediaType(header)
		if err != nil || kind != "attachment" || len(params) != 1 || params["filename"] != blob.Filename(name+"x") {
			t.Errorf("%q: got %s %v (%v), want an attachment %q", header, kind, params, err, blob.Filename(name+"x"))
		}
	})
}

func TestAppendEscape(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := string(rapid.SliceOf(rapid.Byte()).Draw(t, "s"))
		escaped := string(blob.AppendEscape([]byte("a="), want))
		got, err := url.ParseQuery(escaped)
		if err != nil || len(got) != 1 || got.Get("a") != want {
			t.Errorf("%q: got %q (%v), want %q", escaped, got, err, want)
		}
		if got := string(blob.AppendEscapePath([]byte("a="), want)); got != strings.ReplaceAll(escaped, "%2F", "/") {
			t.Errorf("as a path: got %q, want %q with slashes", got, escaped)
		}
	})
}
