package directory

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/internal/ids"
	"github.com/musterhq/muster/internal/member"
	"github.com/musterhq/muster/internal/nameindex"
)

// ListOptions say which members a list shows, and how.
type ListOptions struct {
	Filter  Filter
	Sort    Sort             // the zero value: newest first
	After   *Cursor          // nil: from the beginning
	Limit   int              // 1 to 200; 0 is 50
	Include member.Relations // loaded for the page, in one more round trip
}

// Filter narrows a list. Every zero field lets all pass; the others must all
// hold.
type Filter struct {
	Status        []member.Status
	Gender        []member.Gender
	BirthYearFrom *int       // inclusive
	BirthYearTo   *int       // inclusive
	CreatedFrom   *time.Time // inclusive
	CreatedTo     *time.Time // exclusive
	UpdatedFrom   *time.Time // inclusive
	UpdatedTo     *time.Time // exclusive
	Region        string     // of the profile, as stored
	HasPhotos     *bool
	HasDocuments  *bool
	Subscription  string // a status of the current subscription, or "none"
	Plan          string // of the current subscription
	Text          string // free text: part of a name, a phone, an id
	Deleted       Deleted
}

// NoSubscription is the filter for members without a current subscription.
const NoSubscription = "none"

// Deleted says whether a list shows soft-deleted members.
type Deleted string

// What a list shows of soft-deleted members; the zero value shows none.
const (
	WithoutDeleted Deleted = ""
	OnlyDeleted    Deleted = "only"
	AlsoDeleted    Deleted = "include"
)

// Sort is the order of a list. Members that are alike in it are ordered by age,
// in the same direction; one without a birth year comes before year 1.
type Sort struct {
	By        SortKey // the zero value is created_at
	Ascending bool
}

// SortKey is what a list is ordered by.
type SortKey string

// The orders of a list.
const (
	ByCreated   SortKey = "created_at"
	ByUpdated   SortKey = "updated_at"
	ByName      SortKey = "name" // normalized, by code point
	ByBirthYear SortKey = "birth_year"
)

var sortKeys = []SortKey{ByCreated, ByUpdated, ByName, ByBirthYear}

// ParseSort reads "name" (ascending), "-name" (descending), and so on; the
// empty text is newest first. Faults: invalid, field sort.
func ParseSort(text string) (Sort, error) {
	if text == "" {
		return Sort{By: ByCreated}, nil
	}
	name, descending := strings.CutPrefix(text, "-")
	s := Sort{By: SortKey(name), Ascending: !descending}
	var f fault.Fields
	if !slices.Contains(sortKeys, s.By) {
		f.Add("sort", "invalid", "A list is sorted by created_at, updated_at, name or birth_year, with - before it for descending.")
	}
	return s, f.Err()
}

// String is the text that ParseSort reads.
func (s Sort) String() string {
	if s.Ascending {
		return string(s.By)
	}
	return "-" + string(s.By)
}

// Cursor is the place in a list after which a page starts. It holds what the
// last member was sorted by, which may be a name: seal it before it leaves.
type Cursor struct {
	Sort  string     `json:"s"`
	Value string     `json:"v,omitempty"` // of what the list is sorted by, unless that is the age
	ID    ids.Member `json:"id"`
	Total *Total     `json:"t,omitempty"` // of a search, which counts only once
}

// Page is a part of a list.
type Page struct {
	Items []member.Detail
	Next  *Cursor // nil on the last page
	Total Total
}

// Total is the number of members that pass a filter: exactly, or at least so
// many.
type Total struct {
	Count int64 `json:"count"`
	Exact bool  `json:"exact"`
}

// Sizes of a page.
const (
	DefaultLimit = 50
	MaxLimit     = 200
)

// normal is o with its defaults filled in.
func (o ListOptions) normal() ListOptions {
	o.Sort.By = cmp.Or(o.Sort.By, ByCreated)
	o.Limit = cmp.Or(o.Limit, DefaultLimit)
	o.Filter.Text = strings.TrimSpace(o.Filter.Text)
	return o
}

// check lists every option that is wrong. Faults: invalid.
func (o *ListOptions) check() error {
	var f fault.Fields
	x := &o.Filter
	if o.Limit < 1 || o.Limit > MaxLimit {
		f.Add("limit", "out_of_range", "A page has 1 to %d members.", MaxLimit)
	}
	if !slices.Contains(sortKeys, o.Sort.By) {
		f.Add("sort", "invalid", "A list is sorted by created_at, updated_at, name or birth_year.")
	}
	for _, s := range x.Status {
		if !slices.Contains(member.Statuses(), s) && !f.Has("status") {
			f.Add("status", "invalid", "A status is pending, approved, rejected, needs_info or suspended.")
		}
	}
	for _, g := range x.Gender {
		if !slices.Contains(member.Genders(), g) && !f.Has("gender") {
			f.Add("gender", "invalid", "A gender is male, female or other.")
		}
	}
	if !slices.Contains([]Deleted{WithoutDeleted, OnlyDeleted, AlsoDeleted}, x.Deleted) {
		f.Add("deleted", "invalid", "It is only or include.")
	}
	if s := x.Subscription; s != "" && s != NoSubscription && !slices.Contains(member.SubscriptionStatuses(), member.SubscriptionStatus(s)) {
		f.Add("subscription", "invalid", "A subscription is active, paused, cancelled, expired or none.")
	}
	if from, to := x.BirthYearFrom, x.BirthYearTo; from != nil && to != nil && *from > *to {
		f.Add("birth_year_from", "out_of_range", "It is at most birth_year_to.")
	}
	timesInOrder(&f, "created", x.CreatedFrom, x.CreatedTo)
	timesInOrder(&f, "updated", x.UpdatedFrom, x.UpdatedTo)
	for name, text := range map[string]string{"region": x.Region, "plan": x.Plan, "q": x.Text} {
		if utf8.RuneCountInString(text) > member.MaxWord || !member.Printable(text, false) {
			f.Add(name, "invalid", "It has at most %d printable characters.", member.MaxWord)
		}
	}
	if c := o.After; c != nil && (c.Sort != o.Sort.String() || c.ID.IsZero() || !o.Sort.By.fits(c.Value)) {
		f.Add("cursor", "invalid", "The cursor is of another list. Begin again without it.")
	}
	return f.Err()
}

func timesInOrder(f *fault.Fields, name string, from, to *time.Time) {
	if from != nil && to != nil && from.After(*to) {
		f.Add(name+"_from", "out_of_range", "It is at most %s_to.", name)
	}
	for suffix, t := range map[string]*time.Time{"_from": from, "_to": to} {
		if t != nil && (t.UTC().Year() < 1 || t.UTC().Year() > 9999) && !f.Has(name+suffix) {
			f.Add(name+suffix, "out_of_range", "It lies between the years 1 and 9999.")
		}
	}
}

// fits reports whether a cursor's value is one of the sort key.
func (k SortKey) fits(value string) bool {
	switch k {
	case ByUpdated:
		_, err := time.Parse(time.RFC3339Nano, value)
		return err == nil
	case ByBirthYear:
		_, err := strconv.Atoi(value)
		return err == nil
	default:
		return true
	}
}

// cursorAt is the cursor of a list after u.
func (s Sort) cursorAt(u *member.User) *Cursor {
	c := &Cursor{Sort: s.String(), ID: u.ID}
	switch s.By {
	case ByUpdated:
		c.Value = u.UpdatedAt.Format(time.RFC3339Nano)
	case ByName:
		c.Value = nameindex.Normalize(u.Name)
	case ByBirthYear:
		c.Value = strconv.Itoa(member.StoredYear(u.BirthYear))
	case ByCreated:
	}
	return c
}

// compare orders two members as the sort does.
func (s Sort) compare(a, b *member.User) int {
	var n int
	switch s.By {
	case ByUpdated:
		n = a.UpdatedAt.Compare(b.UpdatedAt)
	case ByName:
		n = cmp.Compare(nameindex.Normalize(a.Name), nameindex.Normalize(b.Name))
	case ByBirthYear:
		n = cmp.Compare(member.StoredYear(a.BirthYear), member.StoredYear(b.BirthYear))
	case ByCreated:
	}
	n = cmp.Or(n, a.ID.Compare(b.ID))
	if !s.Ascending {
		n = -n
	}
	return n
}
