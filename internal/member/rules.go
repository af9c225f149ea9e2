package member

import (
	"strings"
	"time"

	"github.com/musterhq/muster/internal/counters"
	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/internal/field"
	"github.com/musterhq/muster/internal/privacy"
)

// Rules are the rules of members that a store is configured with. The zero value
// accepts phones in the international form only, and counts days in UTC.
type Rules struct {
	Region   string         // ISO 3166 code of the country that local phones belong to: "KR"
	Zone     *time.Location // in which days are counted
	Imported bool           // a phone and a birth year may be absent, a phone may be out of use, and the status may be any
}

// DayOf returns the day of a moment in the zone of the rules.
func (r Rules) DayOf(t time.Time) counters.Day { return counters.DayOf(t, r.Zone) }

// kindOf returns what a member is counted by.
func (r Rules) kindOf(u *User) *counters.Kind {
	return new(counters.KindOf(u.ID.Time(), r.Zone, string(u.Gender), string(u.Status)))
}

// Check checks a member to create, and brings it into the form that is stored:
// phone in E.164, normalized texts, status set. What d points to is replaced,
// never changed. Faults: invalid, with every wrong field.
func (r Rules) Check(d *Detail, at time.Time) error {
	c := checker{rules: r, at: at}
	if d.Status == "" {
		d.Status = Pending
	}
	users.Check(&d.User, "", &c.Fields)
	for _, relation := range relations {
		relation.check(d, at, &c.Fields)
	}
	c.imported(&d.User)
	c.phone(&d.User, r.Imported)
	c.birthYear(d.BirthYear, r.Imported)
	if !r.Imported && d.Status != Pending && !c.Has("status") {
		c.Add("status", field.CodeNotAllowed, "A new member is pending.")
	}
	return c.Err()
}

// Decode decodes the body of a request that creates a member, which passed
// [field.CheckSyntax], and checks it as [Rules.Check] does. Faults: invalid, with
// every wrong field.
func (r Rules) Decode(body []byte, at time.Time) (Detail, error) {
	c := checker{rules: r, at: at}
	d := Detail{User: User{Status: Pending}}
	field.DecodeInto(body, &d, field.Create, "", &c.Fields)
	c.phone(&d.User, false)
	c.birthYear(d.BirthYear, false)
	c.subscription(d.Subscription)
	return d, c.Err()
}

// checker collects what is wrong with a member: what its fields do not declare.
type checker struct {
	fault.Fields
	rules Rules
	at    time.Time
}

// imported checks the fields that only an import sets.
func (c *checker) imported(u *User) {
	if id := u.ExternalID; id != nil && strings.TrimSpace(*id) == "" {
		c.Add("external_id", field.CodeEmpty, "Must not be empty.")
	} else {
		users.Field("external_id").CheckIn(u, "", &c.Fields)
	}
	if u.CreatedAt.After(c.at) {
		c.Add("created_at", field.CodeOutOfRange, "Must not be in the future.")
	} else {
		users.Field("created_at").CheckIn(u, "", &c.Fields)
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
	switch {
	case c.Has("birth_year"):
	case year == nil && !optional:
		c.Add("birth_year", field.CodeRequired, "Required.")
	case year != nil && *year > last:
		c.Add("birth_year", field.CodeOutOfRange, "Must be from %d to %d.", *users.Field("birth_year").Min, last)
	}
}

// subscription completes a decoded subscription, and checks it again with the
// start that this may have set.
func (c *checker) subscription(s *Subscription) {
	if s == nil {
		return
	}
	s.complete(c.at)
	if !c.Has("subscription.started_at") && !c.Has("subscription.expires_at") {
		s.Check(&c.Fields, "subscription.")
	}
}
