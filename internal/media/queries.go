package media

import (
	"strconv"
	"strings"
	"time"

	"github.com/musterhq/muster/internal/field"
	"github.com/musterhq/muster/internal/ids"
	"github.com/musterhq/muster/query"
)

var (
	insertPhoto    = insertText("photos", field.For[Photo]())
	insertDocument = insertText("documents", field.For[Document]())
)

func insertText(table string, s *field.Struct) string {
	columns := append([]string{"member_id"}, s.ColumnNames()...)
	places := make([]string, len(columns))
	for i := range places {
		places[i] = "$" + strconv.Itoa(i+1)
	}
	return "insert into " + table + " (" + strings.Join(columns, ", ") + ") values (" + strings.Join(places, ", ") + ")"
}

// AddPhoto adds the row of a photo of a member. Its ID is set; CreatedAt is
// taken from the ID.
func AddPhoto(member ids.Member, p Photo) query.Change {
	p.CreatedAt = p.ID.Time()
	return query.Exec(insertPhoto, field.For[Photo]().Values([]any{member}, &p)...)
}

// AddDocument adds the row of a document of a member. Its ID is set; CreatedAt
// is taken from the ID.
func AddDocument(member ids.Member, d Document) query.Change {
	d.CreatedAt = d.ID.Time()
	return query.Exec(insertDocument, field.For[Document]().Values([]any{member}, &d)...)
}

// DeletePhoto soft-deletes a photo. A photo that is absent or deleted stays as
// it is.
func DeletePhoto(m ids.Member, id ids.Photo, at time.Time) query.Change {
	return query.Exec("update photos set deleted_at = $3 where member_id = $1 and id = $2 and deleted_at is null", m, id, at)
}

// DeleteDocument soft-deletes a document. A document that is absent or deleted
// stays as it is.
func DeleteDocument(m ids.Member, id ids.Document, at time.Time) query.Change {
	return query.Exec("update documents set deleted_at = $3 where member_id = $1 and id = $2 and deleted_at is null", m, id, at)
}
