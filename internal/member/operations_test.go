package member_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/internal/ids"
	"github.com/musterhq/muster/internal/media"
	"github.com/musterhq/muster/internal/member"
	"github.com/musterhq/muster/internal/testkit"
	"github.com/musterhq/muster/session"
)

// whole is a new member with every field set.
func whole() member.Detail {
	text := func(s string) *string { return &s }
	return member.Detail{
		User: member.User{Phone: text("010-1234-5678"), Name: " 김바다 ", Gender: member.Male, BirthYear: new(1988)},
		Profile: &member.Profile{
			Height: new(181), Education: text("university"), Occupation: text("sailor"), Employer: text("the sea"),
			Income: new(int64(50_000_000)), Region: text("Busan"), Religion: text("none"), Introduction: text("one\ntwo"),
		},
		Lifestyle: &member.Lifestyle{
			Smoking: text("never"), Drinking: text("seldom"), Exercise: text("daily"), Diet: text("fish"),
			Pets: []string{"cat"}, Hobbies: []string{"sailing", "바둑"},
		},
		Preference: &member.Preference{
			AgeMin: new(25), AgeMax: new(40), HeightMin: new(150), HeightMax: new(190), Genders: []string{"female"},
			Regions: []string{"Busan", "Seoul"}, Educations: []string{"any"}, Religions: []string{"none"},
			Qualities: []string{"humour"}, Goal: text("family"),
		},
		Subscription: &member.Subscription{Plan: "gold", StartedAt: now.Add(-time.Hour), ExpiresAt: new(now.Add(time.Hour))},
	}
}

func TestCreateAndLoad(t *testing.T) {
	t.Parallel()
	b := setup(t)
	n := whole()
	if err := korea.Check(&n, now); err != nil {
		t.Fatal(err)
	}
	var want member.Detail
	trips := b.trips(func(ctx context.Context) {
		err := b.db.Write(ctx, func(w *session.Write) error {
			want = member.Create(w, testkit.Recorder(), korea, n, now)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	})
	if trips != 1 {
		t.Errorf("a create costs %d round trips, want 1", trips)
	}
	b.write(func(w *session.Write) error {
		for i := range 3 {
			p := media.Photo{
				ID: ids.New[ids.Photo](now), Key: fmt.Sprint("photo/", i), DisplayOrder: 3 - i, Status: media.Pending,
				ContentType: "image/jpeg", Bytes: 1000, Width: 3, Height: 4, SHA256: strings.Repeat("0", 64),
			}
			w.Add(media.AddPhoto(want.ID, p))
			if i == 0 {
				w.Add(media.DeletePhoto(want.ID, p.ID, now))
			}
		}
		w.Add(media.AddDocument(want.ID, media.Document{
			ID: ids.New[ids.Document](now), Key: "document/1", Kind: "identity", Status: media.Approved,
			ContentType: "application/pdf", Bytes: 5, SHA256: strings.Repeat("1", 64), Reviewer: new("ann"), ExpiresAt: new(now.Add(time.Hour)),
		}))
		return nil
	})

	var got member.Detail
	trips = b.trips(func(ctx context.Context) {
		err := b.db.Read(ctx, func(r *session.Read) (err error) {
			got, err = session.Run(ctx, r, member.Load(want.ID, member.WithAll))
			return err
		}, session.Once)
		if err != nil {
			t.Fatal(err)
		}
	})
	if trips != 1 {
		t.Errorf("a detail costs %d round trips, want 1", trips)
	}
	if len(got.Photos) != 2 || got.Photos[0].DisplayOrder != 1 || got.Photos[0].CreatedAt != now {
		t.Errorf("photos: got %+v", got.Photos)
	}
	if len(got.Documents) != 1 || got.Documents[0].Kind != "identity" || *got.Documents[0].Reviewer != "ann" {
		t.Errorf("documents: got %+v", got.Documents)
	}
	got.Photos, got.Documents = want.Photos, want.Documents
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("loaded otherwise than created (-want +got):\n%s", diff)
	}
	if *got.Phone != "+821012345678" || got.Name != "김바다" || got.CreatedAt != now || got.Status != member.Pending {
		t.Errorf("got %+v", got.User)
	}
}

func TestLoadRelations(t *testing.T) {
	t.Parallel()
	b := setup(t)
	full, bare := b.create(whole()), b.create(person("Bare"))
	all, err := b.load(full, member.WithAll)
	if err != nil {
		t.Fatal(err)
	}
	for rel := range member.WithAll + 1 {
		want := member.Detail{User: all.User}
		if rel&member.WithProfile != 0 {
			want.Profile = all.Profile
		}
		if rel&member.WithLifestyle != 0 {
			want.Lifestyle = all.Lifestyle
		}
		if rel&member.WithPreference != 0 {
			want.Preference = all.Preference
		}
		if rel&member.WithSubscription != 0 {
			want.Subscription = all.Subscription
		}
		if rel&member.WithPhotos != 0 {
			want.Photos = []media.Photo{}
		}
		if rel&member.WithDocuments != 0 {
			want.Documents = []media.Document{}
		}
		got, err := b.load(full, rel)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("relations %b: %v\n%s", rel, err, diff)
		}
	}
	err = b.db.Read(t.Context(), func(r *session.Read) error {
		none, err := session.Run(t.Context(), r, member.Load(bare, 0))
		if err != nil {
			return err
		}
		list, err := member.WithRelations(t.Context(), r, []member.User{none.User, all.User}, member.WithAll)
		if err != nil {
			return err
		}
		if len(list) != 2 || list[0].ID != bare || list[0].Profile != nil {
			t.Fatalf("WithRelations: got %+v", list)
		}
		if diff := cmp.Diff(all, list[1]); diff != "" {
			t.Errorf("WithRelations differs from Load (-want +got):\n%s", diff)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestNotFound(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := ids.New[ids.Member](now)
	want := "User " + id.String() + " not found"
	_, err := b.load(id, member.WithAll)
	if f := fault.As(err); f == nil || f.Kind != fault.NotFound || f.Code != "not_found" || f.Message != want {
		t.Errorf("load: got %v, want %q", err, want)
	}
	for name, op := range map[string]removal{"delete": member.Delete, "restore": member.Restore} {
		if _, err := b.do(op, id, nil); !errors.Is(err, member.NotFound(id)) {
			t.Errorf("%s: got %v, want %q", name, err, want)
		}
	}
	if _, err := b.update(id, "{}", nil); !errors.Is(err, member.NotFound(id)) {
		t.Errorf("update: got %v, want %q", err, want)
	}
}

func TestPhoneTaken(t *testing.T) {
	t.Parallel()
	b := setup(t)
	first := person("First")
	first.Phone = new("+82 10-1111-2222")
	one := b.create(first)
	other := person("Other")
	other.Phone = new("010 1111 2222")
	if err := korea.Check(&other, now); err != nil {
		t.Fatal(err)
	}
	createOther := func() (id ids.Member, err error) {
		err = b.db.Write(t.Context(), func(w *session.Write) error {
			id = member.Create(w, testkit.Recorder(), korea, other, now).ID
			return nil
		})
		return id, err
	}
	if _, err := createOther(); !errors.Is(err, member.ErrPhoneTaken) {
		t.Fatalf("a second member with the phone: got %v", err)
	}
	if _, err := b.do(member.Delete, one, nil); err != nil {
		t.Fatal(err)
	}
	two, err := createOther()
	if err != nil {
		t.Fatalf("the phone of a deleted member is free: %v", err)
	}
	if _, err := b.do(member.Restore, one, nil); !errors.Is(err, member.ErrPhoneTaken) {
		t.Errorf("restoring a member whose phone is taken: got %v", err)
	}
	three := b.create(person("Three"))
	if _, err := b.update(three, `{"phone": "+821011112222"}`, nil); !errors.Is(err, member.ErrPhoneTaken) {
		t.Errorf("patching to a phone that is taken: got %v", err)
	}
	if _, err := b.update(two, `{"phone": "010-3333-4444"}`, nil); err != nil {
		t.Fatal(err)
	}
	d, err := b.do(member.Restore, one, nil)
	if err != nil || d.DeletedAt != nil || *d.Phone != "+821011112222" {
		t.Errorf("restoring once the phone is free: got %+v, %v", d.User, err)
	}
}

func TestDeleteAndRestore(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.create(whole())
	before, err := b.load(id, member.WithAll)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.do(member.Delete, id, new(before.Version+1)); !errors.Is(err, member.ErrVersionMismatch) {
		t.Errorf("deleting another version: got %v", err)
	}
	gone, err := b.do(member.Delete, id, &before.Version)
	if err != nil || gone.DeletedAt == nil || gone.Version != before.Version+1 {
		t.Fatalf("deleting: got %+v, %v", gone.User, err)
	}
	if _, err := b.load(id, 0); !errors.Is(err, member.NotFound(id)) {
		t.Errorf("loading a deleted member: got %v", err)
	}
	kept, err := b.load(id, member.WithAll|member.IncludeDeleted)
	if diff := cmp.Diff(gone, kept); err != nil || diff != "" {
		t.Errorf("loading it all the same: %v\n%s", err, diff)
	}
	if _, err := b.do(member.Delete, id, nil); !errors.Is(err, member.NotFound(id)) {
		t.Errorf("deleting it again: got %v", err)
	}
	if _, err := b.update(id, `{"name": "X"}`, nil); !errors.Is(err, member.NotFound(id)) {
		t.Errorf("patching a deleted member: got %v", err)
	}
	back, err := b.do(member.Restore, id, nil)
	if err != nil || back.Version != before.Version+2 {
		t.Fatalf("restoring: got %+v, %v", back.User, err)
	}
	again, err := b.do(member.Restore, id, nil)
	if diff := cmp.Diff(back, again); err != nil || diff != "" {
		t.Errorf("restoring it again changes it: %v\n%s", err, diff)
	}
	back.Version, back.UpdatedAt = before.Version, before.UpdatedAt
	if diff := cmp.Diff(before, back); diff != "" {
		t.Errorf("restored otherwise than it was (-want +got):\n%s", diff)
	}
}

func TestTransitions(t *testing.T) {
	t.Parallel()
	b := setup(t)
	allowed := map[member.Status]string{
		member.Pending:   "approved rejected needs_info",
		member.NeedsInfo: "pending",
		member.Rejected:  "pending",
		member.Approved:  "suspended",
		member.Suspended: "approved",
	}
	for _, from := range member.Statuses() {
		for _, to := range member.Statuses() {
			n := person("Someone")
			n.Status = from
			id := b.create(n)
			d, err := b.update(id, fmt.Sprintf(`{"status": %q}`, to), nil)
			switch legal := strings.Contains(allowed[from], string(to)); {
			case from == to:
				if err != nil || d.Version != 1 {
					t.Errorf("%s stays: got version %d, %v", from, d.Version, err)
				}
			case legal:
				if err != nil || d.Status != to || d.Version != 2 {
					t.Errorf("%s to %s: got %+v, %v", from, to, d.User, err)
				}
			default:
				f := fault.As(err)
				if f == nil || f.Kind != fault.Conflict || f.Code != "illegal_transition" {
					t.Fatalf("%s to %s: got %v, want illegal_transition", from, to, err)
				}
				detail, _ := f.Detail.(member.Transition)
				if got := fmt.Sprint(detail.Allowed); got != "["+allowed[from]+"]" {
					t.Errorf("%s to %s: allowed are said to be %s, want %s", from, to, got, allowed[from])
				}
			}
		}
	}
}

// TestTransitionsInSQL goes around the check in Go.
func TestTransitionsInSQL(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.create(person("Someone"))
	d, err := b.load(id, 0)
	if err != nil {
		t.Fatal(err)
	}
	changed := d.User
	for _, c := range []struct {
		to   member.Status
		want error
	}{{member.Suspended, member.ErrVersionMismatch}, {member.Approved, nil}} {
		changed.Status = c.to
		err := b.db.Write(t.Context(), func(w *session.Write) error {
			w.Add(member.UpdateChange(&d.User, &changed))
			return nil
		})
		if !errors.Is(err, c.want) {
			t.Errorf("pending to %s: got %v, want %v", c.to, err, c.want)
		}
	}
}

func TestConcurrentUpdates(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.create(person("Someone"))
	const callers = 16
	results := make(chan error, callers)
	for i := range callers {
		go func() {
			_, err := b.update(id, fmt.Sprintf(`{"name": "Name %d"}`, i), new(int64(1)))
			results <- err
		}()
	}
	won := 0
	for range callers {
		err := <-results
		if err == nil {
			won++
		} else if !errors.Is(err, member.ErrVersionMismatch) {
			t.Errorf("got %v, want version_mismatch", err)
		}
	}
	if won != 1 {
		t.Errorf("%d of %d changes of one version were made, want 1", won, callers)
	}
}

func TestCreateMany(t *testing.T) {
	t.Parallel()
	b := setup(t)
	rules := korea
	rules.Imported = true
	drafts := make([]member.Draft, 700)
	list := make([]member.Detail, 700) // of more members and grams than travel together
	for i := range list {
		list[i] = person(fmt.Sprintf("Person number%d %c%c", i, '가'+7*i, '가'+11*i))
		list[i].ExternalID = new(fmt.Sprint("x", i))
		list[i].CreatedAt = now.Add(-time.Duration(i*7919%5000) * time.Hour)
		if err := rules.Check(&list[i], now); err != nil {
			t.Fatal(err)
		}
		drafts[i] = list[i].Draft()
	}
	create := func() (made []ids.Member, err error) {
		err = b.db.Write(t.Context(), func(w *session.Write) error {
			made, err = member.CreateMany(t.Context(), w, rules, drafts, now)
			return err
		})
		return made, err
	}
	made, err := create()
	if err != nil {
		t.Fatal(err)
	}
	for i, id := range made {
		d, err := b.load(id, 0)
		if err != nil || d.Name != list[i].Name || !d.CreatedAt.Equal(list[i].CreatedAt) {
			t.Fatalf("member %d: got %+v, %v", i, d.User, err)
		}
	}
	for i := 0; i < len(list); i += 33 {
		text := fmt.Sprintf("%c%c", '가'+7*i, '가'+11*i)
		if found := b.find(text); len(found) != 1 || found[0].ID != made[i] {
			t.Errorf("search for %s: found %v, want member %d", text, found, i)
		}
	}
	if _, err := create(); !errors.Is(err, member.ErrExternalTaken) {
		t.Errorf("the same batch again: got %v", err)
	}
	err = b.db.Read(t.Context(), func(r *session.Read) error {
		known, err := session.Run(t.Context(), r, member.KnownExternalIDs([]string{"x7", "y", "x8"}))
		if err != nil {
			return err
		}
		if len(known) != 2 {
			t.Errorf("known external ids: got %v", known)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	b.checkCounters()
}
