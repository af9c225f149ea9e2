package member

import (
	"time"

	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/internal/field"
	"github.com/musterhq/muster/internal/ids"
)

// Profile describes a member. Every field may be absent.
type Profile struct {
	Height       *int    `json:"height" doc:"The height in centimetres." example:"168" minimum:"50" maximum:"300"`
	Education    *string `json:"education" doc:"The education." example:"bachelor"`
	Occupation   *string `json:"occupation" doc:"The occupation." example:"architect"`
	Employer     *string `json:"employer" doc:"The employer."`
	Income       *int64  `json:"income" doc:"The yearly income in the platform's currency." example:"52000000" minimum:"0" maximum:"1000000000000"`
	Region       *string `json:"region" doc:"The region." example:"Seoul"`
	Religion     *string `json:"religion" doc:"The religion."`
	Introduction *string `json:"introduction" doc:"What the member wrote." maxLength:"4000" lines:"true"`
}

// Lifestyle is how a member lives. Every field may be absent.
type Lifestyle struct {
	Smoking  *string  `json:"smoking" doc:"How often the member smokes." example:"never"`
	Drinking *string  `json:"drinking" doc:"How often the member drinks." example:"sometimes"`
	Exercise *string  `json:"exercise" doc:"How often the member exercises." example:"weekly"`
	Diet     *string  `json:"diet" doc:"What the member eats."`
	Pets     []string `json:"pets" doc:"The pets." example:"cat"`
	Hobbies  []string `json:"hobbies" doc:"The hobbies." example:"hiking,film"`
}

// Preference is what a member is looking for. Every field may be absent.
type Preference struct {
	AgeMin     *int     `json:"age_min" doc:"The least age." example:"28" minimum:"18" maximum:"150"`
	AgeMax     *int     `json:"age_max" doc:"The greatest age." example:"38" minimum:"18" maximum:"150"`
	HeightMin  *int     `json:"height_min" doc:"The least height in centimetres." minimum:"50" maximum:"300"`
	HeightMax  *int     `json:"height_max" doc:"The greatest height in centimetres." minimum:"50" maximum:"300"`
	Genders    []string `json:"genders" doc:"Any of these genders." example:"male" enum:"male,female,other"`
	Regions    []string `json:"regions" doc:"Any of these regions."`
	Educations []string `json:"educations" doc:"Any of these educations."`
	Religions  []string `json:"religions" doc:"Any of these religions."`
	Qualities  []string `json:"qualities" doc:"What matters, the most important first." example:"sincerity,humour"`
	Goal       *string  `json:"goal" doc:"What the member is looking for." example:"marriage"`
}

// Check implements [field.Checker]: ranges are in order.
func (p *Preference) Check(wrong *fault.Fields, prefix string) {
	after := func(from, to int) bool { return from > to }
	field.Ordered(wrong, prefix+"age_min", p.AgeMin, prefix+"age_max", p.AgeMax, after)
	field.Ordered(wrong, prefix+"height_min", p.HeightMin, prefix+"height_max", p.HeightMax, after)
}

// Subscription is a plan that a member has for a time. A member has one at a
// time. Earlier ones are kept.
type Subscription struct {
	ID        ids.Row            `json:"id" doc:"The ID. IDs sort by time of creation." example:"0190a5c6-7d2e-7b31-8f60-2f1c5d0e9a47" format:"uuid" readOnly:"true"`
	Plan      string             `json:"plan" doc:"The plan." example:"gold"`
	Status    SubscriptionStatus `json:"status" doc:"The state of the subscription." example:"active" default:"active"`
	StartedAt time.Time          `json:"started_at" doc:"The time at which it starts; now if absent." example:"2026-01-31T09:00:00.123456Z" required:"false"`
	ExpiresAt *time.Time         `json:"expires_at" doc:"The time at which it expires; null for never." example:"2027-01-31T09:00:00Z"`
}

// SubscriptionStatus is the state of a subscription.
type SubscriptionStatus string

// The states of a subscription.
const (
	SubscriptionActive    SubscriptionStatus = "active"
	SubscriptionPaused    SubscriptionStatus = "paused"
	SubscriptionCancelled SubscriptionStatus = "cancelled"
	SubscriptionExpired   SubscriptionStatus = "expired"
)

// SubscriptionStatuses lists the states.
func SubscriptionStatuses() []SubscriptionStatus {
	return []SubscriptionStatus{SubscriptionActive, SubscriptionPaused, SubscriptionCancelled, SubscriptionExpired}
}

// Choices lists the states.
func (SubscriptionStatus) Choices() []string { return field.Strings(SubscriptionStatuses()) }

// complete sets the absent fields of a subscription that is created at a time.
func (s *Subscription) complete(at time.Time) {
	if s.ID.IsZero() {
		s.ID = ids.New[ids.Row](at)
	}
	if s.Status == "" {
		s.Status = SubscriptionActive
	}
	if s.StartedAt.IsZero() {
		s.StartedAt = now(at)
	}
}

// Check implements [field.Checker]: a subscription expires after it starts.
func (s *Subscription) Check(wrong *fault.Fields, prefix string) {
	field.Ordered(wrong, prefix+"started_at", &s.StartedAt, prefix+"expires_at", s.ExpiresAt, func(from, to time.Time) bool { return !to.After(from) })
}

// now returns a time as it is stored.
func now(at time.Time) time.Time { return at.UTC().Truncate(time.Microsecond) }
