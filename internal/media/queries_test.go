package media_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/musterhq/muster/internal/ids"
	"github.com/musterhq/muster/internal/media"
	"github.com/musterhq/muster/internal/member"
	"github.com/musterhq/muster/internal/testkit"
	"github.com/musterhq/muster/query"
	"github.com/musterhq/muster/session"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var now = time.Date(2026, 3, 15, 12, 0, 0, 123000, time.UTC)

// setup is a store with members.
func setup(t *testing.T, members int) (*session.DB, []ids.Member) {
	t.Helper()
	db := testkit.Open(t)
	list := make([]ids.Member, members)
	err := db.Write(t.Context(), func(w *session.Write) error {
		for i := range list {
			list[i] = member.Create(w, testkit.Recorder(), member.Rules{}, member.Detail{User: member.User{Name: "Someone", Gender: member.Other, Status: member.Pending}}, now).ID
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return db, list
}

func photo(m ids.Member, order int) media.Photo {
	id := ids.New[ids.Photo](now)
	return media.Photo{
		ID: id, MemberID: m, Key: fmt.Sprint("photos/", id), DisplayOrder: order, Status: media.Approved,
		ContentType: "image/jpeg", Bytes: 12345, Width: 640, Height: 480, SHA256: "abc", CreatedAt: id.Time(),
	}
}

func document(m ids.Member, kind string) media.Document {
	id := ids.New[ids.Document](now)
	return media.Document{
		ID: id, MemberID: m, Key: fmt.Sprint("documents/", id), Kind: kind, Status: media.Rejected, ContentType: "application/pdf",
		Bytes: 99, SHA256: "def", Reviewer: new("ann"), Reason: new("blurred"), ExpiresAt: new(now.Add(time.Hour)), CreatedAt: id.Time(),
	}
}

func TestPhotosAndDocuments(t *testing.T) {
	t.Parallel()
	db, list := setup(t, 3)
	a, b := list[0], list[1]
	photos := []media.Photo{photo(a, 2), photo(a, 1), photo(a, 3), photo(b, 1)}
	documents := []media.Document{document(a, "identity"), document(b, "income"), document(b, "identity")}
	err := db.Write(t.Context(), func(w *session.Write) error {
		for _, p := range photos {
			w.Add(media.AddPhoto(p))
		}
		for _, d := range documents {
			w.Add(media.AddDocument(d))
		}
		w.Add(media.DeletePhoto(a, photos[2].ID, now), media.DeleteDocument(b, documents[1].ID, now))
		w.Add(media.DeletePhoto(b, photos[0].ID, now)) // another member's
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	var (
		ofA, ofC     []media.Photo
		documentsOfB []media.Document
		all          map[ids.Member][]media.Photo
		allDocuments map[ids.Member][]media.Document
	)
	err = db.Read(t.Context(), func(r *session.Read) error {
		return r.Gather(t.Context(),
			query.Into(&ofA, media.PhotosOf(a)), query.Into(&ofC, media.PhotosOf(list[2])),
			query.Into(&documentsOfB, media.DocumentsOf(b)),
			query.Into(&all, media.PhotosOfAll(list)), query.Into(&allDocuments, media.DocumentsOfAll(list)))
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ want, got any }{
		"photos in the order of display": {[]media.Photo{photos[1], photos[0]}, ofA},
		"no photos":                      {[]media.Photo{}, ofC},
		"documents":                      {[]media.Document{documents[2]}, documentsOfB},
		"photos of all":                  {map[ids.Member][]media.Photo{a: {photos[1], photos[0]}, b: {photos[3]}}, all},
		"documents of all":               {map[ids.Member][]media.Document{a: {documents[0]}, b: {documents[2]}}, allDocuments},
	} {
		if diff := cmp.Diff(c.want, c.got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestListsAreBounded(t *testing.T) {
	t.Parallel()
	db, list := setup(t, 1)
	err := db.Write(t.Context(), func(w *session.Write) error {
		for i := range media.MaxPhotos + 5 {
			w.Add(media.AddPhoto(photo(list[0], i)), media.AddDocument(document(list[0], "identity")))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	err = db.Read(t.Context(), func(r *session.Read) error {
		photos, err1 := session.Run(t.Context(), r, media.PhotosOf(list[0]))
		documents, err2 := session.Run(t.Context(), r, media.DocumentsOf(list[0]))
		if len(photos) != media.MaxPhotos || len(documents) != media.MaxDocuments || err1 != nil || err2 != nil {
			t.Errorf("got %d photos and %d documents, %v, %v", len(photos), len(documents), err1, err2)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestOfNobody adds to a member that does not exist: the database refuses.
func TestOfNobody(t *testing.T) {
	t.Parallel()
	db, _ := setup(t, 0)
	for name, c := range map[string]query.Change{
		"photo": media.AddPhoto(photo(ids.New[ids.Member](now), 1)), "document": media.AddDocument(document(ids.New[ids.Member](now), "x")),
	} {
		err := db.Write(t.Context(), func(w *session.Write) error {
			w.Add(c)
			return nil
		})
		if err == nil {
			t.Errorf("a %s of nobody was added", name)
		}
	}
}
