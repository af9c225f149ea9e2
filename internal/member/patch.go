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

// apply applies a JSON merge patch (RFC 7396) to d and checks the fields that the
// patch has, which it returns. What d points to is replaced, never changed.
// Faults: invalid, with every wrong field.
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
	if has("subscription") && d.Subscription != nil {
		d.Subscription.follow(before.Subscription, patch, at)
		c.subscription(d.Subscription)
	}
	return d, given, c.Err()
}

// follow starts a plan that replaces another one at a time, unless the patch says
// when it starts.
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
	s.StartedAt = now(at)
	if !given("expires_at") {
		s.ExpiresAt = nil // it is the old plan's
	}
	if !given("status") {
		s.Status = SubscriptionActive
	}
}

// Stale is the detail of a version_mismatch: the member's version, and the fields
// that the refused change would have changed. It lists a masked field whenever the
// change has it.
type Stale struct {
	Version   int64        `json:"version"`
	UpdatedAt time.Time    `json:"updated_at"`
	Fields    []StaleField `json:"fields"`
}

// StaleField is a field that a refused change would have changed.
type StaleField struct {
	Name    string `json:"field"`
	Current any    `json:"current"`
}

// stale returns the fault for a change to another version than is stored. Wanted
// is what the change would have made of it, and given are the fields that it has.
func stale(is, wanted *Detail, given []*field.Field) error {
	detail := Stale{Version: is.Version, UpdatedAt: is.UpdatedAt, Fields: []StaleField{}}
	add := func(name string, f *field.Field, now any) {
		detail.Fields = append(detail.Fields, StaleField{name, privacy.Mask(f.Mask, now)})
	}
	for _, f := range given {
		// To leave out a masked field that stays the same would confirm a guess, as
		// often as the caller likes, without an entry in the audit log.
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

// differences calls fn for each writable field of a member that differs between a
// and b.
func differences(a, b *Detail, fn func(name string, f *field.Field, a, b any)) {
	each := func(prefix string, s *field.Struct, x, y any) {
		s.Differences(x, y, func(f *field.Field, x, y any) {
			if !f.ReadOnly {
				fn(prefix+f.Name, f, x, y)
			}
		})
	}
	each("", users, &a.User, &b.User)
	for _, r := range relations {
		if x, y := r.value(a), r.value(b); x != nil || y != nil {
			each(r.name()+".", r.descriptor(), x, y)
		}
	}
}

// changed returns the fields that differ between two states of a member, masked.
func changed(old, d *Detail) (was, became map[string]any) {
	was, became = map[string]any{}, map[string]any{}
	differences(old, d, func(name string, f *field.Field, then, now any) {
		was[name], became[name] = privacy.Mask(f.Mask, then), privacy.Mask(f.Mask, now)
	})
	return was, became
}

// present returns the fields that have a value, masked.
func present(d *Detail) map[string]any {
	_, all := changed(&Detail{}, d)
	return all
}

// equal reports whether two values are the same.
func equal[T any](a, b T) bool { return reflect.DeepEqual(a, b) }
