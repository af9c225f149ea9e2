package member

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/musterhq/muster/internal/audit"
	"github.com/musterhq/muster/internal/counters"
	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/internal/field"
	"github.com/musterhq/muster/internal/ids"
	"github.com/musterhq/muster/internal/media"
	"github.com/musterhq/muster/internal/nameindex"
	"github.com/musterhq/muster/query"
	"github.com/musterhq/muster/session"
)

// The actions on members that the audit log records. The fields of an entry are
// those that changed, masked.
const (
	ActionCreated  audit.Action = "member.create"
	ActionChanged  audit.Action = "member.change"
	ActionDeleted  audit.Action = "member.delete"
	ActionRestored audit.Action = "member.restore"
	ActionImported audit.Action = "member.import"
	ActionExported audit.Action = "member.export"
	ActionSearched audit.Action = "phone.search" // by more digits of a phone than its mask shows
	ActionRevealed audit.Action = "phone.reveal"
	ActionOpened   audit.Action = "document.reveal"
)

// Create adds the changes that create the member d, which passed [Rules.Check] or
// [Rules.Decode], and returns it as [Load] will, with all relations. It reads
// nothing: all changes travel with the commit. A zero CreatedAt becomes at.
// Faults, at the commit: phone_taken, external_id_taken.
func Create(w *session.Write, by audit.Recorder, rules Rules, d Detail, at time.Time) Detail {
	d = add(w, d, nameindex.Normalize(d.Name), at)
	w.Add(nameindex.Enqueue(d.ID))
	w.Add(counters.Move(nil, rules.kindOf(&d.User), at)...)
	by.Record(w, audit.Event{Action: ActionCreated, Member: d.ID, Became: present(&d)}, at)
	return d
}

// Draft is a member to create in a batch, with its entry of the search index: the
// write session then has less to do.
type Draft struct {
	Detail
	name  string // normalized
	grams []string
}

// Draft returns the draft of a member that passed [Rules.Check].
func (d Detail) Draft() Draft {
	name := nameindex.Normalize(d.Name)
	return Draft{d, name, nameindex.Grams(name, d.Phone)}
}

// createStep is how many members of a batch travel together. All at once would
// need a multiple of their memory.
const createStep = 500

// CreateMany is [Create] for a batch. It counts the members of a kind together and
// adds the names to the search index at once. A fault refuses the whole batch. It
// writes no entry of the audit log: the caller records one for the batch.
func CreateMany(ctx context.Context, w *session.Write, rules Rules, list []Draft, at time.Time) ([]ids.Member, error) {
	created := make([]ids.Member, len(list))
	names := make([]nameindex.Entry, len(list))
	t := make(counters.Tally)
	for i := range list {
		d := add(w, list[i].Detail, list[i].name, at)
		created[i] = d.ID
		names[i] = nameindex.Entry{ID: d.ID, Grams: list[i].grams}
		t[*rules.kindOf(&d.User)]++
		if i%createStep == createStep-1 {
			if err := w.Gather(ctx); err != nil { // sends the changes so far
				return nil, err
			}
		}
	}
	w.Add(t.Add(at)...)
	if err := nameindex.Add(ctx, w, names); err != nil {
		return nil, fmt.Errorf("indexing names: %w", err)
	}
	return created, nil
}

// add inserts the rows of a new member, whose normalized name is name.
func add(w *session.Write, d Detail, name string, at time.Time) Detail {
	created := d.CreatedAt
	if created.IsZero() {
		created = at
	}
	d.ID = ids.New[ids.Member](created)
	d.CreatedAt, d.UpdatedAt, d.Version = d.ID.Time(), now(at), 1
	w.Add(insertUser(&d.User, name))
	d.Photos, d.Documents = []media.Photo{}, []media.Document{}
	none := Detail{User: d.User}
	for _, r := range relations {
		w.Add(r.change(&none, &d, at)...)
	}
	return d
}

// Update applies a JSON merge patch (RFC 7396) to a member and the relations that
// are written with it, and returns the changed member with all relations. A patch
// that changes nothing leaves the version as it is. If ifVersion is not nil, the
// member must have this version. Faults: not_found, invalid, version_mismatch with
// [Stale], illegal_transition, phone_taken.
func Update(ctx context.Context, w *session.Write, by audit.Recorder, rules Rules, id ids.Member, patch []byte, ifVersion *int64, at time.Time) (Detail, error) {
	old, err := session.Run(ctx, w, Load(id, WithAll))
	if err != nil {
		return Detail{}, err
	}
	d, given, err := apply(old, patch, rules, at)
	if err != nil {
		return Detail{}, err
	}
	if ifVersion != nil && *ifVersion != old.Version {
		return Detail{}, stale(&old, &d, given)
	}
	if err := transition(old.Status, d.Status); err != nil {
		return Detail{}, err
	}
	var changes []query.Change
	for _, r := range relations {
		changes = append(changes, r.change(&old, &d, at)...)
	}
	if equal(old.User, d.User) && len(changes) == 0 {
		return old, nil
	}
	d.touch(at)
	w.Add(update(&old.User, &d.User))
	w.Add(changes...)
	w.Add(counters.Move(rules.kindOf(&old.User), rules.kindOf(&d.User), at)...)
	if d.Name != old.Name || !equal(d.Phone, old.Phone) {
		w.Add(nameindex.Enqueue(id))
	}
	was, became := changed(&old, &d)
	by.Record(w, audit.Event{Action: ActionChanged, Member: id, Was: was, Became: became}, at)
	return d, nil
}

// touch makes u the next version.
func (u *User) touch(at time.Time) {
	u.Version++
	u.UpdatedAt = now(at)
}

// transition returns a fault unless a status may follow another.
func transition(from, to Status) error {
	if from == to || slices.Contains(from.Next(), to) {
		return nil
	}
	f := fault.New(fault.Conflict, ErrIllegalTransition.Code, "A member that is %s cannot become %s, only %s.",
		from, to, strings.Join(field.Strings(from.Next()), " or "))
	return f.With(Transition{From: from, To: to, Allowed: from.Next()})
}

// Transition is the detail of an illegal_transition.
type Transition struct {
	From    Status   `json:"from"`
	To      Status   `json:"to"`
	Allowed []Status `json:"allowed"`
}

// loadVersion loads a member, which must have the version if it is not nil.
func loadVersion(ctx context.Context, w *session.Write, id ids.Member, rel Relations, version *int64) (Detail, error) {
	d, err := session.Run(ctx, w, Load(id, rel))
	if err == nil && version != nil && *version != d.Version {
		err = stale(&d, &d, nil)
	}
	if err != nil {
		return Detail{}, err
	}
	return d, nil
}

// Delete soft-deletes a member and returns it with all relations. A client that
// repeats the call gets not_found. Faults: not_found, version_mismatch with
// [Stale].
func Delete(ctx context.Context, w *session.Write, by audit.Recorder, rules Rules, id ids.Member, ifVersion *int64, at time.Time) (Detail, error) {
	d, err := loadVersion(ctx, w, id, WithAll, ifVersion)
	if err != nil {
		return Detail{}, err
	}
	old := d.User
	d.touch(at)
	d.DeletedAt = new(d.UpdatedAt)
	w.Add(setDeleted(&old, &d.User))
	w.Add(counters.Move(rules.kindOf(&old), nil, at)...)
	by.Record(w, audit.Event{Action: ActionDeleted, Member: id}, at)
	return d, nil
}

// Restore restores a soft-deleted member and returns it with all relations. A
// member that is not deleted stays as it is. Faults: not_found, version_mismatch
// with [Stale], phone_taken if another member has the phone now.
func Restore(ctx context.Context, w *session.Write, by audit.Recorder, rules Rules, id ids.Member, ifVersion *int64, at time.Time) (Detail, error) {
	d, err := loadVersion(ctx, w, id, WithAll|IncludeDeleted, ifVersion)
	if err != nil || d.DeletedAt == nil {
		return d, err
	}
	old := d.User
	d.touch(at)
	d.DeletedAt = nil
	w.Add(setDeleted(&old, &d.User))
	w.Add(counters.Move(nil, rules.kindOf(&d.User), at)...)
	by.Record(w, audit.Event{Action: ActionRestored, Member: id}, at)
	return d, nil
}
