package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/musterhq/muster/internal/ids"
	"github.com/musterhq/muster/internal/media"
	"github.com/musterhq/muster/query"
	"github.com/musterhq/muster/session"
)

// storing is the number of objects that are stored at once: each waits for the disk.
const storing = 8

// An album caches pictures and papers. One goroutine uses it.
type album struct {
	pictures [albumSize]*object
	papers   []*object
}

func (a *album) picture(seed uint64, n int) (*object, error) {
	if a.pictures[n] == nil {
		o, err := draw(seed, n)
		if err != nil {
			return nil, err
		}
		a.pictures[n] = &o
	}
	return a.pictures[n], nil
}

func (a *album) paper(kind int) *object {
	if a.papers == nil {
		a.papers = make([]*object, len(kinds))
	}
	if a.papers[kind] == nil {
		a.papers[kind] = new(specimen(kinds[kind]))
	}
	return a.papers[kind]
}

// illustrate stores the objects of a batch of members, and then their rows, so that
// no row names an object that does not exist.
func (f *filler) illustrate(ctx context.Context, people []person, created []ids.Member) error {
	var rows []query.Change
	group, storeCtx := errgroup.WithContext(ctx)
	group.SetLimit(storing)
	put := func(key string, o *object) {
		group.Go(func() error {
			return f.store.Put(storeCtx, key, int64(len(o.body)), bytes.NewReader(o.body))
		})
	}
	var failed error
	for i := 0; i < len(people) && failed == nil; i++ {
		var changes []query.Change
		changes, failed = f.illustrateOne(&people[i], created[i], put)
		rows = append(rows, changes...)
	}
	if err := errors.Join(failed, group.Wait()); err != nil {
		return fmt.Errorf("storing photos and documents: %w", err)
	}
	if len(rows) == 0 {
		return nil
	}
	return f.db.Write(ctx, func(w *session.Write) error {
		w.Add(rows...)
		return nil
	})
}

func (f *filler) illustrateOne(p *person, id ids.Member, put func(string, *object)) ([]query.Change, error) {
	rows := make([]query.Change, 0, len(p.photos)+len(p.documents))
	at := p.CreatedAt
	for i, pic := range p.photos {
		o, err := f.album.picture(f.Seed, pic.drawing)
		if err != nil {
			return nil, err
		}
		at = at.Add(time.Second)
		photo := media.Photo{
			ID: ids.New[ids.Photo](at), DisplayOrder: i + 1, Status: pic.status,
			ContentType: o.contentType, Bytes: int64(len(o.body)), Width: o.width, Height: o.height, SHA256: o.sha256,
		}
		photo.Key = fmt.Sprintf("members/%s/photos/%s.%s", id, photo.ID, o.extension)
		put(photo.Key, o)
		rows = append(rows, media.AddPhoto(id, photo))
	}
	for _, doc := range p.documents {
		o := f.album.paper(doc.kind)
		at = at.Add(time.Second)
		document := media.Document{
			ID: ids.New[ids.Document](at), Kind: kinds[doc.kind], Status: doc.status,
			ContentType: o.contentType, Bytes: int64(len(o.body)), SHA256: o.sha256, ExpiresAt: doc.expires,
		}
		document.Key = fmt.Sprintf("members/%s/documents/%s.%s", id, document.ID, o.extension)
		if doc.status != media.Pending {
			document.Reviewer = &doc.reviewer
		}
		if doc.status == media.Rejected {
			document.Reason = &doc.reason
		}
		put(document.Key, o)
		rows = append(rows, media.AddDocument(id, document))
	}
	return rows, nil
}
