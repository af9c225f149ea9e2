package directory

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/internal/field"
	"github.com/musterhq/muster/internal/ids"
	"github.com/musterhq/muster/internal/member"
	"github.com/musterhq/muster/internal/nameindex"
)

// ListOptions are the parameters of a list.
type ListOptions struct {
	Filter  Filter
	Sort    Sort             // the zero value: newest first
	After   *Cursor          // nil: from the beginning
	Limit   int              // 1 to [MaxLimit]; 0 is [DefaultLimit]
	Include member.Relations // loaded for the page, in one more round trip
}

// Filter narrows a list to the members that pass all of its fields. A zero field
// lets every member pass. The fields are the parameters of a request.
type Filter struct {
	Text          string          `query:"q" doc:"Free text: part of a name in any script, the last four digits of a phone, or an ID. More digits of a phone require phones:reveal and count as a reveal." maxLength:"100"`
	Status        []member.Status `query:"status" doc:"Any of these states."`
	Gender        []member.Gender `query:"gender" doc:"Any of these genders."`
	BirthYearFrom *int            `query:"birth_year_from" doc:"Born in this year or later." example:"1990" minimum:"1900" maximum:"2100"`
	BirthYearTo   *int            `query:"birth_year_to" doc:"Born in this year or earlier." example:"1990" minimum:"1900" maximum:"2100"`
	CreatedFrom   *time.Time      `query:"created_from" doc:"Created at this time or later." example:"2026-01-31T00:00:00Z"`
	CreatedTo     *time.Time      `query:"created_to" doc:"Created before this time." example:"2026-01-31T00:00:00Z"`
	UpdatedFrom   *time.Time      `query:"updated_from" doc:"Last changed at this time or later." example:"2026-01-31T00:00:00Z"`
	UpdatedTo     *time.Time      `query:"updated_to" doc:"Last changed before this time." example:"2026-01-31T00:00:00Z"`
	Region        string          `query:"region" doc:"The region of the profile, as it is stored."`
	HasPhotos     *bool           `query:"has_photos" doc:"With photos, or without."`
	HasDocuments  *bool           `query:"has_documents" doc:"With documents, or without."`
	Subscription  Subscription    `query:"subscription" doc:"The status of the current subscription, or none."`
	Plan          string          `query:"plan" doc:"The plan of the current subscription."`
	Deleted       Deleted         `query:"deleted" doc:"Deleted members are left out unless this asks for only them, or includes them."`
}

// Check implements [field.Checker]: ranges are in order.
func (f *Filter) Check(wrong *fault.Fields, prefix string) {
	field.Ordered(wrong, prefix+"birth_year_from", f.BirthYearFrom, prefix+"birth_year_to", f.BirthYearTo, func(from, to int) bool { return from > to })
	field.Ordered(wrong, prefix+"created_from", f.CreatedFrom, prefix+"created_to", f.CreatedTo, time.Time.After)
	field.Ordered(wrong, prefix+"updated_from", f.UpdatedFrom, prefix+"updated_to", f.UpdatedTo, time.Time.After)
}

// Subscription is a filter by the current subscription: a status, or
// [NoSubscription].
type Subscription string

// NoSubscription is the filter for members without a current subscription.
const NoSubscription Subscription = "none"

// Choices lists the filters.
func (Subscription) Choices() []string {
	return append(field.Strings(member.SubscriptionStatuses()), string(NoSubscription))
}

// Deleted is whether a list shows soft-deleted members.
type Deleted string

// Which members a list shows. The zero value leaves out soft-deleted ones.
const (
	WithoutDeleted Deleted = ""
	OnlyDeleted    Deleted = "only"
	AlsoDeleted    Deleted = "include"
)

// Choices lists the values of a request.
func (Deleted) Choices() []string { return []string{string(OnlyDeleted), string(AlsoDeleted)} }

// Sort is the order of a list. Members with equal keys are in the order of age, in
// the same direction. A member without a birth year sorts before year 1.
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

// Order is a sort in a request: a key, with a - before it for descending order.
type Order string

// Choices lists the orders.
func (Order) Choices() (list []string) {
	for _, k := range sortKeys {
		list = append(list, string(k), "-"+string(k))
	}
	return list
}

// Sort returns the sort of the order; the empty order is newest first.
func (o Order) Sort() Sort {
	name, descending := strings.CutPrefix(string(o), "-")
	if o == "" {
		return Sort{By: ByCreated}
	}
	return Sort{By: SortKey(name), Ascending: !descending}
}

// String returns the order of the sort.
func (s Sort) String() string {
	if s.Ascending {
		return string(s.By)
	}
	return "-" + string(s.By)
}

// Cursor is the place in a list after which a page starts. It holds the sort key
// of the last member, which may be a name: seal it before a caller sees it.
type Cursor struct {
	Sort  string     `json:"s"`
	Value string     `json:"v,omitempty"` // of the sort key, unless it is the age
	ID    ids.Member `json:"id"`
	Total *Total     `json:"t,omitempty"` // of a search, which counts once
}

// Page is a part of a list.
type Page struct {
	Items []member.Detail
	Next  *Cursor // nil on the last page
	Total Total
}

// Total is the number of members that pass a filter, or a lower bound of it.
type Total struct {
	Count int64 `json:"count" doc:"The number of members." example:"10000" minimum:"0"`
	Exact bool  `json:"exact" doc:"Whether the number is exact. If false, there are more."`
}

// Sizes of a page.
const (
	DefaultLimit = 50
	MaxLimit     = 200
)

// normal returns o with defaults.
func (o ListOptions) normal() ListOptions {
	o.Sort.By = cmp.Or(o.Sort.By, ByCreated)
	o.Limit = cmp.Or(o.Limit, DefaultLimit)
	return o
}

// check returns a fault with every wrong option. Faults: invalid.
func (o *ListOptions) check() error {
	var wrong fault.Fields
	if o.Limit < 1 || o.Limit > MaxLimit {
		wrong.Add("limit", field.CodeOutOfRange, "Must be from 1 to %d.", MaxLimit)
	}
	if !slices.Contains(sortKeys, o.Sort.By) {
		wrong.Add("sort", field.CodeNotAChoice, "Must be one of: %s.", strings.Join(Order("").Choices(), ", "))
	}
	field.For[Filter]().Check(&o.Filter, "", &wrong)
	if c := o.After; c != nil && (c.Sort != o.Sort.String() || c.ID.IsZero() || !o.Sort.By.fits(c.Value)) {
		wrong.Add("cursor", "cursor_invalid", "The cursor belongs to another list. Start again without a cursor.")
	}
	return wrong.Err()
}

// fits reports whether a cursor's value can be a value of the sort key.
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

// cursorAt returns the cursor of a list after u.
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
