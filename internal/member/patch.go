package member

import (
	"bytes"
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/internal/ids"
	"github.com/musterhq/muster/internal/privacy"
)

// readOnly are the fields of a member that a patch may not have.
var readOnly = []string{
	"id", "external_id", "created_at", "updated_at", "deleted_at", "version", "photos", "documents", "subscription.id",
}

const relationsNeedObject = "It is an object, or null."

// apply applies a JSON merge patch (RFC 7396) to a copy of d, checks what the
// patch touched, and lists every field that is wrong. What d points to is not
// changed. Faults: invalid.
func apply(d Detail, patch []byte, rules Rules, at time.Time) (Detail, error) {
	fields, err := object(patch)
	if err != nil || fields == nil {
		return d, fault.New(fault.Invalid, "invalid", "A merge patch is a JSON object.")
	}
	c := checker{rules: rules, at: at}
	before := d
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		raw := fields[name]
		switch name {
		case "phone":
			if decode(&c, name, raw, &d.Phone) {
				d.Phone = c.phone(d.Phone, rules.Imported || before.Phone == nil)
			}
		case "name":
			if d.Name = ""; decode(&c, name, raw, &d.Name) {
				d.Name = c.name(d.Name)
			}
		case "gender":
			if d.Gender = ""; decode(&c, name, raw, &d.Gender) {
				c.gender(d.Gender)
			}
		case "birth_year":
			if decode(&c, name, raw, &d.BirthYear) {
				c.birthYear(d.BirthYear, rules.Imported || before.BirthYear == nil)
			}
		case "status":
			if d.Status = ""; decode(&c, name, raw, &d.Status) {
				c.status(d.Status)
			}
		case "profile":
			d.Profile = applyTo(&c, name, profileColumns, raw, d.Profile)
		case "lifestyle":
			d.Lifestyle = applyTo(&c, name, lifestyleColumns, raw, d.Lifestyle)
		case "preference":
			d.Preference = applyTo(&c, name, preferenceColumns, raw, d.Preference)
		case "subscription":
			d.Subscription = applySubscription(&c, raw, d.Subscription)
		default:
			c.unknown(name)
		}
	}
	return d, c.Err()
}

func (c *checker) unknown(name string) {
	if slices.Contains(readOnly, name) {
		c.Add(name, "read_only", "It cannot be changed here.")
		return
	}
	c.Add(name, "unknown_field", "There is no such field.")
}

// object reads the fields of a JSON object; they are nil if it is none.
func object(raw []byte) (fields map[string]json.RawMessage, err error) {
	err = json.Unmarshal(raw, &fields)
	return fields, err
}

// decode sets dst to a value of the patch, and notes one of another type.
func decode(c *checker, name string, raw json.RawMessage, dst any) bool {
	reflect.ValueOf(dst).Elem().SetZero() // so that a pointer gets a new target
	if err := json.Unmarshal(raw, dst); err != nil {
		c.Add(name, "wrong_type", "It is %s.", expected(dst))
		return false
	}
	return true
}

func expected(dst any) string {
	t := reflect.TypeOf(dst).Elem()
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case t == reflect.TypeFor[time.Time]():
		return "a time, such as 2026-01-31T09:00:00Z"
	case t.Kind() == reflect.Slice:
		return "a list of texts"
	case t.Kind() == reflect.String:
		return "a text"
	default:
		return "a whole number"
	}
}

// applyTo applies the patch of a relation to a copy of v: null takes it away,
// and an object makes one where there was none.
func applyTo[T any, R interface {
	record[T]
	check(*checker)
}](c *checker, name, columns string, raw json.RawMessage, v *T) *T {
	if isNull(raw) {
		return nil
	}
	patch, err := object(raw)
	if err != nil {
		c.Add(name, "wrong_type", relationsNeedObject)
		return v
	}
	var copied T
	if v != nil {
		copied = *v
	}
	pointers := R(&copied).fields()
	names := strings.Split(columns, ", ")
	wrong := false
	for _, key := range slices.Sorted(maps.Keys(patch)) {
		full := name + "." + key
		i := slices.Index(names, key)
		switch {
		case i < 0 || slices.Contains(readOnly, full):
			c.unknown(full)
			wrong = true
		case !decode(c, full, patch[key], pointers[i]):
			wrong = true
		}
	}
	if !wrong {
		R(&copied).check(c)
	}
	return &copied
}

// applySubscription is applyTo for a subscription: another plan starts now,
// unless the patch says when.
func applySubscription(c *checker, raw json.RawMessage, old *Subscription) *Subscription {
	s := applyTo(c, "subscription", subscriptionColumns, raw, old)
	if s == nil || old == nil || s.Plan == old.Plan {
		return s
	}
	patch, _ := object(raw) // applyTo has read it
	if _, said := patch["started_at"]; said {
		return s
	}
	s.StartedAt = c.at.UTC().Truncate(time.Microsecond)
	if _, said := patch["expires_at"]; !said {
		s.ExpiresAt = nil // the old plan's
	}
	if _, said := patch["status"]; !said {
		s.Status = SubscriptionActive
	}
	return s
}

func isNull(raw json.RawMessage) bool { return bytes.Equal(bytes.TrimSpace(raw), []byte("null")) }

// Stale is the detail of a version_mismatch: where the member stands, and which
// fields the refused change would have set otherwise than they are now, with
// every masked one that it would have set at all.
type Stale struct {
	Version   int64         `json:"version"`
	UpdatedAt time.Time     `json:"updated_at"`
	Fields    []StaleFields `json:"fields"`
}

// StaleFields is a field that differs from what a refused change would set.
type StaleFields struct {
	Name    string `json:"field"`
	Current any    `json:"current"`
}

// stale is the fault for a change that was made of another version than is.
// Wanted is what the change would have made of it, by the patch if it has one.
func stale(is, wanted *Detail, patch []byte) error {
	asked, _ := object(patch) // who has made wanted of it has read it
	detail := Stale{Version: is.Version, UpdatedAt: is.UpdatedAt, Fields: []StaleFields{}}
	now, then := is.flat(), wanted.flat()
	for _, name := range slices.Sorted(maps.Keys(now)) {
		// That a masked field is not among them would tell who has guessed it that
		// the guess is right, as often as they like, and on no record.
		_, guessed := asked[name]
		if !reflect.DeepEqual(now[name], then[name]) || guessed && privacy.Masked(name) {
			detail.Fields = append(detail.Fields, StaleFields{name, privacy.Value(name, now[name])})
		}
	}
	return ErrVersionMismatch.With(detail)
}

// differences are the fields in which two states of a member differ, as they may
// be shown.
func differences(old, d *Detail) (was, became map[string]any) {
	was, became = map[string]any{}, map[string]any{}
	now := d.flat()
	for name, then := range old.flat() {
		if !reflect.DeepEqual(then, now[name]) {
			was[name], became[name] = privacy.Value(name, then), privacy.Value(name, now[name])
		}
	}
	return was, became
}

// present are the fields that have a value, as they may be shown.
func (d *Detail) present() map[string]any {
	all := map[string]any{"name": d.Name, "gender": d.Gender, "status": d.Status}
	if d.Phone != nil {
		all["phone"] = privacy.Value("phone", *d.Phone)
	}
	if d.BirthYear != nil {
		all["birth_year"] = *d.BirthYear
	}
	addPresent(all, "profile.", d.Profile)
	addPresent(all, "lifestyle.", d.Lifestyle)
	addPresent(all, "preference.", d.Preference)
	addPresent(all, "subscription.", d.Subscription)
	return all
}

// addPresent adds the fields of a relation that have a value. Every creation
// does that, so that the usual types are looked at without reflection.
func addPresent[T any, R interface {
	*T
	Fields() (names []string, values []any)
}](all map[string]any, prefix string, v *T) {
	if v == nil {
		return
	}
	names, values := R(v).Fields()
	for i, name := range names {
		var value any
		switch x := values[i].(type) {
		case **string:
			value = valueOr(*x)
		case **int:
			value = valueOr(*x)
		case **int64:
			value = valueOr(*x)
		case **time.Time:
			value = valueOr(*x)
		case *[]string:
			if len(*x) > 0 {
				value = *x
			}
		case *ids.Row: // of the row, and not of the member
		default:
			value = x
		}
		if value != nil {
			all[prefix+name] = privacy.Value(prefix+name, value)
		}
	}
}

// valueOr is what v points to, or nil.
func valueOr[T any](v *T) any {
	if v == nil {
		return nil
	}
	return *v
}

// flat are the fields that a patch may have, by name.
func (d *Detail) flat() map[string]any {
	all := map[string]any{
		"phone": d.Phone, "name": d.Name, "gender": d.Gender, "birth_year": d.BirthYear, "status": d.Status,
	}
	flatten(all, "profile", profileColumns, d.Profile)
	flatten(all, "lifestyle", lifestyleColumns, d.Lifestyle)
	flatten(all, "preference", preferenceColumns, d.Preference)
	flatten(all, "subscription", subscriptionColumns, d.Subscription)
	delete(all, "subscription.id")
	return all
}

func flatten[T any, R record[T]](all map[string]any, prefix, columns string, v *T) {
	if v == nil {
		v = new(T)
	}
	list := values(R(v).fields())
	for i, name := range strings.Split(columns, ", ") {
		all[prefix+"."+name] = list[i]
	}
}
