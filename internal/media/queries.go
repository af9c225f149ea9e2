package media

import (
	"time"

	"github.com/musterhq/muster/internal/ids"
	"github.com/musterhq/muster/query"
)

const photoColumns = "member_id, id, s3_key, display_order, status, content_type, bytes, width, height, sha256, created_at"

func (p *Photo) fields() []any {
	return []any{
		&p.MemberID, &p.ID, &p.Key, &p.DisplayOrder, (*string)(&p.Status), &p.ContentType,
		&p.Bytes, &p.Width, &p.Height, &p.SHA256, &p.CreatedAt,
	}
}

const documentColumns = "member_id, id, s3_key, kind, status, content_type, bytes, sha256, reviewer, reason, expires_at, created_at"

func (d *Document) fields() []any {
	return []any{
		&d.MemberID, &d.ID, &d.Key, &d.Kind, (*string)(&d.Status), &d.ContentType,
		&d.Bytes, &d.SHA256, &d.Reviewer, &d.Reason, &d.ExpiresAt, &d.CreatedAt,
	}
}

func scanPhoto(r query.Row) (p Photo, err error) {
	return p, r.Scan(p.fields()...)
}

func scanDocument(r query.Row) (d Document, err error) {
	return d, r.Scan(d.fields()...)
}

// PhotosOf are the photos of a member that are not deleted, in the order of
// their display; at most [MaxPhotos].
func PhotosOf(m ids.Member) query.Query[[]Photo] {
	return query.Many("select "+photoColumns+` from photos
		where member_id = $1 and deleted_at is null order by display_order, id limit $2`, scanPhoto, m, MaxPhotos)
}

// DocumentsOf are the documents of a member that are not deleted, the oldest
// first; at most [MaxDocuments].
func DocumentsOf(m ids.Member) query.Query[[]Document] {
	return query.Many("select "+documentColumns+` from documents
		where member_id = $1 and deleted_at is null order by id limit $2`, scanDocument, m, MaxDocuments)
}

// PhotosOfAll is [PhotosOf] for a page of members, by member; at most
// [MaxPhotos] for each on average.
func PhotosOfAll(list []ids.Member) query.Query[map[ids.Member][]Photo] {
	return query.Map(query.Many("select "+photoColumns+` from photos
		where member_id {in_ids $1} and deleted_at is null order by member_id, display_order, id limit $2`,
		scanPhoto, list, len(list)*MaxPhotos), byOwner(func(p Photo) ids.Member { return p.MemberID }))
}

// DocumentsOfAll is [DocumentsOf] for a page of members, by member; at most
// [MaxDocuments] for each on average.
func DocumentsOfAll(list []ids.Member) query.Query[map[ids.Member][]Document] {
	return query.Map(query.Many("select "+documentColumns+` from documents
		where member_id {in_ids $1} and deleted_at is null order by member_id, id limit $2`,
		scanDocument, list, len(list)*MaxDocuments), byOwner(func(d Document) ids.Member { return d.MemberID }))
}

func byOwner[T any](owner func(T) ids.Member) func([]T) (map[ids.Member][]T, error) {
	return func(list []T) (map[ids.Member][]T, error) {
		all := make(map[ids.Member][]T)
		for _, v := range list {
			all[owner(v)] = append(all[owner(v)], v)
		}
		return all, nil
	}
}

// AddPhoto adds a photo's row. Its ID and MemberID are set; CreatedAt is taken
// from the ID.
func AddPhoto(p Photo) query.Change {
	return query.Exec("insert into photos ("+photoColumns+") values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
		p.MemberID, p.ID, p.Key, p.DisplayOrder, string(p.Status), p.ContentType,
		p.Bytes, p.Width, p.Height, p.SHA256, p.ID.Time())
}

// AddDocument adds a document's row. Its ID and MemberID are set; CreatedAt is
// taken from the ID.
func AddDocument(d Document) query.Change {
	return query.Exec("insert into documents ("+documentColumns+") values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
		d.MemberID, d.ID, d.Key, d.Kind, string(d.Status), d.ContentType,
		d.Bytes, d.SHA256, d.Reviewer, d.Reason, d.ExpiresAt, d.ID.Time())
}

// DeletePhoto soft-deletes a photo. Fault: none; one that is absent or deleted
// is left as it is.
func DeletePhoto(m ids.Member, id ids.Photo, at time.Time) query.Change {
	return query.Exec("update photos set deleted_at = $3 where member_id = $1 and id = $2 and deleted_at is null", m, id, at)
}

// DeleteDocument soft-deletes a document. Fault: none; one that is absent or
// deleted is left as it is.
func DeleteDocument(m ids.Member, id ids.Document, at time.Time) query.Change {
	return query.Exec("update documents set deleted_at = $3 where member_id = $1 and id = $2 and deleted_at is null", m, id, at)
}
