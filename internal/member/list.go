package member

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/internal/ids"
	"github.com/musterhq/muster/query"
	"github.com/musterhq/muster/session"
)

// ListOptions say which members a list shows, and how.
type ListOptions struct {
	Filter  Filter
	Sort    Sort      // the zero value: newest first
	After   *Cursor   // nil: from the beginning
	Limit   int       // 1 to 200; 0 is 50
	Include Relations // loaded for the page, in one more round trip
}

// Filter narrows a list. Every zero field lets all pass; the others must all
// hold.
type Filter struct {
	Status        []Status
	Gender        []Gender
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
	ByName      SortKey = "name" // folded, by code point
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

// ParseInclude reads names of relations. Faults: invalid, field include.
func ParseInclude(names []string) (rel Relations, err error) {
	var f fault.Fields
	for _, name := range names {
		r, known := relationNames[name]
		if !known && !f.Has("include") {
			f.Add("include", "invalid", "A relation is profile, lifestyle, preference, subscription, photos or documents.")
		}
		rel |= r
	}
	return rel, f.Err()
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
	Items []Detail
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

// Once reports whether List costs one round trip with these options, so that
// its session may be opened with [session.Once].
func (o ListOptions) Once() bool {
	o = o.normal()
	return o.Filter.Text == "" && o.Include&WithAll == 0 && !o.needsEstimate()
}

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
		if !slices.Contains(Statuses(), s) && !f.Has("status") {
			f.Add("status", "invalid", "A status is pending, approved, rejected, needs_info or suspended.")
		}
	}
	for _, g := range x.Gender {
		if !slices.Contains(Genders(), g) && !f.Has("gender") {
			f.Add("gender", "invalid", "A gender is male, female or other.")
		}
	}
	if !slices.Contains([]Deleted{WithoutDeleted, OnlyDeleted, AlsoDeleted}, x.Deleted) {
		f.Add("deleted", "invalid", "It is only or include.")
	}
	if s := x.Subscription; s != "" && s != NoSubscription && !slices.Contains(subscriptionStatuses, SubscriptionStatus(s)) {
		f.Add("subscription", "invalid", "A subscription is active, paused, cancelled, expired or none.")
	}
	if from, to := x.BirthYearFrom, x.BirthYearTo; from != nil && to != nil && *from > *to {
		f.Add("birth_year_from", "out_of_range", "It is at most birth_year_to.")
	}
	timesInOrder(&f, "created", x.CreatedFrom, x.CreatedTo)
	timesInOrder(&f, "updated", x.UpdatedFrom, x.UpdatedTo)
	for name, text := range map[string]string{"region": x.Region, "plan": x.Plan, "q": x.Text} {
		if utf8.RuneCountInString(text) > MaxWord || !printable(text, false) {
			f.Add(name, "invalid", "It has at most %d printable characters.", MaxWord)
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
func (s Sort) cursorAt(u *User) *Cursor {
	c := &Cursor{Sort: s.String(), ID: u.ID}
	switch s.By {
	case ByUpdated:
		c.Value = u.UpdatedAt.Format(time.RFC3339Nano)
	case ByName:
		c.Value = fold(u.Name)
	case ByBirthYear:
		c.Value = strconv.Itoa(yearOf(u.BirthYear))
	case ByCreated:
	}
	return c
}

// compare orders two members as the sort does.
func (s Sort) compare(a, b *User) int {
	var n int
	switch s.By {
	case ByUpdated:
		n = a.UpdatedAt.Compare(b.UpdatedAt)
	case ByName:
		n = cmp.Compare(fold(a.Name), fold(b.Name))
	case ByBirthYear:
		n = cmp.Compare(yearOf(a.BirthYear), yearOf(b.BirthYear))
	case ByCreated:
	}
	n = cmp.Or(n, compareIDs(a.ID, b.ID))
	if !s.Ascending {
		n = -n
	}
	return n
}

// List gives a page of members that pass the filter, and their total. It costs
// one round trip; one more when relations are included; one more when it must
// first see which of several filters is the narrowest; and a few for a search,
// whose page may then be shorter than the limit although there is a next one.
// Faults: invalid, also for a text that too many members match to be sorted
// otherwise than newest first.
func List(ctx context.Context, r *session.Read, rules Rules, o ListOptions) (Page, error) {
	o = o.normal()
	if err := o.check(); err != nil {
		return Page{}, err
	}
	list := listed
	if o.Filter.Text != "" {
		list = searched
	}
	p, users, err := list(ctx, r, rules, o)
	if err != nil {
		return Page{}, fmt.Errorf("listing members: %w", err)
	}
	p.Items, err = withRelations(ctx, r, users, o.Include)
	if err != nil {
		return Page{}, fmt.Errorf("loading the relations of a page: %w", err)
	}
	return p, nil
}

// listed is a page of a list without free text.
func listed(ctx context.Context, r *session.Read, _ Rules, o ListOptions) (Page, []User, error) {
	plans, err := planned(ctx, r, o, nil)
	if err != nil {
		return Page{}, nil, err
	}
	return run(ctx, r, o, plans)
}

// run asks for the page and the total of each side, together, and makes one
// page of them.
func run(ctx context.Context, r *session.Read, o ListOptions, plans []plan) (Page, []User, error) {
	pages := make([][]User, len(plans))
	totals := make([]Total, len(plans))
	var parts []query.Part
	for i, p := range plans {
		parts = append(parts, query.Into(&pages[i], p.page()), query.Into(&totals[i], p.total()))
	}
	if err := r.Gather(ctx, parts...); err != nil {
		return Page{}, nil, err
	}
	users := slices.Concat(pages...)
	page := Page{Total: Total{Exact: true}}
	for _, t := range totals {
		page.Total.Count += t.Count
		page.Total.Exact = page.Total.Exact && t.Exact
	}
	if len(plans) > 1 {
		slices.SortFunc(users, func(a, b User) int { return o.Sort.compare(&a, &b) })
	}
	if len(users) > o.Limit {
		users = users[:o.Limit]
		page.Next = o.Sort.cursorAt(&users[o.Limit-1])
	}
	return page, users, nil
}

func withRelations(ctx context.Context, r *session.Read, users []User, rel Relations) ([]Detail, error) {
	var x relations
	if rel&WithAll != 0 && len(users) > 0 {
		list := make([]ids.Member, len(users))
		for i, u := range users {
			list[i] = u.ID
		}
		var err error
		if x, err = session.Run(ctx, r, relationsOf(list, rel)); err != nil {
			return nil, err
		}
	}
	return x.attach(users, rel), nil
}
