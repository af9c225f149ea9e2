package member

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/internal/field"
	"github.com/musterhq/muster/internal/ids"
	"github.com/musterhq/muster/internal/nameindex"
	"github.com/musterhq/muster/query"
	"github.com/musterhq/muster/session"
)

// The faults of operations.
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

// UserColumns are the columns of users, as u, that [ScanUser] scans.
var UserColumns = users.Columns("u.")

var userScanner = field.NewScanner[User]()

// ScanUser scans a row of [UserColumns].
func ScanUser(r query.Row) (u User, err error) {
	u, err = userScanner.Scan(r)
	if u.BirthYear != nil && *u.BirthYear == 0 {
		u.BirthYear = nil
	}
	u.CreatedAt = u.ID.Time()
	return u, err
}

// StoredYear returns a birth year as it is stored, 0 for none: the two databases
// sort NULL differently.
func StoredYear(year *int) int {
	if year == nil {
		return 0
	}
	return *year
}

// Load returns a member with the relations in rel, in one round trip: a statement
// for the member and one for each relation. Faults: not_found, also for a deleted
// member unless rel has [IncludeDeleted].
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

// RelationsOf loads the relations in rel of a page of members, with a statement
// for each: the functions that it returns set those of a member.
func RelationsOf(list []ids.Member, rel Relations) query.Query[[]func(*Detail)] {
	return query.Together(func(attach *[]func(*Detail)) (parts []query.Part) {
		*attach = make([]func(*Detail), len(relations))
		for i, r := range relations {
			if (*attach)[i] = func(*Detail) {}; rel.has(i) {
				parts = append(parts, query.Into(&(*attach)[i], r.loadAll(list)))
			}
		}
		return parts
	})
}

// WithRelations returns the users with the relations in rel, in one round trip,
// or none if rel is empty.
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
		for _, fn := range attach {
			fn(&page[i])
		}
	}
	return page, nil
}

// TakenPhones returns those of the E.164 phones that a live member has.
func TakenPhones(phones []string) query.Query[[]string] {
	return query.Many("select phone from users where phone {in $1} and deleted_at is null", scanText, phones)
}

// KnownExternalIDs returns those of the external IDs that a member has, deleted
// or not.
func KnownExternalIDs(list []string) query.Query[[]string] {
	return query.Many("select external_id from users where external_id {in $1} and external_id is not null", scanText, list)
}

func scanText(r query.Row) (s string, err error) { return s, r.Scan(&s) }

// The statements that write a user.
var (
	insertText = users.Insert("users", "name_key", "created_at")
	written    = slices.DeleteFunc(slices.Clone(users.Fields), func(f *field.Field) bool { return f.ReadOnly || f.Column == "" })

	updateText = func() string {
		var set strings.Builder
		for i, f := range written {
			set.WriteString(f.Column + " = $" + strconv.Itoa(6+i) + ", ")
		}
		return "update users set " + set.String() + `name_key = $4, updated_at = $5, version = version + 1
			where id = $1 and version = $2 and deleted_at is null and status {in $3}`
	}()
)

// insertUser inserts the row of a new member, whose normalized name is name.
func insertUser(u *User, name string) query.Change {
	return query.Exec(insertText, users.Values([]any{name, u.CreatedAt}, u)...).
		OnConflict("users_phone_key", ErrPhoneTaken).
		OnConflict("users_external_id_key", ErrExternalTaken)
}

// update updates the row of a member that was loaded as old, if it did not change
// since and its status may become the new one.
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

// setDeleted updates whether a member that was loaded as old is deleted.
func setDeleted(old, u *User) query.Change {
	return query.Exec(`
		update users set deleted_at = $3, updated_at = $4, version = version + 1
		where id = $1 and version = $2`, u.ID, old.Version, u.DeletedAt, u.UpdatedAt).
		OnConflict("users_phone_key", ErrPhoneTaken).
		Else(ErrVersionMismatch)
}
