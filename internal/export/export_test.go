package export_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/musterhq/muster/internal/csvfile"
	"github.com/musterhq/muster/internal/directory"
	"github.com/musterhq/muster/internal/export"
	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/internal/ids"
	"github.com/musterhq/muster/internal/importer"
	"github.com/musterhq/muster/internal/media"
	"github.com/musterhq/muster/internal/member"
	"github.com/musterhq/muster/internal/testkit"
	"github.com/musterhq/muster/session"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var rules = member.Rules{Imported: true}

func create(t testing.TB, db *session.DB, list ...member.Detail) []ids.Member {
	t.Helper()
	var made []ids.Member
	at := time.Now()
	drafts := make([]member.Draft, len(list))
	for i := range list {
		if err := rules.Check(&list[i], at); err != nil {
			t.Fatal(err)
		}
		drafts[i] = list[i].Draft()
	}
	err := db.Write(t.Context(), func(w *session.Write) (err error) {
		made, err = member.CreateMany(t.Context(), w, rules, drafts, at)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func exported(t testing.TB, db *session.DB, o export.Options) string {
	t.Helper()
	return write(t, db, o, false)
}

func write(t testing.TB, db *session.DB, o export.Options, masked bool) string {
	t.Helper()
	var out bytes.Buffer
	o.To, o.Reveal = &out, !masked
	if _, err := export.Run(t.Context(), db, o); err != nil {
		t.Fatalf("exporting: %v", err)
	}
	return out.String()
}

// kim has a value in every field.
func kim() member.Detail {
	started := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	return member.Detail{
		User: member.User{ExternalID: new("club/1"), CreatedAt: time.Date(2026, 2, 3, 4, 5, 6, 7000, time.UTC),
			Phone: new("+821012345678"), Name: "=Kim, \"바다\"", Gender: member.Female, BirthYear: new(1990), Status: member.Approved},
		Profile: &member.Profile{
			Height: new(170), Education: new("MBA"), Occupation: new("Lawyer"), Employer: new("@Home"), Income: new(int64(50_000_000)),
			Region: new("Seoul"), Religion: new("none"), Introduction: new("-1 line\n+1 line"),
		},
		Lifestyle: &member.Lifestyle{
			Smoking: new("no"), Drinking: new("rarely"), Exercise: new("daily"), Diet: new("vegan"),
			Pets: []string{"cat; black", `back\slash`}, Hobbies: []string{"chess"},
		},
		Preference: &member.Preference{
			AgeMin: new(30), AgeMax: new(40), HeightMin: new(160), HeightMax: new(190), Genders: []string{"male"},
			Regions: []string{"Seoul", "Busan"}, Educations: []string{"MBA"}, Religions: []string{"none"},
			Qualities: []string{"fun"}, Goal: new("marriage"),
		},
		Subscription: &member.Subscription{Plan: "gold", Status: member.SubscriptionPaused, StartedAt: started, ExpiresAt: new(started.AddDate(1, 0, 0))},
	}
}

func TestCSV(t *testing.T) {
	t.Parallel()
	db := testkit.Open(t)
	create(t, db, kim())
	text := exported(t, db, export.Options{Format: export.CSV})
	r := csvfile.NewReader(strings.NewReader(text), ',', "")
	header, err := r.Read()
	if err != nil {
		t.Fatal(err)
	}
	row, err := r.Read()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for i, name := range header.Cells {
		got[name] = row.Cells[i]
	}
	for name, want := range map[string]string{
		"external_id": "club/1", "phone": "+821012345678", "name": `=Kim, "바다"`, "gender": "female", "birth_year": "1990",
		"status": "approved", "created_at": "2026-02-03T04:05:06.000007Z", "deleted_at": "", "version": "1",
		"profile.income": "50000000", "profile.introduction": "-1 line\n+1 line", "lifestyle.pets": `cat\; black; back\\slash`,
		"preference.regions": "Seoul; Busan", "subscription.plan": "gold", "subscription.expires_at": "2027-03-01T00:00:00Z",
		"photos": "", "documents": "",
	} {
		if got[name] != want {
			t.Errorf("%s is %q, want %q", name, got[name], want)
		}
	}
	for _, raw := range []string{"'+821012345678", `"'=Kim, ""바다"""`, "'@Home", "\"'-1 line\n"} {
		if !strings.Contains(text, raw) {
			t.Errorf("the file has no guarded %s:\n%s", raw, text)
		}
	}
}

// Unless it reveals, an export shows what a list shows.
func TestPhonesAreMasked(t *testing.T) {
	t.Parallel()
	db := testkit.Open(t)
	create(t, db, kim())
	for _, format := range []export.Format{export.CSV, export.JSONL} {
		text := write(t, db, export.Options{Format: format}, true)
		if strings.Contains(text, "1012345678") || !strings.Contains(text, "+82 10-••••-5678") {
			t.Errorf("%s shows the phone, or no mask:\n%s", format, text)
		}
	}
}

func TestPhotosAndDocuments(t *testing.T) {
	t.Parallel()
	db := testkit.Open(t)
	id := create(t, db, kim())[0]
	at := time.Date(2026, 2, 3, 0, 0, 0, 0, time.UTC)
	err := db.Write(t.Context(), func(w *session.Write) error {
		w.Add(media.AddPhoto(id, media.Photo{
			ID: ids.New[ids.Photo](at), Key: "members/photo-key",
			DisplayOrder: 1, Status: media.Approved, ContentType: "image/jpeg", Bytes: 10, Width: 3, Height: 4,
			SHA256: strings.Repeat("a", 64), CreatedAt: at,
		}))
		w.Add(media.AddDocument(id, media.Document{
			ID: ids.New[ids.Document](at), Key: "members/document-key", Kind: "identity", Status: media.Pending,
			ContentType: "application/pdf", Bytes: 20, SHA256: strings.Repeat("b", 64), CreatedAt: at,
		}))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Photos    []map[string]any `json:"photos"`
		Documents []map[string]any `json:"documents"`
	}
	line := exported(t, db, export.Options{Format: export.JSONL})
	if err := json.Unmarshal([]byte(line), &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Photos) != 1 || got.Photos[0]["key"] != "members/photo-key" || got.Photos[0]["width"] != 3.0 {
		t.Errorf("got photos %v", got.Photos)
	}
	if len(got.Documents) != 1 || got.Documents[0]["key"] != "members/document-key" || got.Documents[0]["reviewer"] != nil {
		t.Errorf("got documents %v", got.Documents)
	}
	for _, text := range []string{line, exported(t, db, export.Options{Format: export.CSV})} {
		if strings.Contains(text, "url") || strings.Contains(text, "secret") || !strings.Contains(text, "members/document-key") {
			t.Errorf("the file contains a link, or lacks a key:\n%s", text)
		}
	}
}

func TestJSONLines(t *testing.T) {
	t.Parallel()
	db := testkit.Open(t)
	bare := member.Detail{User: member.User{Name: "<Bare>", Gender: member.Other}}
	create(t, db, kim(), bare)
	lines := strings.Split(strings.TrimSuffix(exported(t, db, export.Options{Format: export.JSONL}), "\n"), "\n")
	if len(lines) != 2 || !strings.Contains(lines[1], `"name":"<Bare>"`) || !strings.Contains(lines[1], `"profile":null`) {
		t.Fatalf("got %q", lines)
	}
	var got member.Detail
	if err := json.Unmarshal([]byte(lines[0]), &got); err != nil {
		t.Fatal(err)
	}
	want := kim()
	if diff := cmp.Diff(want.Profile, got.Profile); diff != "" {
		t.Errorf("profile (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want.Preference, got.Preference); diff != "" {
		t.Errorf("preference (-want +got):\n%s", diff)
	}
}

func TestDeleted(t *testing.T) {
	t.Parallel()
	db := testkit.Open(t)
	made := create(t, db, kim(), member.Detail{User: member.User{Name: "Stays", Gender: member.Male}})
	err := db.Write(t.Context(), func(w *session.Write) error {
		_, err := member.Delete(t.Context(), w, testkit.Recorder(), rules, made[0], nil, time.Now())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for deleted, want := range map[directory.Deleted]int{directory.WithoutDeleted: 1, directory.AlsoDeleted: 2, directory.OnlyDeleted: 1} {
		text := exported(t, db, export.Options{Format: export.JSONL, Deleted: deleted})
		if got := strings.Count(text, "\n"); got != want {
			t.Errorf("%q: got %d members, want %d", deleted, got, want)
		}
	}
}

// TestRoundTrip exports members, imports them into another store, and compares.
func TestRoundTrip(t *testing.T) {
	t.Parallel()
	m, err := importer.ReadMap("../../docs/examples/muster-export.toml")
	if err != nil {
		t.Fatal(err)
	}
	list := []member.Detail{kim(), {User: member.User{Name: "Bare", Gender: member.Other}}}
	text := rapid.StringOfN(rapid.RuneFrom([]rune("ab가,;\\\"'=+-@ ")), 1, 10, -1).Filter(func(s string) bool { return strings.TrimSpace(s) != "" })
	random := rapid.Custom(func(t *rapid.T) member.Detail {
		return member.Detail{
			User: member.User{Name: text.Draw(t, "name"), Gender: rapid.SampledFrom(member.Genders()).Draw(t, "gender"),
				Status: rapid.SampledFrom(member.Statuses()).Draw(t, "status")},
			Profile:   &member.Profile{Region: new(text.Draw(t, "region")), Height: new(rapid.IntRange(100, 250).Draw(t, "height"))},
			Lifestyle: &member.Lifestyle{Hobbies: rapid.SliceOfNDistinct(text, 1, 4, strings.TrimSpace).Draw(t, "hobbies")},
		}
	})
	for i := range 300 {
		list = append(list, random.Example(i))
	}
	from, to := testkit.Open(t), testkit.Open(t)
	create(t, from, list...)
	file := filepath.Join(t.TempDir(), "members.csv")
	if err := os.WriteFile(file, []byte(exported(t, from, export.Options{Format: export.CSV})), 0o600); err != nil {
		t.Fatal(err)
	}
	report, err := importer.Run(t.Context(), to, importer.Options{By: testkit.Recorder(), Map: m, File: file})
	if err != nil || report.Created != int64(len(list)) {
		t.Fatalf("got %+v, %v, want all created", report, err)
	}
	if diff := cmp.Diff(comparable(t, from), comparable(t, to)); diff != "" {
		t.Errorf("members (-exported +imported):\n%.3000s", diff)
	}
}

// comparable returns the members without what an import creates anew.
func comparable(t *testing.T, db *session.DB) map[string]map[string]any {
	t.Helper()
	all := map[string]map[string]any{}
	d := json.NewDecoder(strings.NewReader(exported(t, db, export.Options{Format: export.JSONL})))
	for {
		var m map[string]any
		if err := d.Decode(&m); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"id", "external_id", "updated_at"} {
			delete(m, name)
		}
		if s, ok := m["subscription"].(map[string]any); ok {
			delete(s, "id")
		}
		all[fmt.Sprint(m["name"], m["profile"], m["lifestyle"])] = m
	}
}

// TestOneSnapshot deletes members while they are exported.
func TestOneSnapshot(t *testing.T) {
	t.Parallel()
	db := testkit.Open(t)
	var list []member.Detail
	for i := range 1000 {
		list = append(list, member.Detail{User: member.User{Name: fmt.Sprint("Member ", i), Gender: member.Male}})
	}
	var made []ids.Member
	for part := range slices.Chunk(list, 50) {
		made = append(made, create(t, db, part...)...)
	}
	deleted := 0
	report, err := export.Run(t.Context(), db, export.Options{
		Format: export.CSV, To: io.Discard,
		Progress: func(done, all int64) {
			if all != 1000 {
				t.Errorf("got %d in all, want 1000", all)
			}
			err := db.Write(context.WithoutCancel(t.Context()), func(w *session.Write) error {
				_, err := member.Delete(t.Context(), w, testkit.Recorder(), rules, made[999-deleted], nil, time.Now())
				return err
			})
			if err != nil {
				t.Error(err)
			}
			deleted++
		},
	})
	if err != nil || report.Members != 1000 || deleted < 5 {
		t.Errorf("got %d members, %v, with %d deleted meanwhile; want 1000", report.Members, err, deleted)
	}
}

// full fails after a number of bytes.
type full struct{ left int }

var errFull = errors.New("no space left")

func (f *full) Write(p []byte) (int, error) {
	if f.left -= len(p); f.left < 0 {
		return 0, errFull
	}
	return len(p), nil
}

func TestFailures(t *testing.T) {
	t.Parallel()
	db := testkit.Open(t)
	create(t, db, kim())
	_, err := export.Run(t.Context(), db, export.Options{Format: "xlsx", To: io.Discard})
	if f := fault.As(err); f == nil || f.Code != "unknown_format" {
		t.Errorf("got %v, want unknown_format", err)
	}
	if _, err := export.Run(t.Context(), db, export.Options{Format: export.CSV, To: &full{left: 10}}); !errors.Is(err, errFull) {
		t.Errorf("got %v, want the destination's error", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := export.Run(ctx, db, export.Options{Format: export.CSV, To: io.Discard}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
}

// TestMemoryIsConstant measures the heap while members are written.
func TestMemoryIsConstant(t *testing.T) { //nolint:paralleltest // it measures the whole process
	db := testkit.Open(t)
	const members = 1200
	for start := 0; start < members; start += 50 {
		var list []member.Detail
		for i := range 50 {
			n := kim()
			n.ExternalID, n.Phone = new(fmt.Sprint("club/", start+i)), nil
			list = append(list, n)
		}
		create(t, db, list...)
	}
	var early, late uint64
	_, err := export.Run(t.Context(), db, export.Options{
		Format: export.JSONL, To: bufio.NewWriter(io.Discard),
		Progress: func(done, all int64) {
			runtime.GC()
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			if done < all/4 {
				early = max(early, m.HeapAlloc)
			} else {
				late = max(late, m.HeapAlloc)
			}
		},
	})
	if err != nil || early == 0 || late > early+4<<20 {
		t.Errorf("the heap grew from %d to %d bytes, %v", early, late, err)
	}
}

func BenchmarkExport(b *testing.B) {
	db := testkit.Open(b)
	const members = 2000
	for start := 0; start < members; start += 50 {
		var list []member.Detail
		for i := range 50 {
			n := kim()
			n.ExternalID, n.Phone = new(fmt.Sprint("club/", start+i)), nil
			list = append(list, n)
		}
		create(b, db, list...)
	}
	for _, format := range []export.Format{export.CSV, export.JSONL} {
		b.Run(string(format), func(b *testing.B) {
			for b.Loop() {
				if _, err := export.Run(b.Context(), db, export.Options{Format: format, To: io.Discard}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(members*float64(b.N)/b.Elapsed().Seconds(), "members/s")
		})
	}
}
