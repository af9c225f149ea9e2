package member

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/musterhq/muster/internal/audit"
	"github.com/musterhq/muster/internal/counters"
	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/internal/ids"
	"github.com/musterhq/muster/internal/media"
	"github.com/musterhq/muster/internal/nameindex"
	"github.com/musterhq/muster/query"
	"github.com/musterhq/muster/session"
)

// What is recorded of members. The fields of an entry are those that changed,
// as [privacy] has them shown.
const (
	ActionCreated  audit.Action = "member.create"
	ActionChanged  audit.Action = "member.change"
	ActionDeleted  audit.Action = "member.delete"
	ActionRestored audit.Action = "member.restore"
	ActionImported audit.Action = "member.import"
	ActionExported audit.Action = "member.export"
	ActionSearched audit.Action = "phone.search" // by more of a phone than is shown
	ActionRevealed audit.Action = "phone.reveal"
	ActionOpened   audit.Action = "document.reveal"
)

// Create adds the changes that make a member of n, which has passed Check, and
// gives it as a loader will, with all relations. Nothing is asked: all travels
// with the commit. Faults, at the commit: phone_taken, external_id_taken.
func Create(w *session.Write, by audit.Recorder, rules Rules, n New, at time.Time) Detail {
	d := add(w, &n, at)
	w.Add(nameindex.Enqueue(d.ID))
	w.Add(counters.Move(nil, rules.kindOf(&d.User), at)...)
	by.Record(w, audit.Event{Action: ActionCreated, Member: d.ID, Became: d.present()}, at)
	return d
}

// createStep is how many members of a batch travel together: all at once would
// take a multiple of their own memory.
const createStep = 500

// CreateMany is Create for a batch, with one delta for each kind of member and
// the names in the search index already. A fault refuses the whole batch. The
// record is the caller's to write: one entry for all.
func CreateMany(ctx context.Context, w *session.Write, rules Rules, list []New, at time.Time) ([]ids.Member, error) {
	made := make([]ids.Member, len(list))
	names := make([]nameindex.Entry, len(list))
	t := make(counters.Tally)
	for i := range list {
		n := &list[i]
		d := add(w, n, at)
		made[i] = d.ID
		names[i] = n.entry(d.ID)
		t[*rules.kindOf(&d.User)]++
		if i%createStep == createStep-1 {
			if err := w.Gather(ctx); err != nil { // sends what was added
				return nil, err
			}
		}
	}
	w.Add(t.Add(at)...)
	if err := nameindex.Add(ctx, w, names); err != nil {
		return nil, fmt.Errorf("indexing names: %w", err)
	}
	return made, nil
}

// add adds the rows of a new member, the user first.
func add(w *session.Write, n *New, at time.Time) Detail {
	id := ids.New[ids.Member](n.created(at))
	w.Add(insertUser(id, n, at))
	if n.Profile != nil {
		w.Add(profiles.insert(id, n.Profile))
	}
	if n.Lifestyle != nil {
		w.Add(lifestyles.insert(id, n.Lifestyle))
	}
	if n.Preference != nil {
		w.Add(preferences.insert(id, n.Preference))
	}
	if n.Subscription != nil {
		w.Add(subscriptions.insert(id, n.Subscription))
	}
	return Detail{
		User: User{
			ID: id, ExternalID: n.ExternalID, Phone: n.Phone, Name: n.Name, Gender: n.Gender, BirthYear: n.BirthYear,
			Status: n.Status, CreatedAt: id.Time(), UpdatedAt: at.UTC().Truncate(time.Microsecond), Version: 1,
		},
		Profile: n.Profile, Lifestyle: n.Lifestyle, Preference: n.Preference, Subscription: n.Subscription,
		Photos: []media.Photo{}, Documents: []media.Document{},
	}
}

// Update applies a JSON merge patch (RFC 7396) to a member and its profile,
// lifestyle, preference and subscription, and gives the member as it is then,
// with all relations. A patch that changes nothing leaves the version as it is.
// ifVersion, if not nil, is the version that the caller saw. Faults: not_found,
// invalid, version_mismatch with [Stale], illegal_transition, phone_taken.
func Update(ctx context.Context, w *session.Write, by audit.Recorder, rules Rules, id ids.Member, patch []byte, ifVersion *int64, at time.Time) (Detail, error) {
	old, err := session.Run(ctx, w, Load(id, WithAll))
	if err != nil {
		return Detail{}, err
	}
	d, err := apply(old, patch, rules, at)
	if err != nil {
		return Detail{}, err
	}
	if ifVersion != nil && *ifVersion != old.Version {
		return Detail{}, stale(&old, &d, patch)
	}
	if err := transition(old.Status, d.Status); err != nil {
		return Detail{}, err
	}
	changes := changeRelations(&old, &d, at)
	if reflect.DeepEqual(old.User, d.User) && len(changes) == 0 {
		return old, nil
	}
	d.touch(at)
	w.Add(update(&old.User, &d.User))
	w.Add(changes...)
	w.Add(counters.Move(rules.kindOf(&old.User), rules.kindOf(&d.User), at)...)
	if d.Name != old.Name || !reflect.DeepEqual(d.Phone, old.Phone) {
		w.Add(nameindex.Enqueue(id))
	}
	was, became := differences(&old, &d)
	by.Record(w, audit.Event{Action: ActionChanged, Member: id, Was: was, Became: became}, at)
	return d, nil
}

// touch makes u a later version of itself.
func (u *User) touch(at time.Time) {
	u.Version++
	u.UpdatedAt = at.UTC().Truncate(time.Microsecond)
}

// transition checks that a status may follow another.
func transition(from, to Status) error {
	if from == to || slices.Contains(from.Next(), to) {
		return nil
	}
	var allowed []string
	for _, s := range from.Next() {
		allowed = append(allowed, string(s))
	}
	f := fault.New(fault.Conflict, ErrIllegalTransition.Code, "A member that is %s cannot become %s, only %s.",
		from, to, strings.Join(allowed, " or "))
	return f.With(Transition{From: from, To: to, Allowed: from.Next()})
}

// Transition is the detail of an illegal_transition.
type Transition struct {
	From    Status   `json:"from"`
	To      Status   `json:"to"`
	Allowed []Status `json:"allowed"`
}

// changeRelations are the changes that make the relations of old those of d.
func changeRelations(old, d *Detail, at time.Time) []query.Change {
	list := slices.Concat(
		profiles.change(d.ID, old.Profile, d.Profile),
		lifestyles.change(d.ID, old.Lifestyle, d.Lifestyle),
		preferences.change(d.ID, old.Preference, d.Preference))
	was, is := old.Subscription, d.Subscription
	switch {
	case reflect.DeepEqual(was, is):
	case is == nil:
		list = append(list, endSubscription(d.ID))
	case was != nil && was.Plan == is.Plan && was.StartedAt.Equal(is.StartedAt):
		list = append(list, changeSubscription(d.ID, is))
	default:
		is.ID = ids.New[ids.Row](at)
		list = append(list, startSubscription(d.ID, is)...)
	}
	return list
}

// change are the changes that make the row of a member another.
func (t table[T, R]) change(id ids.Member, was, is *T) []query.Change {
	switch {
	case reflect.DeepEqual(was, is):
		return nil
	case is == nil:
		return []query.Change{t.delete(id)}
	default:
		return []query.Change{t.replace(id, is)}
	}
}

// Delete soft-deletes a member and gives it as it is then, with all relations.
// One that is deleted already is not found: a client that repeats the call
// learns that it is gone. Faults: not_found, version_mismatch with [Stale].
func Delete(ctx context.Context, w *session.Write, by audit.Recorder, rules Rules, id ids.Member, ifVersion *int64, at time.Time) (Detail, error) {
	d, err := session.Run(ctx, w, Load(id, WithAll))
	if err != nil {
		return Detail{}, err
	}
	if ifVersion != nil && *ifVersion != d.Version {
		return Detail{}, stale(&d, &d, nil)
	}
	old := d.User
	d.touch(at)
	deleted := d.UpdatedAt
	d.DeletedAt = &deleted
	w.Add(setDeleted(&old, &d.User))
	w.Add(counters.Move(rules.kindOf(&old), nil, at)...)
	by.Record(w, audit.Event{Action: ActionDeleted, Member: id}, at)
	return d, nil
}

// Restore brings a soft-deleted member back and gives it as it is then, with
// all relations. One that is not deleted is left as it is. Faults: not_found,
// version_mismatch with [Stale], phone_taken when another member has the phone
// by now.
func Restore(ctx context.Context, w *session.Write, by audit.Recorder, rules Rules, id ids.Member, ifVersion *int64, at time.Time) (Detail, error) {
	d, err := session.Run(ctx, w, Load(id, WithAll|IncludeDeleted))
	if err != nil {
		return Detail{}, err
	}
	if ifVersion != nil && *ifVersion != d.Version {
		return Detail{}, stale(&d, &d, nil)
	}
	if d.DeletedAt == nil {
		return d, nil
	}
	old := d.User
	d.touch(at)
	d.DeletedAt = nil
	w.Add(setDeleted(&old, &d.User))
	w.Add(counters.Move(nil, rules.kindOf(&d.User), at)...)
	by.Record(w, audit.Event{Action: ActionRestored, Member: id}, at)
	return d, nil
}
