package member

import (
	"slices"
	"time"

	"github.com/musterhq/muster/internal/field"
	"github.com/musterhq/muster/internal/ids"
	"github.com/musterhq/muster/internal/media"
)

// User is the member without its relations, as lists show it.
type User struct {
	ID         ids.Member `json:"id" doc:"The ID. IDs sort by time of creation." example:"0190a5c6-7d2e-7b31-8f60-2f1c5d0e9a47" format:"uuid" readOnly:"true"`
	ExternalID *string    `json:"external_id" doc:"The key in the system that the member was imported from." example:"4711" readOnly:"true"`
	Phone      *string    `json:"phone" doc:"The phone number in E.164. Requests may use any form that the configured region reads." example:"+821012345678" maxLength:"40" required:"true" mask:"phone"` // absent only when imported so
	Name       string     `json:"name" doc:"The name." example:"김바다" maxLength:"100"`
	Gender     Gender     `json:"gender" doc:"The gender." example:"female"`
	BirthYear  *int       `json:"birth_year" db:"birth_year,zero" doc:"The year of birth. A member is at least 18 in the year of admission." example:"1992" minimum:"1900" maximum:"2100" required:"true"` // absent only when imported so
	Status     Status     `json:"status" doc:"The state of the admission. From pending: approved, rejected or needs_info; from needs_info or rejected: pending; between approved and suspended." example:"pending" write:"update"`
	CreatedAt  time.Time  `json:"created_at" db:"-" doc:"The time of creation." example:"2026-01-31T09:00:00.123456Z" readOnly:"true"` // exactly ID.Time(): the column is for people who read the table
	UpdatedAt  time.Time  `json:"updated_at" doc:"The time of the last change." example:"2026-01-31T09:00:00.123456Z" readOnly:"true"`
	DeletedAt  *time.Time `json:"deleted_at" doc:"The time of deletion; null for a member that is not deleted." readOnly:"true"`
	Version    int64      `json:"version" doc:"Increases with every change of the member or its relations." example:"7" minimum:"1" readOnly:"true"`
}

var users = field.For[User]()

// Detail is a member with the relations that were loaded. A relation is nil if it
// was not loaded, or if the member does not have it; a loaded list is never nil.
type Detail struct {
	User
	Profile      *Profile         `json:"profile" doc:"What the member says about themselves; null if there is nothing."`
	Lifestyle    *Lifestyle       `json:"lifestyle" doc:"How the member lives; null if nothing is known."`
	Preference   *Preference      `json:"preference" doc:"What the member seeks; null if nothing is known."`
	Subscription *Subscription    `json:"subscription" doc:"The current subscription; null if there is none. Setting it to null ends it."`
	Photos       []media.Photo    `json:"photos" doc:"The photos, in display order." readOnly:"true"`
	Documents    []media.Document `json:"documents" doc:"The documents." readOnly:"true"`
}

// MinAge is the minimum age of a member in the year of admission.
const MinAge = 18

// Gender is the gender of a member.
type Gender string

// The genders.
const (
	Male   Gender = "male"
	Female Gender = "female"
	Other  Gender = "other"
)

// Genders lists the genders.
func Genders() []Gender { return []Gender{Male, Female, Other} }

// Choices lists the genders.
func (Gender) Choices() []string { return field.Strings(Genders()) }

// Status is the state of a member's admission.
type Status string

// The states of a member.
const (
	Pending   Status = "pending"
	Approved  Status = "approved"
	Rejected  Status = "rejected"
	NeedsInfo Status = "needs_info"
	Suspended Status = "suspended"
)

// Statuses lists the states.
func Statuses() []Status { return []Status{Pending, Approved, Rejected, NeedsInfo, Suspended} }

// Choices lists the states.
func (Status) Choices() []string { return field.Strings(Statuses()) }

var transitions = map[Status][]Status{
	Pending:   {Approved, Rejected, NeedsInfo},
	NeedsInfo: {Pending},
	Rejected:  {Pending}, // an appeal
	Approved:  {Suspended},
	Suspended: {Approved},
}

// Next returns the states that may follow s.
func (s Status) Next() []Status { return slices.Clone(transitions[s]) }

// before returns the states that s may follow.
func (s Status) before() []string {
	var from []string
	for _, f := range Statuses() {
		if slices.Contains(transitions[f], s) {
			from = append(from, string(f))
		}
	}
	return from
}
