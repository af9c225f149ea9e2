package member

import (
	"context"
	"slices"
	"time"

	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/internal/ids"
	"github.com/musterhq/muster/internal/media"
	"github.com/musterhq/muster/internal/nameindex"
	"github.com/musterhq/muster/query"
	"github.com/musterhq/muster/session"
)

// UserColumns are the columns of users, as u, that [ScanUser] reads.
const UserColumns = "u.id, u.external_id, u.phone, u.name, u.gender, u.birth_year, u.status, u.updated_at, u.deleted_at, u.version"

// ScanUser reads a row of [UserColumns].
func ScanUser(r query.Row) (u User, err error) {
	var year int
	err = r.Scan(&u.ID, &u.ExternalID, &u.Phone, &u.Name, (*string)(&u.Gender), &year,
		(*string)(&u.Status), &u.UpdatedAt, &u.DeletedAt, &u.Version)
	if year != 0 {
		u.BirthYear = &year
	}
	u.CreatedAt = u.ID.Time() // the column is for those who read the table
	return u, err
}

// NotFound is the fault for a member that is absent or deleted.
func NotFound(id ids.Member) *fault.Error {
	return fault.New(fault.NotFound, "not_found", "User %s not found", id)
}

// Load is a member with the relations in rel, in one round trip: a statement
// for the member and one for each relation. Faults: not_found, also for one
// that is deleted, unless rel has [IncludeDeleted].
func Load(id ids.Member, rel Relations) query.Query[Detail] {
	return query.Together(func(d *Detail) []query.Part {
		parts := make([]query.Part, 0, 1+len(relationNames))
		parts = append(parts, query.Into(&d.User, byID(id, rel)))
		if rel&WithProfile != 0 {
			parts = append(parts, query.Into(&d.Profile, profiles.of(id)))
		}
		if rel&WithLifestyle != 0 {
			parts = append(parts, query.Into(&d.Lifestyle, lifestyles.of(id)))
		}
		if rel&WithPreference != 0 {
			parts = append(parts, query.Into(&d.Preference, preferences.of(id)))
		}
		if rel&WithSubscription != 0 {
			parts = append(parts, query.Into(&d.Subscription, subscriptions.of(id)))
		}
		if rel&WithPhotos != 0 {
			parts = append(parts, query.Into(&d.Photos, media.PhotosOf(id)))
		}
		if rel&WithDocuments != 0 {
			parts = append(parts, query.Into(&d.Documents, media.DocumentsOf(id)))
		}
		return parts
	})
}

const selectUser = "select " + UserColumns + " from users u where u.id = $1"

func byID(id ids.Member, rel Relations) query.Query[User] {
	text := selectUser + " and u.deleted_at is null"
	if rel&IncludeDeleted != 0 {
		text = selectUser
	}
	return query.Map(query.Maybe(text, ScanUser, id), func(u *User) (User, error) {
		if u == nil {
			return User{}, NotFound(id)
		}
		return *u, nil
	})
}

// LoadAll is the members of the list, in its order, with the relations in rel:
// one round trip, and one statement for each relation. One that is absent is
// left out. The list is a page: it has at most a few hundred members.
func LoadAll(list []ids.Member, rel Relations) query.Query[[]Detail] {
	text := "select " + UserColumns + " from users u where u.id {in_ids $1}"
	if rel&IncludeDeleted == 0 {
		text += " and u.deleted_at is null"
	}
	type loaded struct {
		users     []User
		relations relations
	}
	both := query.Together(func(l *loaded) []query.Part {
		return []query.Part{
			query.Into(&l.users, query.Many(text, ScanUser, list)),
			query.Into(&l.relations, relationsOf(list, rel)),
		}
	})
	return query.Map(both, func(l loaded) ([]Detail, error) {
		at := make(map[ids.Member]int, len(list))
		for i, id := range list {
			at[id] = i
		}
		slices.SortFunc(l.users, func(a, b User) int { return at[a.ID] - at[b.ID] })
		return l.relations.attach(l.users, rel), nil
	})
}

// relations are what a page of members has, by member.
type relations struct {
	profile      map[ids.Member]*Profile
	lifestyle    map[ids.Member]*Lifestyle
	preference   map[ids.Member]*Preference
	subscription map[ids.Member]*Subscription
	photos       map[ids.Member][]media.Photo
	documents    map[ids.Member][]media.Document
}

func relationsOf(list []ids.Member, rel Relations) query.Query[relations] {
	return query.Together(func(x *relations) (parts []query.Part) {
		if rel&WithProfile != 0 {
			parts = append(parts, query.Into(&x.profile, profiles.ofAll(list)))
		}
		if rel&WithLifestyle != 0 {
			parts = append(parts, query.Into(&x.lifestyle, lifestyles.ofAll(list)))
		}
		if rel&WithPreference != 0 {
			parts = append(parts, query.Into(&x.preference, preferences.ofAll(list)))
		}
		if rel&WithSubscription != 0 {
			parts = append(parts, query.Into(&x.subscription, subscriptions.ofAll(list)))
		}
		if rel&WithPhotos != 0 {
			parts = append(parts, query.Into(&x.photos, media.PhotosOfAll(list)))
		}
		if rel&WithDocuments != 0 {
			parts = append(parts, query.Into(&x.documents, media.DocumentsOfAll(list)))
		}
		return parts
	})
}

func (x relations) attach(users []User, rel Relations) []Detail {
	list := make([]Detail, len(users))
	for i, u := range users {
		list[i] = Detail{
			User: u, Profile: x.profile[u.ID], Lifestyle: x.lifestyle[u.ID], Preference: x.preference[u.ID],
			Subscription: x.subscription[u.ID], Photos: x.photos[u.ID], Documents: x.documents[u.ID],
		}
		if rel&WithPhotos != 0 && list[i].Photos == nil {
			list[i].Photos = []media.Photo{}
		}
		if rel&WithDocuments != 0 && list[i].Documents == nil {
			list[i].Documents = []media.Document{}
		}
	}
	return list
}

// WithRelations returns the users with the relations in rel, in one round trip
// if there are any.
func WithRelations(ctx context.Context, r *session.Read, users []User, rel Relations) ([]Detail, error) {
	var x relations
	if rel&WithAll != 0 && len(users) > 0 {
		list := make([]ids.Member, len(users))
		for i, u := range users {
			list[i] = u.ID
		}
		var err error
		if x, err = session.Run(ctx, r, relationsOf(list, rel)); err != nil {
			return nil, err
		}
	}
	return x.attach(users, rel), nil
}

// TakenPhones are those of the E.164 phones that live members have.
func TakenPhones(phones []string) query.Query[[]string] {
	return query.Many("select phone from users where phone {in $1} and deleted_at is null", scanText, phones)
}

// KnownExternalIDs are those of the external ids that members have, deleted
// ones included.
func KnownExternalIDs(list []string) query.Query[[]string] {
	return query.Many("select external_id from users where external_id {in $1} and external_id is not null", scanText, list)
}

func scanText(r query.Row) (s string, err error) { return s, r.Scan(&s) }

// insertUser adds the row of a new member.
func insertUser(id ids.Member, n *New, updated time.Time) query.Change {
	return query.Exec(`
		insert into users (id, external_id, phone, name, name_key, gender, birth_year, status, created_at, updated_at, version)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 1)`,
		id, n.ExternalID, n.Phone, n.Name, n.normalizedName(), string(n.Gender), StoredYear(n.BirthYear), string(n.Status), id.Time(), updated).
		OnConflict("users_phone_key", ErrPhoneTaken).
		OnConflict("users_external_id_key", ErrExternalTaken)
}

// startSubscription makes s the current subscription; one before it is kept.
func startSubscription(id ids.Member, s *Subscription) []query.Change {
	return []query.Change{endSubscription(id), subscriptions.insert(id, s)}
}

func endSubscription(id ids.Member) query.Change {
	return query.Exec("update subscription set current = $2 where member_id = $1 and current", id, false)
}

func changeSubscription(id ids.Member, s *Subscription) query.Change {
	return query.Exec("update subscription set status = $3, expires_at = $4 where member_id = $1 and id = $2",
		id, s.ID, string(s.Status), s.ExpiresAt)
}

// update writes the row of a member that was loaded as old, if it still is so
// and its status may become the new one.
func update(old, u *User) query.Change {
	from := append(u.Status.before(), string(u.Status))
	return query.Exec(`
		update users set phone = $3, name = $4, name_key = $5, gender = $6, birth_year = $7, status = $8,
			updated_at = $9, version = version + 1
		where id = $1 and version = $2 and deleted_at is null and status {in $10}`,
		u.ID, old.Version, u.Phone, u.Name, nameindex.Normalize(u.Name), string(u.Gender), StoredYear(u.BirthYear), string(u.Status), u.UpdatedAt, from).
		OnConflict("users_phone_key", ErrPhoneTaken).
		Else(ErrVersionMismatch)
}

// StoredYear is a birth year as it is stored, 0 for none: an order of a list has
// no place for NULL that both databases agree on.
func StoredYear(year *int) int {
	if year == nil {
		return 0
	}
	return *year
}

// setDeleted writes whether a member that was loaded as old is deleted.
func setDeleted(old, u *User) query.Change {
	return query.Exec(`
		update users set deleted_at = $3, updated_at = $4, version = version + 1
		where id = $1 and version = $2`, u.ID, old.Version, u.DeletedAt, u.UpdatedAt).
		OnConflict("users_phone_key", ErrPhoneTaken).
		Else(ErrVersionMismatch)
}
