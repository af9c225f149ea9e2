package idempotency

import (
	"bytes"
	"encoding/json"
	"time"

	"github.com/musterhq/muster/internal/field"
	"github.com/musterhq/muster/internal/ids"
	"github.com/musterhq/muster/query"
)

// row is a stored response, with the request that it belongs to.
type row struct {
	Token     ids.Row   `db:"token_id"`
	Key       string    `db:"key"`
	Call      string    `db:"method_path"`
	BodyHash  []byte    `db:"body_hash"`
	Status    int       `db:"status"`
	Headers   string    `db:"headers"`
	Body      []byte    `db:"body"`
	CreatedAt time.Time `db:"created_at"`
	ExpiresAt time.Time `db:"expires_at"`
}

var rows = field.For[row]()

// Find returns the response that is kept under the key for the token with this
// hash, or nil.
func Find(tokenHash []byte, key string, at time.Time) query.Query[*Response] {
	return query.Maybe("select "+rows.Columns("i.")+`
		from idempotency i join api_tokens t on t.id = i.token_id
		where t.token_hash = $1 and i.key = $2 and i.expires_at > $3`,
		scan, tokenHash, key, at)
}

func scan(r query.Row) (response Response, err error) {
	var x row
	if err := r.Scan(rows.Pointers(nil, &x)...); err != nil {
		return response, err
	}
	response = Response{Status: x.Status, Body: bytes.Clone(x.Body), call: x.Call, bodyHash: bytes.Clone(x.BodyHash)}
	err = json.Unmarshal([]byte(x.Headers), &response)
	return response, err
}

// Store returns the changes that keep a response for [TTL]. They belong into the
// transaction of the request. Faults: [ErrAnswered], if another transaction has
// stored a response under the key.
func Store(token ids.Row, q Request, r Response, at time.Time) []query.Change {
	headers, _ := json.Marshal(r) // strings always encode
	x := row{token, q.Key, q.call(), q.Body[:], r.Status, string(headers), r.Body, at, at.Add(TTL)}
	return []query.Change{
		query.Exec("delete from idempotency where token_id = $1 and key = $2 and expires_at <= $3", token, q.Key, at),
		query.Exec("insert into idempotency ("+rows.Columns("")+") values ($1, $2, $3, $4, $5, $6, $7, $8, $9)", rows.Values(nil, &x)...).
			OnConflict("idempotency_key", ErrAnswered),
	}
}

// sweep deletes up to limit expired responses.
func sweep(at time.Time, limit int) query.Change {
	return query.Exec(`
		delete from idempotency where (token_id, key) in (
			select token_id, key from idempotency where expires_at <= $1 order by expires_at limit $2)`, at, limit)
}
