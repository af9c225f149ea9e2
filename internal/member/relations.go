package member

import (
	"slices"

	"github.com/musterhq/muster/internal/field"
	"github.com/musterhq/muster/internal/media"
)

// relations lists all relations of a member. Loading, creating, changing,
// comparing, encoding and exporting walk this list.
var relations = []relation{
	one("profile", func(d *Detail) **Profile { return &d.Profile }),
	one("lifestyle", func(d *Detail) **Lifestyle { return &d.Lifestyle }),
	one("preference", func(d *Detail) **Preference { return &d.Preference }),
	history("subscription", func(d *Detail) **Subscription { return &d.Subscription }),
	many("photos", func(d *Detail) *[]media.Photo { return &d.Photos }, "display_order, id"),
	many("documents", func(d *Detail) *[]media.Document { return &d.Documents }, "id"),
}

// Relations is a set of relations, such as those to load with a member.
type Relations uint16

// IncludeDeleted is not a relation: with it, soft-deleted members are loaded too.
const IncludeDeleted Relations = 1 << 15

// The relations, for code that needs some of them.
var (
	WithAll          = Relations(1)<<len(relations) - 1
	WithProfile      = With("profile")
	WithLifestyle    = With("lifestyle")
	WithPreference   = With("preference")
	WithSubscription = With("subscription")
	WithPhotos       = With("photos")
	WithDocuments    = With("documents")
)

// With returns the set of the named relations. It ignores unknown names.
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

// View is a member as it is shown: JSON leaves out the relations that are not in
// Include, and has null for one that the member does not have.
type View struct {
	Detail
	Include Relations `json:"-" db:"-"`
}

// AppendJSON implements [field.Appender].
func (v *View) AppendJSON(b []byte) (_ []byte, err error) {
	if b, err = users.AppendFields(append(b, '{'), &v.User); err != nil {
		return b, err
	}
	for i, r := range relations {
		if v.Include.has(i) {
			if b, err = r.shown().AppendNamed(b, &v.Detail); err != nil {
				return b, err
			}
		}
	}
	return append(b, '}'), nil
}
