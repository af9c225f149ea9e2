package export

import (
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/musterhq/muster/internal/csvfile"
	"github.com/musterhq/muster/internal/ids"
	"github.com/musterhq/muster/internal/media"
	"github.com/musterhq/muster/internal/member"
	"github.com/musterhq/muster/internal/privacy"
)

// record is a member as it is exported.
type record struct {
	member.Detail
	Photos    []photo    `json:"photos"`    // in place of the one in Detail
	Documents []document `json:"documents"` // likewise
}

// photo is a photo with the key of its object, and without a link.
type photo struct {
	ID           ids.Photo    `json:"id"`
	Key          string       `json:"key"`
	DisplayOrder int          `json:"display_order"`
	Status       media.Status `json:"status"`
	ContentType  string       `json:"content_type"`
	Bytes        int64        `json:"bytes"`
	Width        int          `json:"width"`
	Height       int          `json:"height"`
	SHA256       string       `json:"sha256"`
	CreatedAt    time.Time    `json:"created_at"`
}

// document is a document with the key of its object, and without a link.
type document struct {
	ID          ids.Document `json:"id"`
	Key         string       `json:"key"`
	Kind        string       `json:"kind"`
	Status      media.Status `json:"status"`
	ContentType string       `json:"content_type"`
	Bytes       int64        `json:"bytes"`
	SHA256      string       `json:"sha256"`
	Reviewer    *string      `json:"reviewer"`
	Reason      *string      `json:"reason"`
	ExpiresAt   *time.Time   `json:"expires_at"`
	CreatedAt   time.Time    `json:"created_at"`
}

// newRecord is what is written of a member: with what is masked as its mask,
// unless it is to be revealed.
func newRecord(d *member.Detail, reveal bool) record {
	if !reveal {
		masked := *d
		masked.Phone = privacy.PhoneOrNone(d.Phone)
		d = &masked
	}
	r := record{Detail: *d, Photos: make([]photo, len(d.Photos)), Documents: make([]document, len(d.Documents))}
	for i := range d.Photos {
		p := &d.Photos[i]
		r.Photos[i] = photo{
			ID: p.ID, Key: p.Key, DisplayOrder: p.DisplayOrder, Status: p.Status, ContentType: p.ContentType,
			Bytes: p.Bytes, Width: p.Width, Height: p.Height, SHA256: p.SHA256, CreatedAt: p.CreatedAt,
		}
	}
	for i := range d.Documents {
		p := &d.Documents[i]
		r.Documents[i] = document{
			ID: p.ID, Key: p.Key, Kind: p.Kind, Status: p.Status, ContentType: p.ContentType, Bytes: p.Bytes,
			SHA256: p.SHA256, Reviewer: p.Reviewer, Reason: p.Reason, ExpiresAt: p.ExpiresAt, CreatedAt: p.CreatedAt,
		}
	}
	return r
}

// encoder writes records in a format.
type encoder interface {
	encode(r *record) error
	flush() error
}

// lines writes each record as a line of JSON.
type lines struct{ out *json.Encoder }

func newLines(w io.Writer) lines {
	out := json.NewEncoder(w)
	out.SetEscapeHTML(false)
	return lines{out}
}

func (l lines) encode(r *record) error { return l.out.Encode(r) }

func (lines) flush() error { return nil }

// column is a cell of every row.
type column struct {
	name  string // dotted, as on the wire: "profile.height"
	index []int  // of the field in record
}

// columns are those of a CSV file, found in the types: a field that is added to
// a profile is exported without a change here.
var columns = columnsOf(reflect.TypeFor[record](), "", nil)

func columnsOf(t reflect.Type, prefix string, index []int) []column {
	var found []column
	for i := range t.NumField() {
		field := t.Field(i)
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		at := append(append([]int(nil), index...), i)
		typ := field.Type
		if typ.Kind() == reflect.Pointer {
			typ = typ.Elem()
		}
		switch {
		case name == "-", t == reflect.TypeFor[member.Detail]() && typ.Kind() == reflect.Slice:
			// replaced in record
		case field.Anonymous:
			found = append(found, columnsOf(typ, prefix, at)...)
		case typ.Kind() == reflect.Struct && typ != reflect.TypeFor[time.Time]():
			found = append(found, columnsOf(typ, prefix+name+".", at)...)
		default:
			found = append(found, column{prefix + name, at})
		}
	}
	return found
}

// rows writes each record as a row of CSV, behind a header.
type rows struct {
	out   *csvfile.Writer
	cells []string
}

func newRows(w io.Writer) (*rows, error) {
	r := &rows{out: csvfile.NewWriter(w, ','), cells: make([]string, len(columns))}
	for i, c := range columns {
		r.cells[i] = c.name
	}
	return r, r.out.Write(r.cells)
}

func (r *rows) encode(rec *record) (err error) {
	v := reflect.ValueOf(rec).Elem()
	for i, c := range columns {
		if r.cells[i], err = c.cell(v); err != nil {
			return err
		}
	}
	return r.out.Write(r.cells)
}

func (r *rows) flush() error { return r.out.Flush() }

// cell gives the text of the column; empty for what is absent.
func (c column) cell(v reflect.Value) (string, error) {
	for _, i := range c.index {
		if v.Kind() == reflect.Pointer {
			if v.IsNil() {
				return "", nil
			}
			v = v.Elem()
		}
		v = v.Field(i)
	}
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return "", nil
		}
		v = v.Elem()
	}
	return spell(v)
}

func spell(v reflect.Value) (string, error) {
	switch v.Kind() {
	case reflect.String:
		return v.String(), nil
	case reflect.Int, reflect.Int64:
		return strconv.FormatInt(v.Int(), 10), nil
	}
	switch x := v.Interface().(type) {
	case time.Time:
		return x.UTC().Format(time.RFC3339Nano), nil
	case []string:
		return csvfile.Join(x), nil
	case fmt.Stringer:
		return x.String(), nil
	default:
		if v.Kind() == reflect.Slice && v.Len() == 0 {
			return "", nil
		}
		text, err := json.Marshal(x)
		return string(text), err
	}
}
