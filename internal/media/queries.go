package media

import (
	"time"

	"github.com/musterhq/muster/internal/field"
	"github.com/musterhq/muster/internal/ids"
	"github.com/musterhq/muster/query"
)

var (
	insertPhoto    = field.For[Photo]().Insert("photos", "member_id")
	insertDocument = field.For[Document]().Insert("documents", "member_id")
)

// AddPhoto inserts a photo of a member. The caller sets its ID, which CreatedAt
// follows.
func AddPhoto(member ids.Member, p Photo) query.Change {
	p.CreatedAt = p.ID.Time()
	return query.Exec(insertPhoto, field.For[Photo]().Values([]any{member}, &p)...)
}

// AddDocument inserts a document of a member. The caller sets its ID, which
// CreatedAt follows.
func AddDocument(member ids.Member, d Document) query.Change {
	d.CreatedAt = d.ID.Time()
	return query.Exec(insertDocument, field.For[Document]().Values([]any{member}, &d)...)
}

// DeletePhoto soft-deletes a photo. It does nothing if the photo is absent or
// deleted.
func DeletePhoto(m ids.Member, id ids.Photo, at time.Time) query.Change {
	return query.Exec("update photos set deleted_at = $3 where member_id = $1 and id = $2 and deleted_at is null", m, id, at)
}

// DeleteDocument soft-deletes a document. It does nothing if the document is
// absent or deleted.
func DeleteDocument(m ids.Member, id ids.Document, at time.Time) query.Change {
	return query.Exec("update documents set deleted_at = $3 where member_id = $1 and id = $2 and deleted_at is null", m, id, at)
}
