package export

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"strconv"
	"time"

	"github.com/musterhq/muster/internal/csvfile"
	"github.com/musterhq/muster/internal/field"
	"github.com/musterhq/muster/internal/member"
	"github.com/musterhq/muster/internal/privacy"
)

// column is a field of a member as it is exported.
type column struct {
	*field.Field
	name    string   // in CSV: "profile.height"
	quoted  string   // in JSON, with its colon
	columns []column // of an object, or of each object of a list
}

// columns are those of a member. They follow from its descriptor.
var columns = columnsOf(field.For[member.Detail](), "")

// objectKey is the column in which a row has the key of an object in the store.
const objectKey = "s3_key"

// columnsOf returns the fields of a struct that are exported: those on the wire.
// Where the row has the key of an object, that key takes the place of the links,
// which have no column.
func columnsOf(s *field.Struct, prefix string) (list []column) {
	hasObject := false
	for _, f := range s.Fields {
		name := f.Name
		if f.Column == objectKey {
			hasObject, name = true, "key"
		}
		if name == "" || hasObject && f.Column == "" {
			continue
		}
		c := column{Field: f, name: prefix + name, quoted: strconv.Quote(name) + ":"}
		if f.Struct != nil {
			c.columns = columnsOf(f.Struct, prefix+name+".")
		}
		list = append(list, c)
	}
	return list
}

// record encodes members, with masks unless reveal.
type record struct{ reveal bool }

// value returns the value of a column in v, as it is exported.
func (r record) value(c *column, v reflect.Value) any {
	value := c.Value(c.In(v))
	if r.reveal {
		return value
	}
	return privacy.Mask(c.Mask, value)
}

// object appends a struct as JSON.
func (r record) object(b []byte, columns []column, v reflect.Value) (_ []byte, err error) {
	b = append(b, '{')
	for i := range columns {
		if i > 0 {
			b = append(b, ',')
		}
		if b, err = r.json(append(b, columns[i].quoted...), &columns[i], v); err != nil {
			return nil, err
		}
	}
	return append(b, '}'), nil
}

// json appends the value of a column in v as JSON.
func (r record) json(b []byte, c *column, v reflect.Value) ([]byte, error) {
	place := c.In(v)
	switch {
	case c.Nullable && c.Kind != field.Objects && place.IsNil():
		return append(b, "null"...), nil
	case c.Kind == field.Object:
		return r.object(b, c.columns, reflect.Indirect(place))
	case c.Kind == field.Objects:
		return r.list(b, c, place)
	case c.Mask != "":
		text, err := json.Marshal(r.value(c, v))
		return append(b, text...), err
	default:
		return c.Append(b, v.Addr().Interface())
	}
}

func (r record) list(b []byte, c *column, list reflect.Value) (_ []byte, err error) {
	b = append(b, '[')
	for i := range list.Len() {
		if i > 0 {
			b = append(b, ',')
		}
		if b, err = r.object(b, c.columns, list.Index(i)); err != nil {
			return nil, err
		}
	}
	return append(b, ']'), nil
}

// encoder writes members in a format.
type encoder interface {
	encode(d *member.Detail) error
	flush() error
}

// lines writes each member as a line of JSON.
type lines struct {
	record
	out io.Writer
	buf []byte
}

func (l *lines) encode(d *member.Detail) (err error) {
	if l.buf, err = l.object(l.buf[:0], columns, reflect.ValueOf(d).Elem()); err != nil {
		return err
	}
	_, err = l.out.Write(append(l.buf, '\n'))
	return err
}

func (*lines) flush() error { return nil }

// rows writes each member as a row of CSV, below a header. Each field of an object
// has a cell.
type rows struct {
	record
	out   *csvfile.Writer
	cells []string
}

func newRows(w io.Writer, reveal bool) (*rows, error) {
	r := &rows{record: record{reveal}, out: csvfile.NewWriter(w, ',')}
	err := r.write(reflect.Value{}, func(c *column, _ reflect.Value) (string, error) { return c.name, nil })
	return r, err
}

func (r *rows) encode(d *member.Detail) error { return r.write(reflect.ValueOf(d).Elem(), r.cell) }

func (r *rows) flush() error { return r.out.Flush() }

// write writes a row of the cells that cell returns for the columns of v.
func (r *rows) write(v reflect.Value, cell func(*column, reflect.Value) (string, error)) error {
	r.cells = r.cells[:0]
	if err := r.fill(columns, v, cell); err != nil {
		return err
	}
	return r.out.Write(r.cells)
}

// fill appends the cells of v, which is invalid for an absent object.
func (r *rows) fill(columns []column, v reflect.Value, cell func(*column, reflect.Value) (string, error)) (err error) {
	for i := range columns {
		c := &columns[i]
		if c.Kind == field.Object {
			object := v
			if v.IsValid() {
				object = reflect.Indirect(c.In(v))
			}
			err = r.fill(c.columns, object, cell)
		} else {
			var text string
			text, err = cell(c, v)
			r.cells = append(r.cells, text)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// cell returns the text of a column in v; empty for an absent value.
func (r *rows) cell(c *column, v reflect.Value) (string, error) {
	switch {
	case !v.IsValid():
		return "", nil
	case c.Kind == field.Objects:
		return r.objects(c, c.In(v))
	}
	switch x := r.value(c, v).(type) {
	case nil:
		return "", nil
	case string:
		return x, nil
	case []string:
		return csvfile.Join(x), nil
	case time.Time:
		return x.UTC().Format(time.RFC3339Nano), nil
	case fmt.Stringer:
		return x.String(), nil
	default:
		text, err := json.Marshal(x)
		return string(text), err
	}
}

// objects returns a list of objects as JSON.
func (r *rows) objects(c *column, list reflect.Value) (string, error) {
	if list.Len() == 0 {
		return "", nil
	}
	text, err := r.list(nil, c, list)
	var escaped bytes.Buffer
	json.HTMLEscape(&escaped, text)
	return escaped.String(), err
}
