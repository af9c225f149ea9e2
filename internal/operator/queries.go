package operator

import (
	"time"

	"github.com/musterhq/muster/internal/ids"
	"github.com/musterhq/muster/query"
)

// maxTokens bounds a list of tokens.
const maxTokens = 1000

// Authenticate gives the token of a secret that is good at the time: its id and
// its end. It always has a row, so that an engine that meets a bad token stops there, before the
// queries that run with this one. Faults: invalid_token, expired_token,
// revoked_token.
func Authenticate(s Secret, at time.Time) query.Query[Token] {
	return query.One(`
		select t.id, t.expires_at, t.revoked_at
		from (select 1 as one) as o left join api_tokens t on t.token_hash = $1`,
		func(r query.Row) (t Token, err error) {
			var id *ids.Row
			if err := r.Scan(&id, &t.ExpiresAt, &t.RevokedAt); err != nil {
				return t, err
			}
			if id == nil {
				return t, ErrInvalid
			}
			t.ID = *id
			return t, t.check(at)
		}, s.Hash())
}

const columns = "id, name, prefix, created_at, expires_at, revoked_at, last_used_at"

func scan(r query.Row) (t Token, err error) {
	err = r.Scan(&t.ID, &t.Name, &t.Prefix, &t.CreatedAt, &t.ExpiresAt, &t.RevokedAt, &t.LastUsedAt)
	return t, err
}

// Tokens lists the tokens, the newest first; at most 1,000.
func Tokens() query.Query[[]Token] {
	return query.Many("select "+columns+" from api_tokens order by id desc limit $1", scan, maxTokens)
}

// matching are up to two tokens with this prefix or name, those in use first.
func matching(text string) query.Query[[]Token] {
	return query.Many(`
		select `+columns+` from api_tokens
		where prefix = $1 or name = $1
		order by case when revoked_at is null then 0 else 1 end, id desc limit 2`, scan, text)
}

func byID(id ids.Row) query.Query[Token] {
	return query.One("select "+columns+" from api_tokens where id = $1", scan, id).Else(ErrNoToken)
}

func insert(t Token, hash []byte) query.Change {
	return query.Exec(`
		insert into api_tokens (id, name, prefix, token_hash, created_at, expires_at)
		values ($1, $2, $3, $4, $5, $6)`,
		t.ID, t.Name, t.Prefix, hash, t.CreatedAt, t.ExpiresAt)
}

func revoke(id ids.Row, at time.Time) query.Change {
	return query.Exec("update api_tokens set revoked_at = $2 where id = $1 and revoked_at is null", id, at)
}

// used notes when a token was last used; time does not run backwards.
func used(id ids.Row, at time.Time) query.Change {
	return query.Exec(`
		update api_tokens set last_used_at = $2
		where id = $1 and (last_used_at is null or last_used_at < $2)`, id, at)
}
