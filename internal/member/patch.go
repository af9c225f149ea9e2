package member

import (
	"cmp"
	"reflect"
	"slices"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/internal/field"
	"github.com/musterhq/muster/internal/privacy"
)

// apply applies a JSON merge patch (RFC 7396) to a copy of d, checks what the
// patch touched, and lists every field that is wrong. What d points to is not
// changed. Faults: invalid.
func apply(d Detail, patch []byte, rules Rules, at time.Time) (_ Detail, given []*field.Field, err error) {
	if field.CheckSyntax(patch) != nil {
		return d, nil, fault.New(fault.Invalid, "invalid", "A merge patch is a JSON object.")
	}
	c := checker{rules: rules, at: at}
	before := d
	given = field.DecodeInto(patch, &d, field.Update, "", &c.Fields)
	has := func(name string) bool {
		return slices.ContainsFunc(given, func(f *field.Field) bool { return f.Name == name })
	}
	if has("phone") {
		c.phone(&d.User, rules.Imported || before.Phone == nil)
	}
	if has("birth_year") {
		c.birthYear(d.BirthYear, rules.Imported || before.BirthYear == nil)
	}
	if s := d.Subscription; has("subscription") && s != nil {
		s.follow(before.Subscription, patch, at)
		s.complete(at)
		if !c.Has("subscription.started_at") && !c.Has("subscription.expires_at") {
			s.Check(&c.Fields, "subscription.")
		}
	}
	return d, given, c.Err()
}

// follow has another plan start now, unless the patch says when.
func (s *Subscription) follow(old *Subscription, patch []byte, at time.Time) {
	if old == nil || s.Plan == old.Plan {
		return
	}
	var body struct {
		Subscription map[string]jsontext.Value `json:"subscription"`
	}
	_ = json.Unmarshal(patch, &body) // it was decoded before
	given := func(name string) bool { _, ok := body.Subscription[name]; return ok }
	if given("started_at") {
		return
	}
	s.StartedAt = at.UTC().Truncate(time.Microsecond)
	if !given("expires_at") {
		s.ExpiresAt = nil // the old plan's
	}
	if !given("status") {
		s.Status = SubscriptionActive
	}
}

// Stale is the detail of a version_mismatch: the member's version, and the fields
// that the refused change would have set to another value than they have now. Of
// a masked field it says only that the change would have set it.
type Stale struct {
	Version   int64        `json:"version"`
	UpdatedAt time.Time    `json:"updated_at"`
	Fields    []StaleField `json:"fields"`
}

// StaleField is a field that differs from what a refused change would set.
type StaleField struct {
	Name    string `json:"field"`
	Current any    `json:"current"`
}

// stale returns the fault for a change that was made of another version than is
// stored. Wanted is what the change would have made of it, and given are the
// fields that it has.
func stale(is, wanted *Detail, given []*field.Field) error {
	detail := Stale{Version: is.Version, UpdatedAt: is.UpdatedAt, Fields: []StaleField{}}
	add := func(name string, f *field.Field, now any) {
		detail.Fields = append(detail.Fields, StaleField{name, privacy.Mask(f.Mask, now)})
	}
	for _, f := range given {
		// That a masked field is not among them would tell a caller who guesses it
		// that the guess is right, as often as they like, and on no audit log.
		if f.Mask != "" {
			add(f.Name, f, f.Get(is))
		}
	}
	differences(is, wanted, func(name string, f *field.Field, now, _ any) {
		if f.Mask == "" {
			add(name, f, now)
		}
	})
	slices.SortFunc(detail.Fields, func(a, b StaleField) int { return cmp.Compare(a.Name, b.Name) })
	return ErrVersionMismatch.With(detail)
}

// differences calls fn for each field of a member that can be written and that
// differs between a and b.
func differences(a, b *Detail, fn func(name string, f *field.Field, a, b any)) {
	each := func(prefix string, s *field.Struct, x, y any) {
		s.Differences(x, y, func(f *field.Field, x, y any) {
			if !f.ReadOnly {
				fn(prefix+f.Name, f, x, y)
			}
		})
	}
	each("", field.For[User](), &a.User, &b.User)
	for _, r := range relations {
		if x, y := r.value(a), r.value(b); x != nil || y != nil {
			each(r.name()+".", r.descriptor(), x, y)
		}
	}
}

// changed returns the fields that differ between two states of a member, as they
// may be shown.
func changed(old, d *Detail) (was, became map[string]any) {
	was, became = map[string]any{}, map[string]any{}
	differences(old, d, func(name string, f *field.Field, then, now any) {
		was[name], became[name] = privacy.Mask(f.Mask, then), privacy.Mask(f.Mask, now)
	})
	return was, became
}

// present returns the fields that have a value, as they may be shown.
func present(d *Detail) map[string]any {
	_, all := changed(&Detail{}, d)
	return all
}

// equal reports whether two values are the same.
func equal[T any](a, b T) bool { return reflect.DeepEqual(a, b) }
