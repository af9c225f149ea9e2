package member_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster/internal/ids"
	"github.com/musterhq/muster/internal/media"
	"github.com/musterhq/muster/internal/member"
	"github.com/musterhq/muster/query"
	"github.com/musterhq/muster/session"
)

// several is a store with members.
func several(t *testing.T, members int) (*session.DB, []ids.Member) {
	t.Helper()
	b := setup(t)
	list := make([]ids.Member, members)
	for i := range list {
		list[i] = b.create(person("Someone"))
	}
	return b.db, list
}

func photo(order int) media.Photo {
	id := ids.New[ids.Photo](now)
	return media.Photo{
		ID: id, Key: fmt.Sprint("photos/", id), DisplayOrder: order, Status: media.Approved,
		ContentType: "image/jpeg", Bytes: 12345, Width: 640, Height: 480, SHA256: "abc", CreatedAt: id.Time(),
	}
}

func document(kind string) media.Document {
	id := ids.New[ids.Document](now)
	return media.Document{
		ID: id, Key: fmt.Sprint("documents/", id), Kind: kind, Status: media.Rejected, ContentType: "application/pdf",
		Bytes: 99, SHA256: "def", Reviewer: new("ann"), Reason: new("blurred"), ExpiresAt: new(now.Add(time.Hour)), CreatedAt: id.Time(),
	}
}

func TestPhotosAndDocuments(t *testing.T) {
	t.Parallel()
	db, list := several(t, 3)
	a, b := list[0], list[1]
	photos := []media.Photo{photo(2), photo(1), photo(3), photo(1)}
	documents := []media.Document{document("identity"), document("income"), document("identity")}
	err := db.Write(t.Context(), func(w *session.Write) error {
		for i, p := range photos {
			w.Add(media.AddPhoto(list[i/3], p))
		}
		for i, d := range documents {
			w.Add(media.AddDocument(list[(i+1)/2], d))
		}
		w.Add(media.DeletePhoto(a, photos[2].ID, now), media.DeleteDocument(b, documents[1].ID, now))
		w.Add(media.DeletePhoto(b, photos[0].ID, now)) // another member's
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	want := map[ids.Member]struct {
		photos    []media.Photo
		documents []media.Document
	}{
		a:       {[]media.Photo{photos[1], photos[0]}, []media.Document{documents[0]}},
		b:       {[]media.Photo{photos[3]}, []media.Document{documents[2]}},
		list[2]: {[]media.Photo{}, []media.Document{}},
	}
	err = db.Read(t.Context(), func(r *session.Read) error {
		users := make([]member.User, len(list))
		for i, id := range list {
			d, err := session.Run(t.Context(), r, member.Load(id, member.WithAll))
			if err != nil {
				return err
			}
			if diff := cmp.Diff(want[id].photos, d.Photos) + cmp.Diff(want[id].documents, d.Documents); diff != "" {
				t.Errorf("member %d (-want +got):\n%s", i, diff)
			}
			users[i] = d.User
		}
		page, err := member.WithRelations(t.Context(), r, users, member.WithPhotos|member.WithDocuments)
		for i, d := range page {
			if diff := cmp.Diff(want[d.ID].photos, d.Photos) + cmp.Diff(want[d.ID].documents, d.Documents); diff != "" {
				t.Errorf("member %d of the page (-want +got):\n%s", i, diff)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestListsAreBounded(t *testing.T) {
	t.Parallel()
	db, list := several(t, 1)
	err := db.Write(t.Context(), func(w *session.Write) error {
		for i := range media.MaxForMember + 5 {
			w.Add(media.AddPhoto(list[0], photo(i)), media.AddDocument(list[0], document("identity")))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	err = db.Read(t.Context(), func(r *session.Read) error {
		d, err := session.Run(t.Context(), r, member.Load(list[0], member.WithAll))
		if len(d.Photos) != media.MaxForMember || len(d.Documents) != media.MaxForMember {
			t.Errorf("got %d photos and %d documents", len(d.Photos), len(d.Documents))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestMediaOfNoMember adds to a member that does not exist: the database refuses.
func TestMediaOfNoMember(t *testing.T) {
	t.Parallel()
	db, _ := several(t, 0)
	nobody := ids.New[ids.Member](now)
	for name, c := range map[string]query.Change{"photo": media.AddPhoto(nobody, photo(1)), "document": media.AddDocument(nobody, document("x"))} {
		err := db.Write(t.Context(), func(w *session.Write) error {
			w.Add(c)
			return nil
		})
		if err == nil {
			t.Errorf("a %s of no member was added", name)
		}
	}
}
