package operator

import (
	"time"

	"github.com/musterhq/muster/internal/ids"
	"github.com/musterhq/muster/query"
)

// The bounds of lists.
const (
	maxTokens    = 1000
	maxOperators = 1000
	maxRoles     = 200
)

// Authenticate returns the caller with a secret that is valid at the time, and
// what its role allows now. A token that was not used for as long as idle says,
// unless that is zero, is no longer valid. The query always has a row, so that an
// engine that meets a bad token stops there, before the queries that run with
// this one. Faults: invalid_token, revoked_token, expired_token,
// disabled_operator, idle_token.
func Authenticate(s Secret, at time.Time, idle time.Duration) query.Query[Caller] {
	var used time.Time
	if idle > 0 {
		used = at.Add(-idle)
	}
	return query.One(`
		select case when o.id is null then 1 when t.revoked_at is not null then 2 when t.expires_at <= $2 then 3
				when o.disabled_at is not null then 4 when coalesce(t.last_used_at, t.created_at) < $3 then 5 else 0 end,
			coalesce(t.id, $4), coalesce(o.id, $4), coalesce(o.role, ''), t.expires_at, t.scope, r.permissions
		from (select 1 as one) as always
			left join api_tokens t on t.token_hash = $1
			left join operators o on o.id = t.operator_id
			left join roles r on r.name = o.role`,
		scanCaller, s.Hash(), at, used, ids.Row{})
}

// refusals are the faults that the first column numbers.
var refusals = [...]error{nil, ErrInvalid, ErrRevoked, ErrExpired, ErrDisabled, ErrIdle}

func scanCaller(r query.Row) (c Caller, err error) {
	var refusal int
	var scope, permissions *string
	err = r.Scan(&refusal, &c.Token, &c.Operator, &c.Role, &c.ExpiresAt, &scope, &permissions)
	if err != nil {
		return c, err
	}
	if err = refusals[refusal]; err != nil {
		return Caller{}, err
	}
	c.May = allowed(c.Role, permissions)
	if scope != nil {
		c.Scoped = true
		c.May &= stored(*scope) | Of(Anyone)
	}
	return c, nil
}

// selectTokens reads tokens. Those from before there were operators have none.
var selectTokens = "select " + tokens.Columns("") + ", operator_id, scope from api_tokens "

func scanToken(r query.Row) (t Token, err error) {
	var operator *ids.Operator
	var scope *string
	if err = r.Scan(append(tokens.Pointers(nil, &t), &operator, &scope)...); err != nil {
		return t, err
	}
	if operator != nil {
		t.Operator = *operator
	}
	if scope != nil {
		t.Scope = scopeOf(*scope)
	}
	return t, nil
}

// Tokens lists the tokens of all operators, the newest first; at most 1,000.
func Tokens() query.Query[[]Token] {
	return query.Many(selectTokens+"order by id desc limit $1", scanToken, maxTokens)
}

// TokensOf lists the tokens of an operator, the newest first; at most 1,000.
func TokensOf(id ids.Operator) query.Query[[]Token] {
	return query.Many(selectTokens+"where operator_id = $1 order by id desc limit $2", scanToken, id, maxTokens)
}

// tokensMatching returns up to two tokens with this prefix or name: those with the
// prefix first, and then those in use.
func tokensMatching(text string) query.Query[[]Token] {
	return query.Many(selectTokens+`
		where prefix = $1 or name = $1
		order by case when prefix = $1 then 0 else 1 end, case when revoked_at is null then 0 else 1 end, id desc limit 2`, scanToken, text)
}

func tokenByID(id ids.Row) query.Query[Token] {
	return query.One(selectTokens+"where id = $1", scanToken, id).Else(ErrNoToken)
}

func insertToken(t Token, hash []byte) query.Change {
	var scope any
	if t.Scope != nil {
		scope = t.Scope.String()
	}
	return query.Exec(`
		insert into api_tokens (id, operator_id, name, prefix, token_hash, scope, created_at, expires_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8)`,
		t.ID, t.Operator, t.Name, t.Prefix, hash, scope, t.CreatedAt, t.ExpiresAt)
}

func revokeToken(id ids.Row, at time.Time) query.Change {
	return query.Exec("update api_tokens set revoked_at = $2 where id = $1 and revoked_at is null", id, at)
}

// adopt assigns the tokens from before there were operators to one.
func adopt(id ids.Operator) query.Change {
	return query.Exec("update api_tokens set operator_id = $1 where operator_id is null", id)
}

// setLastUsed never moves the time backwards.
func setLastUsed(id ids.Row, at time.Time) query.Change {
	return query.Exec(`
		update api_tokens set last_used_at = $2
		where id = $1 and (last_used_at is null or last_used_at < $2)`, id, at)
}

var selectOperators = "select " + operators.Columns("") + " from operators "

func scanOperator(r query.Row) (o Operator, err error) {
	return o, r.Scan(operators.Pointers(nil, &o)...)
}

// Operators lists the operators in the order of their creation; at most 1,000.
func Operators() query.Query[[]Operator] {
	return query.Many(selectOperators+"order by id limit $1", scanOperator, maxOperators)
}

// ByID returns an operator. Faults: operator_not_found.
func ByID(id ids.Operator) query.Query[Operator] {
	return query.One(selectOperators+"where id = $1", scanOperator, id).Else(ErrNoOperator)
}

// ByName returns an operator. Faults: operator_not_found.
func ByName(name string) query.Query[Operator] {
	return query.One(selectOperators+"where name_key = $1", scanOperator, normalizedName(name)).Else(ErrNoOperator)
}

// First returns the oldest operator, the administrator that the first start
// created. Faults: operator_not_found.
func First() query.Query[Operator] {
	return query.One(selectOperators+"order by id limit 1", scanOperator).Else(ErrNoOperator)
}

// otherAdministrators counts the enabled administrators besides the operator, up
// to one.
func otherAdministrators(id ids.Operator) query.Query[int] {
	return query.Scalar[int](`
		select count(*) from (
			select id from operators where role = $2 and id <> $1 and disabled_at is null limit 1) as found`, id, Administrator)
}

func anyOperator() query.Query[int] {
	return query.Scalar[int]("select count(*) from (select id from operators limit 1) as found")
}

func insertOperator(o Operator) query.Change {
	return query.Exec(`
		insert into operators (id, name, name_key, role, created_at, updated_at, version)
		values ($1, $2, $3, $4, $5, $6, 1)`,
		o.ID, o.Name, normalizedName(o.Name), o.Role, o.CreatedAt, o.UpdatedAt).
		OnConflict("operators_name_key", ErrNameTaken)
}

func updateOperator(old, o Operator) query.Change {
	return query.Exec(`
		update operators set name = $3, name_key = $4, role = $5, disabled_at = $6, updated_at = $7, version = version + 1
		where id = $1 and version = $2`,
		o.ID, old.Version, o.Name, normalizedName(o.Name), o.Role, o.DisabledAt, o.UpdatedAt).
		OnConflict("operators_name_key", ErrNameTaken).
		Else(ErrVersionMismatch)
}

var selectRoles = "select " + roles.Columns("") + ", permissions from roles "

func scanRole(r query.Row) (role Role, err error) {
	var permissions string
	err = r.Scan(append(roles.Pointers(nil, &role), &permissions)...)
	role.Permissions, role.Custom = stored(permissions), true
	return role, err
}

// CustomRoles lists the custom roles by name; at most 200.
func CustomRoles() query.Query[[]Role] {
	return query.Many(selectRoles+"order by name limit $1", scanRole, maxRoles)
}

// Roles lists all roles, the standard ones first.
func Roles() query.Query[[]Role] {
	return query.Map(CustomRoles(), func(custom []Role) ([]Role, error) { return append(StandardRoles(), custom...), nil })
}

// customRole returns a custom role, or nil.
func customRole(name string) query.Query[*Role] {
	return query.Maybe(selectRoles+"where name = $1", scanRole, name)
}

func countRoles() query.Query[int] {
	return query.Scalar[int]("select count(*) from roles")
}

// holders counts the operators who have a role, up to one.
func holders(role string) query.Query[int] {
	return query.Scalar[int]("select count(*) from (select id from operators where role = $1 limit 1) as found", role)
}

func insertRole(r Role) query.Change {
	return query.Exec("insert into roles (name, permissions, created_at, updated_at, version) values ($1, $2, $3, $4, 1)",
		r.Name, r.Permissions.String(), r.CreatedAt, r.UpdatedAt)
}

func updateRole(r Role) query.Change {
	return query.Exec("update roles set permissions = $2, updated_at = $3, version = version + 1 where name = $1 and version = $4",
		r.Name, r.Permissions.String(), r.UpdatedAt, r.Version).Else(ErrVersionMismatch)
}

func deleteRole(name string) query.Change {
	return query.Exec("delete from roles where name = $1", name).Else(ErrNoRole)
}
