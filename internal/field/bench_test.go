package field_test

import (
	"errors"
	"strconv"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/musterhq/muster/internal/field"
	"github.com/musterhq/muster/internal/ids"
)

// person has the fields of a member.
type person struct {
	ID         ids.Member `json:"id"`
	ExternalID *string    `json:"external_id"`
	Phone      *string    `json:"phone"`
	Name       string     `json:"name"`
	Gender     colour     `json:"gender"`
	BirthYear  *int       `json:"birth_year" db:"birth_year,zero"`
	Status     colour     `json:"status"`
	CreatedAt  time.Time  `json:"created_at" db:"-"`
	UpdatedAt  time.Time  `json:"updated_at"`
	DeletedAt  *time.Time `json:"deleted_at"`
	Version    int64      `json:"version"`
}

// withRelation is a member with a relation: its fields are those of an embedded
// struct.
type withRelation struct {
	person
	Profile *inner `json:"profile"`
}

type people struct {
	Items []withRelation `json:"items"`
	Next  *string        `json:"next_cursor"`
}

func somebody() person {
	at := time.Date(2026, 1, 31, 9, 0, 0, 123456000, time.UTC)
	return person{
		ID: ids.New[ids.Member](at), Phone: new("+821012345678"), Name: "김바다", Gender: "female", BirthYear: new(1992),
		Status: "pending", CreatedAt: at, UpdatedAt: at, Version: 7,
	}
}

// appendPerson is what one would write by hand.
func appendPerson(b []byte, p *person) []byte {
	b, _ = p.ID.AppendText(append(b, `"id":"`...))
	b = appendMaybe(append(b, `","external_id":`...), p.ExternalID)
	b = appendMaybe(append(b, `,"phone":`...), p.Phone)
	b = appendString(append(b, `,"name":`...), p.Name)
	b = appendString(append(b, `,"gender":`...), string(p.Gender))
	b = append(b, `,"birth_year":`...)
	if p.BirthYear == nil {
		b = append(b, "null"...)
	} else {
		b = strconv.AppendInt(b, int64(*p.BirthYear), 10)
	}
	b = appendString(append(b, `,"status":`...), string(p.Status))
	b = field.AppendTime(append(b, `,"created_at":`...), p.CreatedAt)
	b = field.AppendTime(append(b, `,"updated_at":`...), p.UpdatedAt)
	b = append(b, `,"deleted_at":`...)
	if p.DeletedAt == nil {
		b = append(b, "null"...)
	} else {
		b = field.AppendTime(b, *p.DeletedAt)
	}
	return strconv.AppendInt(append(b, `,"version":`...), p.Version, 10)
}

func appendPeople(b []byte, p *people) []byte {
	b = append(b, `{"items":[`...)
	for i := range p.Items {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendPerson(append(b, '{'), &p.Items[i].person), `,"profile":null}`...)
	}
	return append(appendMaybe(append(b, `],"next_cursor":`...), p.Next), '}')
}

func appendMaybe(b []byte, s *string) []byte {
	if s == nil {
		return append(b, "null"...)
	}
	return appendString(b, *s)
}

func appendString(b []byte, s string) []byte {
	b, _ = jsontext.AppendQuote(b, s)
	return b
}

// pointers and values are the lists that one would write by hand.
func (p *person) pointers() []any {
	return []any{
		&p.ID, &p.ExternalID, &p.Phone, &p.Name, (*string)(&p.Gender), &p.BirthYear, (*string)(&p.Status), &p.UpdatedAt, &p.DeletedAt, &p.Version,
	}
}

func scanByHand(r field.Row) (p person) {
	_ = r.Scan(p.pointers()...)
	return p
}

func (p *person) values() []any {
	return []any{
		p.ID, maybe(p.ExternalID), maybe(p.Phone), p.Name, string(p.Gender), maybe(p.BirthYear), string(p.Status), p.UpdatedAt, maybe(p.DeletedAt), p.Version,
	}
}

func maybe[T any](v *T) any {
	if v == nil {
		return nil
	}
	return *v
}

// BenchmarkFields compares what follows from a descriptor with what one would
// write by hand, and reports how much longer it takes.
func BenchmarkFields(b *testing.B) {
	one, s := somebody(), field.For[person]()
	page := people{Items: make([]withRelation, 50)}
	for i := range page.Items {
		page.Items[i].person = somebody()
	}
	buffer := make([]byte, 0, 64<<10)
	r, scanner := noRow{}, field.NewScanner[person]()
	for _, c := range []struct {
		name            string
		byHand, derived func()
	}{
		{"JSON of one", func() { buffer = append(appendPerson(append(buffer[:0], '{'), &one), '}') }, func() { buffer, _ = field.AppendJSON(buffer[:0], &one) }},
		{"JSON of 50", func() { buffer = appendPeople(buffer[:0], &page) }, func() { buffer, _ = field.AppendJSON(buffer[:0], &page) }},
		{"scan", func() { kept = scanByHand(field.Row(r)) }, func() { kept, _ = scanner.Scan(r) }},
		{"values", func() { sink = one.values() }, func() { sink = s.Values(nil, &one) }},
	} {
		b.Run(c.name, func(b *testing.B) {
			byHand, derived := time.Hour, time.Hour // the least of many short runs: a busy machine only adds
			for b.Loop() {
				byHand, derived = min(byHand, timed(c.byHand)), min(derived, timed(c.derived))
			}
			b.ReportMetric(float64(byHand.Nanoseconds())/runs, "ns-by-hand")
			b.ReportMetric(float64(derived.Nanoseconds())/runs, "ns-derived")
			b.ReportMetric(float64(derived)/float64(byHand), "ratio")
		})
	}
}

var (
	sink []any
	kept person
)

// noRow has nothing to scan.
type noRow struct{}

// Scan implements [field.Row].
//
//go:noinline
func (noRow) Scan(dest ...any) error {
	if len(dest) == 0 {
		return errors.ErrUnsupported
	}
	*dest[3].(*string) = "x"
	return nil
}

const runs = 20

func timed(fn func()) time.Duration {
	start := time.Now()
	for range runs {
		fn()
	}
	return time.Since(start)
}

// TestByHand holds the benchmark to comparing the same.
func TestByHand(t *testing.T) {
	t.Parallel()
	page := people{Items: []withRelation{{person: somebody()}, {person: somebody()}}}
	got, err := field.AppendJSON(nil, &page)
	if want := appendPeople(nil, &page); err != nil || string(got) != string(want) {
		t.Errorf("got  %s, %v\nwant %s", got, err, want)
	}
}
