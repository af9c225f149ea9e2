package member

import (
	"slices"
	"time"

	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/internal/ids"
	"github.com/musterhq/muster/internal/media"
)

// User is the member itself. A list shows it, and a [Detail] adds what belongs
// to it.
type User struct {
	ID         ids.Member `json:"id"`
	ExternalID *string    `json:"external_id"` // the key in the system it was imported from
	Phone      *string    `json:"phone"`       // E.164; absent only when imported so
	Name       string     `json:"name"`
	Gender     Gender     `json:"gender"`
	BirthYear  *int       `json:"birth_year"` // absent only when imported so
	Status     Status     `json:"status"`
	CreatedAt  time.Time  `json:"created_at"` // exactly ID.Time()
	UpdatedAt  time.Time  `json:"updated_at"`
	DeletedAt  *time.Time `json:"deleted_at"`
	Version    int64      `json:"version"` // grows with every change of the member or its relations
}

// Detail is a member with the relations that were asked for. One that was not
// asked for, or that the member does not have, is nil; photos and documents
// that were asked for are not nil.
type Detail struct {
	User
	Profile      *Profile         `json:"profile"`
	Lifestyle    *Lifestyle       `json:"lifestyle"`
	Preference   *Preference      `json:"preference"`
	Subscription *Subscription    `json:"subscription"` // the current one
	Photos       []media.Photo    `json:"photos"`
	Documents    []media.Document `json:"documents"`
}

// Relations is a set of what is loaded with a member.
type Relations uint16

// The relations of a member.
const (
	WithProfile Relations = 1 << iota
	WithLifestyle
	WithPreference
	WithSubscription
	WithPhotos
	WithDocuments
	// IncludeDeleted is no relation: it lets soft-deleted members be loaded.
	IncludeDeleted

	WithAll = WithProfile | WithLifestyle | WithPreference | WithSubscription | WithPhotos | WithDocuments
)

// Faults of operations.
var (
	ErrPhoneTaken        = fault.New(fault.Conflict, "phone_taken", "Another member has this phone number.")
	ErrExternalTaken     = fault.New(fault.Conflict, "external_id_taken", "A member with this external id exists already.")
	ErrVersionMismatch   = fault.New(fault.Stale, "version_mismatch", "The member was changed since you loaded it. Load it again, and repeat your change if it still applies.")
	ErrIllegalTransition = fault.New(fault.Conflict, "illegal_transition", "The status cannot change in this way.")
)

var relationNames = map[string]Relations{
	"profile": WithProfile, "lifestyle": WithLifestyle, "preference": WithPreference,
	"subscription": WithSubscription, "photos": WithPhotos, "documents": WithDocuments,
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

// Gender is one of three.
type Gender string

// The genders.
const (
	Male   Gender = "male"
	Female Gender = "female"
	Other  Gender = "other"
)

// Genders are all genders.
func Genders() []Gender { return []Gender{Male, Female, Other} }

// Status says where a member stands with the review.
type Status string

// The states of a member.
const (
	Pending   Status = "pending"
	Approved  Status = "approved"
	Rejected  Status = "rejected"
	NeedsInfo Status = "needs_info"
	Suspended Status = "suspended"
)

// Statuses are all states.
func Statuses() []Status { return []Status{Pending, Approved, Rejected, NeedsInfo, Suspended} }

var transitions = map[Status][]Status{
	Pending:   {Approved, Rejected, NeedsInfo},
	NeedsInfo: {Pending},
	Rejected:  {Pending}, // an appeal
	Approved:  {Suspended},
	Suspended: {Approved},
}

// Next are the states that may follow s.
func (s Status) Next() []Status { return slices.Clone(transitions[s]) }

// before are the states that s may follow.
func (s Status) before() []string {
	var from []string
	for _, f := range Statuses() {
		if slices.Contains(transitions[f], s) {
			from = append(from, string(f))
		}
	}
	return from
}
