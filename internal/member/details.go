package member

import (
	"time"

	"github.com/musterhq/muster/internal/ids"
)

// Profile is what a member says about themselves. Every field may be absent.
type Profile struct {
	Height       *int    `json:"height"` // centimetres
	Education    *string `json:"education"`
	Occupation   *string `json:"occupation"`
	Employer     *string `json:"employer"`
	Income       *int64  `json:"income"` // a year, in the platform's currency
	Region       *string `json:"region"`
	Religion     *string `json:"religion"`
	Introduction *string `json:"introduction"`
}

const profileColumns = "height, education, occupation, employer, income, region, religion, introduction"

var profiles = newTable[Profile]("profile", profileColumns)

// Fields are the names on the wire and, in their order, pointers to the values.
func (p *Profile) Fields() (names []string, values []any) { return profiles.names, p.fields() }

func (p *Profile) fields() []any {
	return []any{&p.Height, &p.Education, &p.Occupation, &p.Employer, &p.Income, &p.Region, &p.Religion, &p.Introduction}
}

// Lifestyle is how a member lives. Every field may be absent.
type Lifestyle struct {
	Smoking  *string  `json:"smoking"`
	Drinking *string  `json:"drinking"`
	Exercise *string  `json:"exercise"`
	Diet     *string  `json:"diet"`
	Pets     []string `json:"pets"`
	Hobbies  []string `json:"hobbies"`
}

const lifestyleColumns = "smoking, drinking, exercise, diet, pets, hobbies"

var lifestyles = newTable[Lifestyle]("lifestyle", lifestyleColumns)

// Fields are the names on the wire and, in their order, pointers to the values.
func (l *Lifestyle) Fields() (names []string, values []any) { return lifestyles.names, l.fields() }

func (l *Lifestyle) fields() []any {
	return []any{&l.Smoking, &l.Drinking, &l.Exercise, &l.Diet, &l.Pets, &l.Hobbies}
}

// Preference is what a member seeks. Every field may be absent.
type Preference struct {
	AgeMin     *int     `json:"age_min"`
	AgeMax     *int     `json:"age_max"`
	HeightMin  *int     `json:"height_min"` // centimetres
	HeightMax  *int     `json:"height_max"`
	Genders    []string `json:"genders"`
	Regions    []string `json:"regions"`
	Educations []string `json:"educations"`
	Religions  []string `json:"religions"`
	Qualities  []string `json:"qualities"` // what matters, the weightiest first
	Goal       *string  `json:"goal"`
}

const preferenceColumns = "age_min, age_max, height_min, height_max, genders, regions, educations, religions, qualities, goal"

var preferences = newTable[Preference]("preference", preferenceColumns)

// Fields are the names on the wire and, in their order, pointers to the values.
func (p *Preference) Fields() (names []string, values []any) { return preferences.names, p.fields() }

func (p *Preference) fields() []any {
	return []any{
		&p.AgeMin, &p.AgeMax, &p.HeightMin, &p.HeightMax,
		&p.Genders, &p.Regions, &p.Educations, &p.Religions, &p.Qualities, &p.Goal,
	}
}

// Subscription is a plan that a member has for a time. A member has one at a
// time; those before are kept.
type Subscription struct {
	ID        ids.Row            `json:"id"`
	Plan      string             `json:"plan"`
	Status    SubscriptionStatus `json:"status"`
	StartedAt time.Time          `json:"started_at"`
	ExpiresAt *time.Time         `json:"expires_at"`
}

const subscriptionColumns = "id, plan, status, started_at, expires_at"

// The current one of several is in a part of the table that an index has.
var subscriptions = newTable[Subscription]("subscription", subscriptionColumns).where("current")

// Fields are the names on the wire and, in their order, pointers to the values.
func (s *Subscription) Fields() (names []string, values []any) {
	return subscriptions.names, s.fields()
}

func (s *Subscription) fields() []any {
	return []any{&s.ID, &s.Plan, (*string)(&s.Status), &s.StartedAt, &s.ExpiresAt}
}

// SubscriptionStatus says whether a subscription serves its member.
type SubscriptionStatus string

// The states of a subscription.
const (
	SubscriptionActive    SubscriptionStatus = "active"
	SubscriptionPaused    SubscriptionStatus = "paused"
	SubscriptionCancelled SubscriptionStatus = "cancelled"
	SubscriptionExpired   SubscriptionStatus = "expired"
)

// SubscriptionStatuses are all states of a subscription.
func SubscriptionStatuses() []SubscriptionStatus {
	return []SubscriptionStatus{SubscriptionActive, SubscriptionPaused, SubscriptionCancelled, SubscriptionExpired}
}
