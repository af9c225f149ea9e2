package demo

import (
	"time"

	"github.com/musterhq/muster/internal/media"
	"github.com/musterhq/muster/internal/member"
)

// A person is a member before its creation.
type person struct {
	member.Detail
	former    []member.Subscription // before the current one
	photos    []picture
	documents []paper
	deleted   time.Time // zero: never
}

// A picture becomes a photo, and a paper a document.
type (
	picture struct {
		drawing int // in the album
		status  media.Status
	}
	paper struct {
		kind             int
		status           media.Status
		reviewer, reason string
		expires          *time.Time
	}
)

// personOf returns the i-th person, who signed up at the time.
func personOf(seed uint64, i int, at, now time.Time) person {
	d := newDice(seed, i)
	t := d.tongue()
	gender := d.gender()
	born := d.born(now)
	p := person{Detail: member.Detail{
		User: member.User{CreatedAt: at,
			Phone:     new(phone(i)),
			Name:      d.name(t, gender),
			Gender:    gender,
			BirthYear: &born,
			Status:    d.status(now.Sub(at))},
	}}
	if d.in(92) {
		p.Profile = d.profile(t, gender)
	}
	if d.in(68) {
		p.Lifestyle = d.lifestyle()
	}
	if d.in(61) {
		p.Preference = d.preference(gender, now.Year()-born)
	}
	d.media(&p)
	age := now.Sub(at)
	if left := d.Float64(); d.IntN(1000) < 15 && age > 24*time.Hour {
		p.deleted = at.Add(time.Duration(left * float64(age))).Truncate(time.Microsecond)
	}
	d.subscribe(&p, at, now) // last: how many numbers it draws depends on the time
	return p
}

func (d dice) tongue() *tongue {
	n := d.IntN(100)
	for i := range tongues {
		if n -= tongues[i].share; n < 0 {
			return &tongues[i]
		}
	}
	return &tongues[0]
}

func (d dice) gender() member.Gender {
	switch n := d.IntN(100); {
	case n < 51:
		return member.Male
	case n < 97:
		return member.Female
	default:
		return member.Other
	}
}

func (d dice) name(t *tongue, g member.Gender) string {
	given := t.female
	if g == member.Male || g == member.Other && d.in(50) {
		given = t.male
	}
	return t.name(pick(d, t.family), pick(d, given), g)
}

// born returns a year of birth: most members are about thirty, and none is under age.
func (d dice) born(now time.Time) int {
	age := 20 + d.IntN(12) + d.IntN(12)
	if d.in(8) {
		age += d.IntN(35)
	}
	return now.Year() - age
}

// status returns the status of a member who signed up so long ago.
func (d dice) status(age time.Duration) member.Status {
	pending, needsInfo, rejected, suspended := 2, 2, 9, 3
	switch {
	case age < 3*24*time.Hour:
		pending, needsInfo, rejected, suspended = 68, 8, 3, 0
	case age < 14*24*time.Hour:
		pending, needsInfo, rejected, suspended = 15, 9, 10, 1
	}
	switch n := d.IntN(100); {
	case n < pending:
		return member.Pending
	case n < pending+needsInfo:
		return member.NeedsInfo
	case n < pending+needsInfo+rejected:
		return member.Rejected
	case n < pending+needsInfo+rejected+suspended:
		return member.Suspended
	default:
		return member.Approved
	}
}

func (d dice) profile(t *tongue, g member.Gender) *member.Profile {
	p := &member.Profile{
		Education:  maybe(d, 88, educations),
		Occupation: maybe(d, 90, t.occupations),
		Employer:   maybe(d, 55, t.employers),
		Region:     maybe(d, 95, regions),
		Religion:   maybe(d, 60, religions),
	}
	if d.in(90) {
		p.Height = new(d.height(g))
	}
	if d.in(50) {
		p.Income = new(int64(d.between(24, 120)) * 1_000_000)
	}
	if d.in(75) {
		p.Introduction = new(t.text(pick(d, t.openings), pick(d, t.lines), pick(d, t.wishes)))
	}
	return p
}

// height returns a height from a bell-shaped distribution.
func (d dice) height(g member.Gender) int {
	middle := 168
	switch g {
	case member.Male:
		middle = 174
	case member.Female:
		middle = 162
	case member.Other:
	}
	return middle + d.IntN(12) + d.IntN(12) - 11
}

func (d dice) lifestyle() *member.Lifestyle {
	l := &member.Lifestyle{
		Smoking:  maybe(d, 90, habits),
		Drinking: maybe(d, 90, habits),
		Exercise: maybe(d, 80, habits),
		Diet:     maybe(d, 50, diets),
	}
	if d.in(40) {
		l.Pets = some(d, pets, 2)
	}
	if d.in(85) {
		l.Hobbies = some(d, hobbies, 5)
	}
	return l
}

func (d dice) preference(g member.Gender, age int) *member.Preference {
	p := &member.Preference{Genders: []string{string(member.Male)}, Goal: maybe(d, 80, goals)}
	if g == member.Male {
		p.Genders[0] = string(member.Female)
	}
	if d.in(6) {
		p.Genders = []string{string(member.Female), string(member.Male), string(member.Other)}
	}
	if d.in(90) {
		p.AgeMin, p.AgeMax = new(max(19, age-d.between(1, 8))), new(age+d.between(1, 10))
	}
	if d.in(40) {
		low := d.between(150, 175)
		p.HeightMin, p.HeightMax = &low, new(low+d.between(5, 25))
	}
	if d.in(50) {
		p.Regions = some(d, regions[2:], 3) // where each region occurs once
	}
	if d.in(30) {
		p.Educations = some(d, educations[4:], 2)
	}
	if d.in(20) {
		p.Religions = some(d, religions[2:], 2)
	}
	if d.in(60) {
		p.Qualities = some(d, qualities, 4)
	}
	return p
}

// term is the duration of a subscription.
const term = 90 * 24 * time.Hour

// subscribe adds the subscriptions since the member signed up, one after the other.
func (d dice) subscribe(p *person, at, now time.Time) {
	if p.Status == member.Pending || !d.in(58) {
		return
	}
	start := at.Add(time.Duration(d.IntN(72*60)) * time.Minute)
	for start.Before(now) {
		if p.Subscription != nil {
			p.former = append(p.former, *p.Subscription)
		}
		end := start.Add(term)
		s := member.Subscription{Plan: pick(d, plans), Status: member.SubscriptionActive, StartedAt: start, ExpiresAt: &end}
		switch {
		case !end.After(now):
			s.Status = member.SubscriptionExpired
		case d.in(6):
			s.Status = member.SubscriptionPaused
		case d.in(9):
			s.Status = member.SubscriptionCancelled
		}
		p.Subscription = &s
		if d.in(35) {
			return // not renewed
		}
		start = end
	}
}

func (d dice) media(p *person) {
	if d.in(85) {
		sitter, n := d.sitter(p.Gender), d.between(1, poses)
		for _, pose := range d.Perm(poses)[:n] {
			p.photos = append(p.photos, picture{sitter*poses + pose, d.verdict(p.Status)})
		}
	}
	if d.in(45) {
		n := d.between(1, 2)
		for _, kind := range d.Perm(len(kinds))[:n] {
			doc := paper{kind: kind, status: d.verdict(p.Status), reviewer: pick(d, reviewers), reason: pick(d, reasons)}
			if d.in(50) {
				doc.expires = new(p.CreatedAt.AddDate(d.between(1, 9), 0, 0))
			}
			p.documents = append(p.documents, doc)
		}
	}
}

// sitter returns the number of the sitter for a member's photos.
func (d dice) sitter(g member.Gender) int {
	n := d.IntN(sitters / 2)
	if g == member.Male {
		n += sitters / 2
	}
	return n
}

// verdict returns the status of a photo or document of a member with the status.
func (d dice) verdict(s member.Status) media.Status {
	switch {
	case s == member.Pending:
		return media.Pending
	case s == member.Approved && d.in(94), s == member.Suspended:
		return media.Approved
	case d.in(40):
		return media.Rejected
	default:
		return media.Pending
	}
}
