package media_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/musterhq/muster/internal/blob/dir"
	"github.com/musterhq/muster/internal/ids"
	"github.com/musterhq/muster/internal/media"
	"github.com/musterhq/muster/internal/member"
	"github.com/musterhq/muster/internal/testkit"
	"github.com/musterhq/muster/session"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestCheckFindsMissingObjects(t *testing.T) {
	t.Parallel()
	store, err := dir.New(dir.Config{Folder: t.TempDir(), Secrets: [][]byte{make([]byte, 32)}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	if err := store.Put(t.Context(), "there.jpg", 1, strings.NewReader("x")); err != nil {
		t.Fatal(err)
	}
	db, now := testkit.Open(t), time.Now()
	photo := func(key string, order int) media.Photo {
		return media.Photo{ID: ids.New[ids.Photo](now), Key: key, DisplayOrder: order, Status: media.Approved, ContentType: "image/jpeg", Bytes: 1, SHA256: "abc"}
	}
	paper := media.Document{ID: ids.New[ids.Document](now), Key: "gone.pdf", Kind: "passport", Status: media.Pending, ContentType: "application/pdf", Bytes: 1, SHA256: "abc"}
	err = db.Write(t.Context(), func(w *session.Write) error {
		m := member.Create(w, testkit.Recorder(), member.Rules{}, member.Detail{User: member.User{Name: "Kim Bada", Gender: member.Other, Status: member.Pending}}, now).ID
		deleted := photo("deleted.jpg", 3)
		w.Add(media.AddPhoto(m, photo("there.jpg", 1)), media.AddPhoto(m, photo("no key", 2)), media.AddDocument(m, paper),
			media.AddPhoto(m, deleted), media.DeletePhoto(m, deleted.ID, now))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	got, err := media.Check(t.Context(), db, store)
	want := media.Found{Checked: 3, Missing: 2, Keys: []string{"no key", "gone.pdf"}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}
