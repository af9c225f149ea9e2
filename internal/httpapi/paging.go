package httpapi

import (
	"encoding/base64"
	"hash/fnv"

	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/internal/field"
	"github.com/musterhq/muster/internal/rest"
	"github.com/musterhq/muster/query"
)

// page are the parameters of a list that is read page by page.
type page struct {
	Limit  int    `query:"limit" doc:"The size of a page." default:"50" minimum:"1" maximum:"200"`
	Cursor string `query:"cursor" doc:"The next_cursor of the previous page, with the same filter and order." maxLength:"1024"`
}

// scopeOf identifies a list: its name, and its filter, which is a pointer to a
// struct, and order. How much of the list a page shows is not part of it.
func scopeOf(list string, filter any, order string) string {
	h := fnv.New128a()
	text, _ := field.AppendJSON(nil, filter) // it was read from text
	_, _ = h.Write(append(text, order...))
	return list + " " + base64.RawStdEncoding.EncodeToString(h.Sum(nil))
}

// openCursor returns the place in a list after which a page starts: nil for the
// first page. Faults: invalid, field cursor.
func openCursor[T any](key *query.CursorKey, scope, cursor string) (*T, error) {
	if cursor == "" {
		return nil, nil //nolint:nilnil // the first page
	}
	after := new(T)
	if err := key.Open(scope, cursor, after); err != nil {
		var f fault.Fields
		f.Add("cursor", rest.ErrCursor.Code, "%s", rest.ErrCursor.Message)
		return nil, f.Err()
	}
	return after, nil
}

// sealCursor returns the cursor of the next page: nil on the last.
func sealCursor[T any](key *query.CursorKey, scope string, next *T) (*string, error) {
	if next == nil {
		return nil, nil //nolint:nilnil // the last page
	}
	cursor, err := key.Seal(scope, next)
	return &cursor, err
}
