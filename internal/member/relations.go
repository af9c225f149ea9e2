package member

import (
	"slices"

	"github.com/musterhq/muster/internal/field"
	"github.com/musterhq/muster/internal/media"
)

// relations are all relations of a member. Everything that walks them goes by
// this list: loading, creating, changing, comparing, encoding and exporting.
var relations = []relation{
	one("profile", func(d *Detail) **Profile { return &d.Profile }),
	one("lifestyle", func(d *Detail) **Lifestyle { return &d.Lifestyle }),
	one("preference", func(d *Detail) **Preference { return &d.Preference }),
	history("subscription", func(d *Detail) **Subscription { return &d.Subscription }),
	many("photos", func(d *Detail) *[]media.Photo { return &d.Photos }, "display_order, id"),
	many("documents", func(d *Detail) *[]media.Document { return &d.Documents }, "id"),
}

// Relations is a set of relations: what is loaded with a member.
type Relations uint16

// IncludeDeleted is no relation: it lets soft-deleted members be loaded.
const IncludeDeleted Relations = 1 << 15

// Relations by their names, for code that needs some of them.
var (
	WithAll          = Relations(1)<<len(relations) - 1
	WithProfile      = With("profile")
	WithLifestyle    = With("lifestyle")
	WithPreference   = With("preference")
	WithSubscription = With("subscription")
	WithPhotos       = With("photos")
	WithDocuments    = With("documents")
)

// With returns the set of the named relations. A name of none adds nothing.
func With(names ...string) (set Relations) {
	for i, r := range relations {
		if slices.Contains(names, r.name()) {
			set |= 1 << i
		}
	}
	return set
}

// RelationNames lists the relations.
func RelationNames() []string {
	list := make([]string, len(relations))
	for i, r := range relations {
		list[i] = r.name()
	}
	return list
}

// RelationName is the name of a relation in a request.
type RelationName string

// Choices lists the relations.
func (RelationName) Choices() []string { return RelationNames() }

// Include returns the set of the named relations.
func Include(names []RelationName) Relations { return With(field.Strings(names)...) }

// has reports whether the set has the relation of the list.
func (set Relations) has(i int) bool { return set&(1<<i) != 0 }

// of returns the relations of the set.
func (set Relations) list() []relation {
	some := make([]relation, 0, len(relations))
	for i, r := range relations {
		if set.has(i) {
			some = append(some, r)
		}
	}
	return some
}

// View is a member as it is shown: a relation that is not in Include is left
// out, and one that the member does not have is null.
type View struct {
	Detail
	Include Relations `json:"-" db:"-"`
}

// AppendJSON implements [field.Appender].
func (v *View) AppendJSON(b []byte) (_ []byte, err error) {
	if b, err = field.AppendFields(append(b, '{'), &v.User); err != nil {
		return b, err
	}
	detail := field.For[Detail]()
	for i, r := range relations {
		if !v.Include.has(i) {
			continue
		}
		b = append(append(append(b, `,"`...), r.name()...), `":`...)
		if b, err = detail.Field(r.name()).Append(b, &v.Detail); err != nil {
			return b, err
		}
	}
	return append(b, '}'), nil
}
