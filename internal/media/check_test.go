package media_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster/internal/blob/dir"
	"github.com/musterhq/muster/internal/media"
	"github.com/musterhq/muster/session"
)

func TestCheckFindsMissingObjects(t *testing.T) {
	t.Parallel()
	db, list := setup(t, 2)
	store, err := dir.New(dir.Config{Folder: t.TempDir(), Secrets: [][]byte{make([]byte, 32)}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	there, gone, paper, deleted := photo(list[0], 1), photo(list[0], 2), document(list[1], "passport"), photo(list[1], 1)
	there.Key += ".jpg"
	if err := store.Put(t.Context(), there.Key, 1, strings.NewReader("x")); err != nil {
		t.Fatal(err)
	}
	err = db.Write(t.Context(), func(w *session.Write) error {
		w.Add(media.AddPhoto(there), media.AddPhoto(gone), media.AddPhoto(deleted), media.AddDocument(paper), media.DeletePhoto(list[1], deleted.ID, now))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	got, err := media.Check(t.Context(), db, store)
	want := media.Found{Checked: 3, Missing: 2, Keys: []string{gone.Key, paper.Key}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}
