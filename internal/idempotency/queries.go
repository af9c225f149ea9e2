package idempotency

import (
	"encoding/json"
	"time"

	"github.com/musterhq/muster/internal/ids"
	"github.com/musterhq/muster/query"
)

// headers are those of an answer that are kept.
type headers struct {
	ETag     string `json:"etag,omitempty"`
	Location string `json:"location,omitempty"`
}

// Find gives what was answered under the key to the holder of the token with
// this hash, or nil.
func Find(tokenHash []byte, key string, at time.Time) query.Query[*Response] {
	return query.Maybe(`
		select i.method_path, i.body_hash, i.status, i.headers, i.body
		from idempotency i join api_tokens t on t.id = i.token_id
		where t.token_hash = $1 and i.key = $2 and i.expires_at > $3`,
		scan, tokenHash, key, at)
}

func scan(r query.Row) (rec Response, err error) {
	var kept string
	if err := r.Scan(&rec.call, &rec.bodyHash, &rec.Status, &kept, &rec.Body); err != nil {
		return rec, err
	}
	var h headers
	err = json.Unmarshal([]byte(kept), &h)
	rec.ETag, rec.Location = h.ETag, h.Location
	return rec, err
}

// Store are the changes that keep an answer for [TTL]. They belong into the
// transaction of what is answered. Faults: [ErrAnswered], when another has kept
// an answer under the key meanwhile.
func Store(token ids.Row, q Request, r Response, at time.Time) []query.Change {
	kept, _ := json.Marshal(headers{r.ETag, r.Location}) // strings: they always encode
	return []query.Change{
		query.Exec("delete from idempotency where token_id = $1 and key = $2 and expires_at <= $3", token, q.Key, at),
		query.Exec(`
			insert into idempotency (token_id, key, method_path, body_hash, status, headers, body, created_at, expires_at)
			values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
			token, q.Key, q.Method+" "+q.Path, q.Body[:], r.Status, string(kept), r.Body, at, at.Add(TTL),
		).OnConflict("idempotency_key", ErrAnswered),
	}
}

// sweep removes up to so many answers whose time is over.
func sweep(at time.Time, most int) query.Change {
	return query.Exec(`
		delete from idempotency where (token_id, key) in (
			select token_id, key from idempotency where expires_at <= $1 order by expires_at limit $2)`, at, most)
}
