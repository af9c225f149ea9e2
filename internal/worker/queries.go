package worker

import (
	"time"

	"github.com/musterhq/muster/query"
)

// takeLease gives the lease to the holder, or extends it, and touches a row; it
// touches none while another holder's lease has not expired.
func takeLease(name, holder string, now, expires time.Time) query.Change {
	return query.Exec(`
		insert into lease (name, holder, expires_at) values ($1, $2, $3)
		on conflict (name) do update set holder = excluded.holder, expires_at = excluded.expires_at
			where lease.holder = excluded.holder or lease.expires_at <= $4`, name, holder, expires, now)
}

// dropLease removes the lease if the holder has it.
func dropLease(name, holder string) query.Change {
	return query.Exec("delete from lease where name = $1 and holder = $2", name, holder)
}
