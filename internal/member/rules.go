package member

import (
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/musterhq/muster/internal/counters"
	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/internal/ids"
	"github.com/musterhq/muster/internal/nameindex"
	"github.com/musterhq/muster/internal/privacy"
)

// Rules are what a store was configured with. The zero value takes phones in
// their international form only, and counts days in UTC.
type Rules struct {
	Region   string         // ISO 3166 code of the country that local phones are of: "KR"
	Zone     *time.Location // in which days are counted
	Imported bool           // a phone and a birth year may be absent, a phone be out of use, and the status be any
}

// DayOf returns the day of a moment in the zone of the rules.
func (r Rules) DayOf(t time.Time) counters.Day { return counters.DayOf(t, r.Zone) }

// kindOf is what a member is counted by, or nil for none.
func (r Rules) kindOf(u *User) *counters.Kind {
	if u == nil {
		return nil
	}
	return new(counters.KindOf(u.ID.Time(), r.Zone, string(u.Gender), string(u.Status)))
}

// New is what a member is created from. Check it before it is used.
type New struct {
	ExternalID   *string       `json:"-"` // imports: the key in the system it comes from
	CreatedAt    *time.Time    `json:"-"` // imports: when it was created there
	Phone        *string       `json:"phone"`
	Name         string        `json:"name"`
	Gender       Gender        `json:"gender"`
	BirthYear    *int          `json:"birth_year"`
	Status       Status        `json:"status,omitempty"` // the zero value is pending
	Profile      *Profile      `json:"profile,omitempty"`
	Lifestyle    *Lifestyle    `json:"lifestyle,omitempty"`
	Preference   *Preference   `json:"preference,omitempty"`
	Subscription *Subscription `json:"subscription,omitempty"`

	// For the search index, made by Check of an import.
	normalized string   // the name
	grams      []string // of name and phone
}

// Bounds of what a member may hold.
const (
	MaxName      = 100 // characters
	MaxWord      = 200 // characters of a short text
	MaxText      = 4000
	MaxList      = 50 // entries of a list
	MinAge       = 18 // in the year of admission
	minBirthYear = 1900
	maxIncome    = 1_000_000_000_000
)

// Check brings n into the form that is stored (the phone as E.164, texts
// trimmed and in NFC, the status set) and lists every field that is wrong. What
// n points to is not changed, but replaced. Faults: invalid.
func (n *New) Check(rules Rules, at time.Time) error {
	c := checker{rules: rules, at: at}
	c.external(n)
	n.Phone = c.phone(n.Phone, rules.Imported)
	n.Name = c.name(n.Name)
	c.gender(n.Gender)
	c.birthYear(n.BirthYear, rules.Imported)
	if n.Status == "" {
		n.Status = Pending
	}
	c.status(n.Status)
	if !rules.Imported && c.ok("status") && n.Status != Pending {
		c.Add("status", "not_allowed", "A new member is pending.")
	}
	n.Profile = checked(&c, n.Profile)
	n.Lifestyle = checked(&c, n.Lifestyle)
	n.Preference = checked(&c, n.Preference)
	n.Subscription = checked(&c, n.Subscription)
	if rules.Imported { // beside the write session, which has better to do
		n.normalized = nameindex.Normalize(n.Name)
		n.grams = nameindex.Grams(n.normalized, n.Phone)
	}
	return c.Err()
}

// normalizedName is the name in the form in which it is compared.
func (n *New) normalizedName() string {
	if n.normalized == "" {
		return nameindex.Normalize(n.Name)
	}
	return n.normalized
}

// entry is the member in the search index.
func (n *New) entry(id ids.Member) nameindex.Entry {
	grams := n.grams
	if grams == nil {
		grams = nameindex.Grams(n.normalizedName(), n.Phone)
	}
	return nameindex.Entry{ID: id, Grams: grams}
}

// created is when the member that is made of n at a time was created.
func (n *New) created(at time.Time) time.Time {
	if n.CreatedAt != nil {
		return *n.CreatedAt
	}
	return at
}

// checker notes what is wrong with a member's fields.
type checker struct {
	fault.Fields
	rules Rules
	at    time.Time
}

func (c *checker) ok(field string) bool { return !c.Has(field) }

func (c *checker) external(n *New) {
	if id := n.ExternalID; id != nil && (*id == "" || utf8.RuneCountInString(*id) > MaxWord || !Printable(*id, false)) {
		c.Add("external_id", "invalid", "An external id has 1 to %d printable characters.", MaxWord)
	}
	if t := n.CreatedAt; t != nil && (t.Year() < 1970 || t.After(c.at)) {
		c.Add("created_at", "out_of_range", "A member was created between 1970 and now.")
	}
}

func (c *checker) phone(phone *string, optional bool) *string {
	if phone == nil || strings.TrimSpace(*phone) == "" {
		if !optional {
			c.Add("phone", "required", "A phone number is required.")
		}
		return nil
	}
	if privacy.IsMask(*phone) {
		c.Add("phone", "masked", "This is what is shown in place of a phone, and no phone: leave it out to keep the one that is stored.")
		return nil
	}
	e164, ok := ParsePhone(*phone, c.rules.Region, !c.rules.Imported)
	switch {
	case ok:
	case c.rules.Region == "":
		c.Add("phone", "invalid", "There is no such phone number. Write it in the international form, such as +82 10 1234 5678.")
	default:
		c.Add("phone", "invalid", "There is no such phone number. Write it as it is dialled in %s, or in the international form, such as +82 10 1234 5678.", c.rules.Region)
	}
	return &e164
}

func (c *checker) name(name string) string {
	name = norm.NFC.String(strings.TrimSpace(name))
	switch n := utf8.RuneCountInString(name); {
	case n == 0:
		c.Add("name", "required", "A name is required.")
	case n > MaxName:
		c.Add("name", "too_long", "A name has at most %d characters.", MaxName)
	case !Printable(name, false):
		c.Add("name", "invalid", "A name has no control characters.")
	}
	return name
}

func (c *checker) gender(g Gender) {
	switch {
	case g == "":
		c.Add("gender", "required", "A gender is required: male, female or other.")
	case !slices.Contains(Genders(), g):
		c.Add("gender", "invalid", "A gender is male, female or other.")
	}
}

func (c *checker) status(s Status) {
	if !slices.Contains(Statuses(), s) {
		c.Add("status", "invalid", "A status is pending, approved, rejected, needs_info or suspended.")
	}
}

func (c *checker) birthYear(year *int, optional bool) {
	last := c.at.Year() - MinAge
	switch {
	case year == nil && !optional:
		c.Add("birth_year", "required", "A birth year is required.")
	case year != nil && (*year < minBirthYear || *year > last):
		c.Add("birth_year", "out_of_range", "A birth year lies between %d and %d.", minBirthYear, last)
	}
}

// checked gives a checked copy of a relation, or nil.
func checked[T any, R interface {
	record[T]
	check(*checker)
}](c *checker, v *T) *T {
	if v == nil {
		return nil
	}
	copied := *v
	R(&copied).check(c)
	return &copied
}

func (p *Profile) check(c *checker) {
	between(c, "profile.height", p.Height, 50, 300)
	between(c, "profile.income", p.Income, 0, maxIncome)
	c.text("profile.education", &p.Education, MaxWord)
	c.text("profile.occupation", &p.Occupation, MaxWord)
	c.text("profile.employer", &p.Employer, MaxWord)
	c.text("profile.region", &p.Region, MaxWord)
	c.text("profile.religion", &p.Religion, MaxWord)
	c.text("profile.introduction", &p.Introduction, MaxText)
}

func (l *Lifestyle) check(c *checker) {
	c.text("lifestyle.smoking", &l.Smoking, MaxWord)
	c.text("lifestyle.drinking", &l.Drinking, MaxWord)
	c.text("lifestyle.exercise", &l.Exercise, MaxWord)
	c.text("lifestyle.diet", &l.Diet, MaxWord)
	c.list("lifestyle.pets", &l.Pets)
	c.list("lifestyle.hobbies", &l.Hobbies)
}

func (p *Preference) check(c *checker) {
	between(c, "preference.age_min", p.AgeMin, MinAge, 150)
	between(c, "preference.age_max", p.AgeMax, MinAge, 150)
	between(c, "preference.height_min", p.HeightMin, 50, 300)
	between(c, "preference.height_max", p.HeightMax, 50, 300)
	inOrder(c, "preference.age_min", "age_max", p.AgeMin, p.AgeMax)
	inOrder(c, "preference.height_min", "height_max", p.HeightMin, p.HeightMax)
	c.list("preference.genders", &p.Genders)
	for _, g := range p.Genders {
		if !slices.Contains(Genders(), Gender(g)) && c.ok("preference.genders") {
			c.Add("preference.genders", "invalid", "A gender is male, female or other.")
		}
	}
	c.list("preference.regions", &p.Regions)
	c.list("preference.educations", &p.Educations)
	c.list("preference.religions", &p.Religions)
	c.list("preference.qualities", &p.Qualities)
	c.text("preference.goal", &p.Goal, MaxWord)
}

func (s *Subscription) check(c *checker) {
	plan := &s.Plan
	c.text("subscription.plan", &plan, MaxWord)
	if plan == nil {
		c.Add("subscription.plan", "required", "A subscription has a plan.")
	} else {
		s.Plan = *plan
	}
	if s.ID.IsZero() {
		s.ID = ids.New[ids.Row](c.at)
	}
	if s.Status == "" {
		s.Status = SubscriptionActive
	}
	if !slices.Contains(SubscriptionStatuses(), s.Status) {
		c.Add("subscription.status", "invalid", "A subscription is active, paused, cancelled or expired.")
	}
	if s.StartedAt.IsZero() {
		s.StartedAt = c.at
	}
	s.StartedAt = s.StartedAt.UTC().Truncate(time.Microsecond)
	if y := s.StartedAt.Year(); y < 1970 || y > 2200 {
		c.Add("subscription.started_at", "out_of_range", "A subscription starts between 1970 and 2200.")
	}
	if s.ExpiresAt == nil {
		return
	}
	expires := s.ExpiresAt.UTC().Truncate(time.Microsecond)
	s.ExpiresAt = &expires
	if !expires.After(s.StartedAt) || expires.Year() > 2200 {
		c.Add("subscription.expires_at", "out_of_range", "A subscription expires after it starts, and before 2200.")
	}
}

func between[T int | int64](c *checker, field string, v *T, least, most T) {
	if v != nil && (*v < least || *v > most) {
		c.Add(field, "out_of_range", "It lies between %d and %d.", least, most)
	}
}

func inOrder(c *checker, field, other string, low, high *int) {
	if low != nil && high != nil && *low > *high {
		c.Add(field, "out_of_range", "It is at most %s.", other)
	}
}

// text normalises a text in place; an empty one is absent.
func (c *checker) text(field string, text **string, most int) {
	if *text == nil {
		return
	}
	s := norm.NFC.String(strings.TrimSpace(**text))
	*text = &s
	switch {
	case s == "":
		*text = nil
	case utf8.RuneCountInString(s) > most:
		c.Add(field, "too_long", "It has at most %d characters.", most)
	case !Printable(s, most == MaxText):
		c.Add(field, "invalid", "It has no control characters.")
	}
}

// list normalises a list of texts; an empty one is absent.
func (c *checker) list(field string, list *[]string) {
	if len(*list) > MaxList {
		c.Add(field, "too_many", "It has at most %d entries.", MaxList)
		return
	}
	var normal []string
	for i, s := range *list {
		entry := &s
		c.text(field+"."+strconv.Itoa(i), &entry, MaxWord)
		if entry == nil {
			c.Add(field+"."+strconv.Itoa(i), "required", "An entry is not empty.")
			continue
		}
		normal = append(normal, *entry)
	}
	*list = normal
}

// Printable reports whether a text is valid UTF-8 without control characters
// and without those that turn the direction of what is around them.
func Printable(s string, lines bool) bool {
	for _, r := range s {
		switch {
		case lines && (r == '\n' || r == '\r' || r == '\t'):
		case unicode.IsControl(r), r == utf8.RuneError, '\u2028' <= r && r <= '\u202e', '\u2066' <= r && r <= '\u2069':
			return false
		}
	}
	return utf8.ValidString(s)
}
