package member

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/internal/field"
	"github.com/musterhq/muster/internal/ids"
	"github.com/musterhq/muster/internal/nameindex"
	"github.com/musterhq/muster/query"
	"github.com/musterhq/muster/session"
)

// Faults of operations.
var (
	ErrPhoneTaken        = fault.New(fault.Conflict, "phone_taken", "Another member has this phone number.")
	ErrExternalTaken     = fault.New(fault.Conflict, "external_id_taken", "Another member has this external ID.")
	ErrVersionMismatch   = fault.New(fault.Stale, "version_mismatch", "The member was changed since you loaded it. Load it again, and repeat your change if it still applies.")
	ErrIllegalTransition = fault.New(fault.Conflict, "illegal_transition", "The status cannot change in this way.")
)

// NotFound returns the fault for a member that is absent or deleted.
func NotFound(id ids.Member) *fault.Error {
	return fault.New(fault.NotFound, "not_found", "User %s not found", id)
}

// UserColumns are the columns of users, as u, that [ScanUser] reads.
var UserColumns = field.For[User]().Columns("u.")

// ScanUser reads a row of [UserColumns].
func ScanUser(r query.Row) (u User, err error) {
	err = r.Scan(field.For[User]().Pointers(nil, &u)...)
	if u.BirthYear != nil && *u.BirthYear == 0 {
		u.BirthYear = nil
	}
	u.CreatedAt = u.ID.Time()
	return u, err
}

// StoredYear returns a birth year as it is stored, 0 for none: an order of a list
// has no place for NULL that both databases agree on.
func StoredYear(year *int) int {
	if year == nil {
		return 0
	}
	return *year
}

// Load is a member with the relations in rel, in one round trip: a statement
// for the member and one for each relation. Faults: not_found, also for one
// that is deleted, unless rel has [IncludeDeleted].
func Load(id ids.Member, rel Relations) query.Query[Detail] {
	return query.Together(func(d *Detail) []query.Part {
		parts := make([]query.Part, 0, 1+len(relations))
		parts = append(parts, query.Into(&d.User, byID(id, rel)))
		for i, r := range relations {
			if rel.has(i) {
				parts = append(parts, r.load(d, id))
			}
		}
		return parts
	})
}

var (
	selectUser = "select " + UserColumns + " from users u where u.id = $1"
	selectLive = selectUser + " and u.deleted_at is null"
)

func byID(id ids.Member, rel Relations) query.Query[User] {
	text := selectLive
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

// RelationsOf is the relations in rel of a page of members: its answer attaches
// to a member those that it has. It is one statement for each relation.
func RelationsOf(list []ids.Member, rel Relations) query.Query[func(*Detail)] {
	each := query.Together(func(attach *[]func(*Detail)) []query.Part {
		some := rel.list()
		*attach = make([]func(*Detail), len(some))
		parts := make([]query.Part, len(some))
		for i, r := range some {
			parts[i] = query.Into(&(*attach)[i], r.loadAll(list))
		}
		return parts
	})
	return query.Map(each, func(attach []func(*Detail)) (func(*Detail), error) {
		return func(d *Detail) {
			for _, fn := range attach {
				fn(d)
			}
		}, nil
	})
}

// WithRelations returns the users with the relations in rel, in one round trip
// if there are any.
func WithRelations(ctx context.Context, r *session.Read, users []User, rel Relations) ([]Detail, error) {
	page := make([]Detail, len(users))
	list := make([]ids.Member, len(users))
	for i, u := range users {
		page[i].User, list[i] = u, u.ID
	}
	if rel&WithAll == 0 || len(users) == 0 {
		return page, nil
	}
	attach, err := session.Run(ctx, r, RelationsOf(list, rel))
	if err != nil {
		return nil, err
	}
	for i := range page {
		attach(&page[i])
	}
	return page, nil
}

// TakenPhones are those of the E.164 phones that live members have.
func TakenPhones(phones []string) query.Query[[]string] {
	return query.Many("select phone from users where phone {in $1} and deleted_at is null", scanText, phones)
}

// KnownExternalIDs are those of the external IDs that members have, deleted
// ones included.
func KnownExternalIDs(list []string) query.Query[[]string] {
	return query.Many("select external_id from users where external_id {in $1} and external_id is not null", scanText, list)
}

func scanText(r query.Row) (s string, err error) { return s, r.Scan(&s) }

// The texts that write a user follow from its fields.
var (
	insertText = func() string {
		columns := append([]string{"name_key", "created_at"}, field.For[User]().ColumnNames()...)
		places := make([]string, len(columns))
		for i := range places {
			places[i] = "$" + strconv.Itoa(i+1)
		}
		return "insert into users (" + strings.Join(columns, ", ") + ") values (" + strings.Join(places, ", ") + ")"
	}()
	written = slices.DeleteFunc(slices.Clone(field.For[User]().Fields), func(f *field.Field) bool { return f.ReadOnly || f.Column == "" })

	updateText = func() string {
		var set strings.Builder
		for i, f := range written {
			set.WriteString(f.Column + " = $" + strconv.Itoa(6+i) + ", ")
		}
		return "update users set " + set.String() + `name_key = $4, updated_at = $5, version = version + 1
			where id = $1 and version = $2 and deleted_at is null and status {in $3}`
	}()
)

// insertUser adds the row of a new member. Name is the normalized one.
func insertUser(u *User, name string) query.Change {
	return query.Exec(insertText, field.For[User]().Values([]any{name, u.CreatedAt}, u)...).
		OnConflict("users_phone_key", ErrPhoneTaken).
		OnConflict("users_external_id_key", ErrExternalTaken)
}

// update writes the row of a member that was loaded as old, if it still is so
// and its status may become the new one.
func update(old, u *User) query.Change {
	from := append(u.Status.before(), string(u.Status))
	args := []any{u.ID, old.Version, from, nameindex.Normalize(u.Name), u.UpdatedAt}
	for _, f := range written {
		args = append(args, f.Argument(u))
	}
	return query.Exec(updateText, args...).
		OnConflict("users_phone_key", ErrPhoneTaken).
		Else(ErrVersionMismatch)
}

// setDeleted writes whether a member that was loaded as old is deleted.
func setDeleted(old, u *User) query.Change {
	return query.Exec(`
		update users set deleted_at = $3, updated_at = $4, version = version + 1
		where id = $1 and version = $2`, u.ID, old.Version, u.DeletedAt, u.UpdatedAt).
		OnConflict("users_phone_key", ErrPhoneTaken).
		Else(ErrVersionMismatch)
}

// now returns a time as it is stored.
func now(at time.Time) time.Time { return at.UTC().Truncate(time.Microsecond) }
