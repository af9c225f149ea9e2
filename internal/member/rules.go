package member

import (
	"slices"
	"strings"
	"time"

	"github.com/musterhq/muster/internal/counters"
	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/internal/field"
	"github.com/musterhq/muster/internal/privacy"
)

// Rules are what a store was configured with. The zero value takes phones in
// their international form only, and counts days in UTC.
type Rules struct {
	Region   string         // ISO 3166 code of the country that local phones belong to: "KR"
	Zone     *time.Location // in which days are counted
	Imported bool           // a phone and a birth year may be absent, a phone may be out of use, and the status may be any
}

// DayOf returns the day of a moment in the zone of the rules.
func (r Rules) DayOf(t time.Time) counters.Day { return counters.DayOf(t, r.Zone) }

// kindOf returns what a member is counted by, or nil for no member.
func (r Rules) kindOf(u *User) *counters.Kind {
	if u == nil {
		return nil
	}
	return new(counters.KindOf(u.ID.Time(), r.Zone, string(u.Gender), string(u.Status)))
}

// Check brings a member that is to be created into the form that is stored (the
// phone as E.164, texts trimmed and in NFC, the status set) and lists every field
// that is wrong. What d points to is replaced and not changed. Faults: invalid.
func (r Rules) Check(d *Detail, at time.Time) error {
	c := checker{rules: r, at: at}
	if d.Status == "" {
		d.Status = Pending
	}
	field.For[User]().Check(&d.User, "", &c.Fields)
	for _, relation := range relations {
		relation.check(d, at, &c.Fields)
	}
	c.imported(&d.User)
	c.user(&d.User, r.Imported, r.Imported)
	if !r.Imported && d.Status != Pending && !c.Has("status") {
		c.Add("status", field.CodeNotAllowed, "A new member is pending.")
	}
	return c.Err()
}

// Decode reads the body of a request that creates a member, whose JSON syntax was
// checked, and checks it as Check does. Faults: invalid.
func (r Rules) Decode(body []byte, at time.Time) (Detail, error) {
	c := checker{rules: r, at: at}
	d := Detail{User: User{Status: Pending}}
	field.DecodeInto(body, &d, field.Create, "", &c.Fields)
	c.user(&d.User, false, false)
	if d.Subscription != nil {
		d.Subscription.complete(at)
	}
	return d, c.Err()
}

// checker notes what is wrong with a member.
type checker struct {
	fault.Fields
	rules Rules
	at    time.Time
}

// user checks what the descriptor of a user cannot say.
func (c *checker) user(u *User, noPhone, noYear bool) {
	c.phone(u, noPhone)
	c.birthYear(u.BirthYear, noYear)
}

// imported checks what only an import sets.
func (c *checker) imported(u *User) {
	if id := u.ExternalID; id != nil && strings.TrimSpace(*id) == "" {
		c.Add("external_id", field.CodeEmpty, "Must not be empty.")
	} else if f := field.For[User]().Field("external_id"); id != nil {
		f.CheckIn(u, "", &c.Fields)
	}
	if at := u.CreatedAt; !at.IsZero() && (at.Year() < 1970 || at.After(c.at)) {
		c.Add("created_at", field.CodeOutOfRange, "Must be between 1970 and now.")
	}
}

func (c *checker) phone(u *User, optional bool) {
	switch {
	case c.Has("phone"):
		return
	case u.Phone == nil:
		if !optional {
			c.Add("phone", field.CodeRequired, "Required.")
		}
		return
	case privacy.IsMask(*u.Phone):
		c.Add("phone", field.CodeMasked, "This is a masked phone. Leave the field out to keep the phone that is stored.")
		return
	}
	e164, ok := ParsePhone(*u.Phone, c.rules.Region, !c.rules.Imported)
	switch {
	case ok:
	case c.rules.Region == "":
		c.Add("phone", field.CodeInvalidPhone, "Must be a phone number in the international form, such as +82 10 1234 5678.")
	default:
		c.Add("phone", field.CodeInvalidPhone, "Must be a phone number as it is dialled in %s, or in the international form, such as +82 10 1234 5678.", c.rules.Region)
	}
	u.Phone = &e164
}

func (c *checker) birthYear(year *int, optional bool) {
	last := c.at.Year() - MinAge
	switch first := *field.For[User]().Field("birth_year").Min; {
	case c.Has("birth_year"):
	case year == nil && !optional:
		c.Add("birth_year", field.CodeRequired, "Required.")
	case year != nil && *year > last:
		c.Add("birth_year", field.CodeOutOfRange, "Must be from %d to %d.", first, last)
	}
}

// names lists the fields.
func names(fields []*field.Field) []string {
	list := make([]string, len(fields))
	for i, f := range fields {
		list[i] = f.Name
	}
	slices.Sort(list)
	return list
}
